import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { parseManifest } from '../manifest/index.ts';
import { isAddressBlock, isIP } from './address.ts';
import { decodeAll, type DecodeResult } from './decode-all.ts';
import { durationMs, gatewayDuration, goDuration } from './fields.ts';
import { nearestName } from './nearest.ts';
import { supportedFields } from './supported-fields.ts';

function decode(text: string): DecodeResult {
  const { documents, diagnostics } = parseManifest(text, 'x.yaml');
  assert.deepEqual(diagnostics, []);
  return decodeAll(documents);
}

function rule(version: string, host: string): string {
  return `apiVersion: networking.istio.io/${version}\nkind: DestinationRule\nmetadata: { name: a }\nspec: { host: ${host} }\n`;
}

describe('decodeAll', () => {
  test('nulls are absent values, as helm prints them', () => {
    const { resources, diagnostics } = decode(
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels:\n  creationTimestamp: null\nspec:\n  selector:\n  ports: null\n',
    );
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(resources.services[0]?.spec.ports, []);
  });

  test('of two objects with one identity the later counts, whatever their versions', () => {
    const { resources, diagnostics } = decode(`${rule('v1', 'first')}---\n${rule('v1beta1', 'second')}`);
    assert.deepEqual(
      resources.destinationRules.map(({ spec }) => spec.host.value),
      ['second'],
    );
    assert.deepEqual(
      diagnostics.map(({ code, origin }) => [code, origin.line]),
      [['SP0210', 1]],
    );
  });

  test('one refused object leaves the others, and is named', () => {
    const { resources } = decode(
      'apiVersion: v1\nkind: Service\nmetadata: { name: bad }\nspec: { prots: [] }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: good }\n',
    );
    assert.deepEqual(
      resources.services.map(({ metadata }) => metadata.name),
      ['good'],
    );
    assert.deepEqual(
      resources.rejected.map(({ group, origin }) => [group, origin.kind, origin.name, origin.line]),
      [['', 'Service', 'bad', 1]],
    );
  });

  test('names of object methods are ordinary keys', () => {
    const { resources, diagnostics } = decode(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: constructor, labels: { toString: x } }\ndata: { constructor: a, hasOwnProperty: b }\n',
    );
    assert.deepEqual(diagnostics, []);
    assert.deepEqual({ ...resources.configMaps[0]?.data }, { constructor: 'a', hasOwnProperty: 'b' });
  });

  test('what a Secret holds is never printed', () => {
    const { resources, diagnostics } = decode(
      'apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata: { a: c2VjcmV0 }\nstringData: { a: hunter2, b: hunter2 }\n---\napiVersion: v1\nkind: Secret\nmetadata: { name: bad }\ndata: { a: "hunter2!" }\nstringData: { hunter: [hunter2] }\n',
    );
    assert.equal(resources.secrets[0]?.data['a']?.reveal(), 'hunter2');
    assert.doesNotMatch(
      inspect(resources, { depth: 9 }) + JSON.stringify([resources, diagnostics]),
      /hunter2|c2VjcmV0/,
    );
  });

  test('a thousand routes take well under a second', () => {
    const routes = Array.from(
      { length: 1_000 },
      (_, index) =>
        `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r${index} }\nspec:\n  parentRefs: [{ name: g }]\n  rules:\n  - matches:\n    - path: { value: /a.B${index} }\n    backendRefs:\n    - { name: s, port: 80 }\n`,
    );
    const startMs = performance.now();
    const { resources } = decode(routes.join('---\n'));
    assert.equal(resources.httpRoutes.length, 1_000);
    assert.ok(performance.now() - startMs < 5_000, 'even on a busy machine');
  });
});

describe('supportedFields', () => {
  test('names each field once, with a consequence where it is not implemented', () => {
    const fields = supportedFields();
    const names = fields.map(({ group, kind, path }) => `${group}/${kind} ${path}`);
    assert.equal(new Set(names).size, names.length);
    for (const { support, consequence, path } of fields) {
      // What is accepted may say why, where its name does not.
      const isReported = support === 'ignored' || support === 'refused';
      assert.ok(support === 'accepted' || (consequence !== '') === isReported, path);
    }
    const find = (kind: string, path: string): string | undefined =>
      fields.find((field) => field.kind === kind && field.path === path)?.support;
    assert.equal(find('HTTPRoute', 'spec.rules[].matches[].path.value'), 'implemented');
    assert.equal(find('HTTPRoute', 'spec.rules[].filters[].cors.maxAge'), 'implemented');
    assert.equal(find('HTTPRoute', 'spec.rules[].filters[].extensionRef'), 'refused');
    assert.equal(find('HTTPRoute', 'spec.rules[].sessionPersistence'), 'ignored');
    assert.equal(find('Pod', 'spec.tolerations'), 'accepted');
  });
});

describe('values', () => {
  test('addresses and blocks', () => {
    for (const good of ['1.2.3.4', '::', '::1', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'])
      assert.ok(isIP(good), good);
    for (const bad of [
      '',
      '1.2.3',
      '1.2.3.256',
      '01.2.3.4',
      ':::',
      '1:2:3',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      'a.b.c.d',
      '12345::',
    ]) {
      assert.ok(!isIP(bad), bad);
    }
    for (const good of ['10.0.0.0/8', '::/0', '1.2.3.4']) assert.ok(isAddressBlock(good), good);
    for (const bad of ['10.0.0.0/33', '::/129', '1.2.3.4/', '1.2.3.4/08', '/8', '1.2.3.4/8/8'])
      assert.ok(!isAddressBlock(bad), bad);
  });

  test('durations of both dialects', () => {
    assert.equal(durationMs('1h2m3s4ms'), 3_723_004);
    assert.equal(durationMs('1.5s'), 1_500);
    assert.equal(durationMs('500us'), 0.5);
    for (const bad of ['1.5s', '10', '-1s', '', '1h1h1h1h1h']) assert.ok(!gatewayDuration.safeParse(bad).success, bad);
    for (const bad of ['10', '-1s', '', 's', '1 s']) assert.ok(!goDuration.safeParse(bad).success, bad);
  });

  test('suggestions are near or absent', () => {
    assert.equal(nearestName('hostname', ['rules', 'hostnames']), 'hostnames');
    assert.equal(nearestName('HOSTNAMES', ['rules', 'hostnames']), 'hostnames');
    assert.equal(nearestName('timeout', ['rules', 'hostnames']), undefined);
    assert.equal(nearestName('x'.repeat(1_000_000), ['rules']), undefined);
  });
});
