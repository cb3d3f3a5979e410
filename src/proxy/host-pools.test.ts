import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internField } from '../http2/index.ts';
import type { EndpointPool, PoolSettings } from './endpoint-pool.ts';
import { Exchange } from './exchange.ts';
import { HostPools } from './host-pools.ts';
import { hostPoolsPerEndpoint } from './limits.ts';

class FakePool implements EndpointPool {
  settings: PoolSettings;
  connections = 1;
  readonly opened = 1;
  readonly pending = 0;
  isBackingOff = false;
  requests = 0;
  drained = false;

  constructor(settings: PoolSettings) {
    this.settings = settings;
  }

  request(): void {
    this.requests++;
  }

  forget(): void {}

  recycle(): void {}

  drain(): void {
    this.drained = true;
  }

  close(): void {
    this.connections = 0;
  }
}

const settings: PoolSettings = { connectTimeoutMs: 1, usage: { connections: 0, pending: 0 } };

function forHost(authority: string): Exchange {
  const exchange = new Exchange(() => undefined, false);
  exchange.head[exchange.headCount++] = internField(':authority', authority);
  return exchange;
}

function make(): { readonly pools: HostPools; readonly made: Map<string, FakePool> } {
  const made = new Map<string, FakePool>();
  const pools = new HostPools(settings, (host, current) => {
    const pool = new FakePool(current);
    made.set(host, pool);
    return pool;
  });
  return { pools, made };
}

test('one pool for each host, whatever its case and port', () => {
  const { pools, made } = make();
  for (const authority of ['a.com', 'A.com:443', 'b.com', 'a.com.']) pools.request(forHost(authority));
  assert.deepEqual(
    [...made].map(([host, { requests }]) => `${host} ${requests}`),
    ['a.com 3', 'b.com 1'],
  );
  assert.equal(pools.connections, 2);
  const changed = { ...settings, maxConnections: 1 };
  pools.settings = changed;
  assert.ok([...made.values()].every((pool) => pool.settings === changed));
});

test('hostPoolsPerEndpoint: the host that was called longest ago gives way, and its connections are still counted and closed', () => {
  const { pools, made } = make();
  pools.request(forHost('first.com'));
  for (let i = 1; i < hostPoolsPerEndpoint; i++) pools.request(forHost(`${i}.com`));
  pools.request(forHost('first.com'));
  pools.request(forHost('one-more.com'));
  assert.equal(made.get('first.com')?.drained, false);
  assert.equal(made.get('1.com')?.drained, true);
  assert.equal(pools.connections, hostPoolsPerEndpoint + 1);
  pools.close();
  assert.equal(pools.connections, 0);
});

test('backing off only when every host is', () => {
  const { pools, made } = make();
  assert.equal(pools.isBackingOff, false);
  for (const host of ['a.com', 'b.com']) pools.request(forHost(host));
  (made.get('a.com') as FakePool).isBackingOff = true;
  assert.equal(pools.isBackingOff, false);
  (made.get('b.com') as FakePool).isBackingOff = true;
  assert.equal(pools.isBackingOff, true);
});
