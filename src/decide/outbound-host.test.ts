import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildHostIndex } from './host-index.ts';
import { lookupOutbound, missedOutbound } from './outbound-host.ts';

const index = buildHostIndex([
  ['asset.default.svc.cluster.local:8080', 'asset 8080'],
  ['asset.default.svc.cluster.local', 'asset'],
  ['api.shop.svc.cluster.local:443', 'service api of shop'],
  ['*.shop:443', 'anything of the domain shop'],
  ['*.example.com:443', 'outside'],
  ['once.example.com:443', 'once'],
]);

function lookup(authority: string, namespace = 'default'): string | undefined {
  return lookupOutbound(index, { authority, namespace });
}

test('a Service is found by each of its names, with the port that is written', () => {
  for (const name of ['asset', 'asset.default', 'asset.default.svc', 'asset.default.svc.cluster.local']) {
    assert.equal(lookup(name), 'asset', name);
    assert.equal(lookup(`${name}:8080`), 'asset 8080', name);
    assert.equal(lookup(`${name}:8081`), undefined, name);
  }
  assert.equal(lookup('ASSET.Default.:08080'), 'asset 8080');
});

test('a name without dots is of the namespace of the caller', () => {
  assert.equal(lookup('asset', 'shop'), undefined);
  assert.equal(lookup('asset.default', 'shop'), 'asset');
});

test('a full name goes before a wildcard, an exact one before both', () => {
  assert.equal(lookup('api.shop:443'), 'service api of shop');
  assert.equal(lookup('other.shop:443'), 'anything of the domain shop');
  assert.equal(lookup('twice.example.com:443'), 'outside');
  assert.equal(lookup('once.example.com:443'), 'once');
  assert.equal(lookup('once.example.com:80'), undefined);
});

test('what is no name is found nowhere', () => {
  for (const authority of [
    '',
    ':8080',
    '.',
    '127.0.0.1:8080',
    '[::1]:8080',
    'asset:',
    'asset:x',
    'asset.default.other',
  ]) {
    assert.equal(lookup(authority), authority === 'asset:' ? 'asset' : undefined, authority);
  }
});

test('a Service that nothing runs behind is told apart from a host that nobody knows', () => {
  const outbound = {
    namespace: 'default',
    unknownHosts: 'ALLOW_ANY',
    origin: undefined,
    idleHosts: new Set(['idle.default.svc.cluster.local']),
  } as const;
  assert.equal(missedOutbound(outbound, 'idle:9999'), 'idle_host');
  assert.equal(missedOutbound(outbound, 'idle.other'), 'unknown_host');
});
