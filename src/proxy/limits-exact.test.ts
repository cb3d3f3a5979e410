/** Limits of a proxy that need a clock, or no sockets at all: at the limit, and one past it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadAddress } from '../../test/kit/dead-address.ts';
import { fieldOf, requestHead, wholeResponse } from '../../test/interop/raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  message,
  rawClient,
  startRawServer,
  type RawConnection,
} from '../../test/interop/raw-peer.ts';
import { ManualTime } from '../../test/kit/manual-time.ts';
import { gatewayId, gatewayPortId, proxyPlan, publicHost } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import { startScripted } from '../../test/kit/proxy-scripted.ts';
import { TimerWheel } from '../transport/index.ts';
import { ExchangePool, type Exchange } from './exchange.ts';
import { defaultProxyLimits, requestsSentOnAtOnce } from './limits.ts';
import { askReflection, type ReflectionOutcome } from './reflection-query.ts';
import { UpstreamPool } from './upstream-pool.ts';

const full = END_HEADERS | END_STREAM;

async function statusOf(client: RawConnection, id: number): Promise<string | undefined> {
  const frames = await client.ended(id);
  return fieldOf(frames.findLast(({ type }) => type === Frame.HEADERS)?.fields, 'grpc-status');
}

test('backoffBaseMs and backoffMaxMs: no new attempt before the wait is over, which doubles up to the longest', async (t) => {
  const time = new ManualTime();
  const limits = { backoffBaseMs: 100, backoffMaxMs: 350, attemptsPerRequest: 1 };
  // The whole of the wait, and no jitter.
  const gateway = await startProxy(gatewayId, { limits, clock: time, random: () => 1 });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [await deadAddress()] }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  const attempts = (): number => gateway.logLines.filter((line) => line.includes('connection failed')).length;
  let id = -1;
  const call = async (): Promise<void> => {
    id += 2;
    client.send(build.headers(id, requestHead, full));
    assert.equal(await statusOf(client, id), '14');
  };
  // The second try has no wait.
  await call();
  assert.equal(attempts(), 2);
  for (const [index, waitMs] of [100, 200, 350, 350].entries()) {
    time.advance(waitMs - 1);
    await call();
    assert.equal(attempts(), index + 2, `${waitMs - 1} ms after attempt ${index + 2}`);
    time.advance(1);
    await call();
    assert.equal(attempts(), index + 3, `${waitMs} ms after attempt ${index + 2}`);
  }
});

test('upstreamIdleMs: a connection without requests is closed, and the next request gets another', async (t) => {
  const server = await startRawServer({
    onEnd: ({ connection, id }) => connection.send(wholeResponse(id, message(1))),
  });
  t.after(() => server.close());
  // The idle time is looked at as often as that of an incomplete head.
  const limits = { upstreamIdleMs: 20, transport: { headersTimeoutMs: 20 } };
  const gateway = await startProxy(gatewayId, { limits });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [server.address] }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  client.send(build.headers(1, requestHead, full));
  assert.equal(await statusOf(client, 1), '0');
  await server.connections[0]?.closed;
  const again = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => again.destroy());
  again.send(build.headers(1, requestHead, full));
  assert.equal(await statusOf(again, 1), '0');
  assert.equal(server.connections.length, 2);
});

test('pooledExchanges: so many records are kept, and the next is made anew', () => {
  const pool = new ExchangePool({ capacity: 2, onDeadline: () => undefined });
  const first = [pool.take(), pool.take(), pool.take()];
  for (const exchange of first) pool.give(exchange);
  const second = [pool.take(), pool.take(), pool.take()];
  assert.equal(second.filter((exchange) => first.includes(exchange)).length, 2);
});

test('reflectionRequestBytes', async (t) => {
  const gateway = await startProxy(gatewayId, { limits: { reflectionRequestBytes: 50 } });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [], reflection: true }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const head = requestHead.map(([name, value]) => [name, name === ':path' ? path : value] as const);
  for (const [id, bytes, status] of [
    // Nobody has told what he serves, which is said to a request that could be read.
    [1, 50, '14'],
    [3, 51, '8'],
  ] as const) {
    client.send(build.headers(id, head), build.data(id, message(bytes), END_STREAM));
    assert.equal(await statusOf(client, id), status, `${bytes} bytes`);
  }
});

test('learnTimeoutMs: a workload that never answers is given up then', async (t) => {
  const backend = await startScripted({ onRequest: () => undefined });
  t.after(() => backend.close());
  const wheel = new TimerWheel();
  t.after(() => wheel.close());
  const outcome = await new Promise<ReflectionOutcome>((onEnd) => {
    const limits = { ...defaultProxyLimits, learnTimeoutMs: 50 };
    askReflection({ address: backend.address, authority: publicHost, wheel, limits, onEnd });
  });
  assert.deepEqual(outcome, { type: 'failed', detail: 'timeout' });
});

test('requestsSentOnAtOnce: so many of one chunk at once, one more after the other connections', async (t) => {
  const backend = await startScripted({ onRequest: () => undefined, onEnd: (request) => request.end(0) });
  t.after(() => backend.close());
  const manyStreams = { ...defaultProxyLimits.clientConnection, maxConcurrentStreams: requestsSentOnAtOnce + 1 };
  const limits = { clientConnection: manyStreams, slowStartRequests: 2 * requestsSentOnAtOnce };
  const gateway = await startProxy(gatewayId, { limits });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  // Requests between two looks at the queue of microtasks were sent on at once.
  const groups: number[] = [];
  let group = 0;
  const request: (this: UpstreamPool, exchange: Exchange) => void = Reflect.get(UpstreamPool.prototype, 'request');
  t.mock.method(UpstreamPool.prototype, 'request', function count(this: UpstreamPool, exchange: Exchange) {
    if (group++ === 0) queueMicrotask(() => (groups.push(group), (group = 0)));
    request.call(this, exchange);
  });
  let id = 1;
  const sendAndWait = async (count: number): Promise<number[]> => {
    const last = id + 2 * (count - 1);
    const heads: Buffer[] = [];
    for (; id <= last; id += 2) heads.push(Buffer.from(build.headers(id, requestHead, full)));
    client.send(Buffer.concat(heads));
    assert.equal(await statusOf(client, last), '0');
    return groups.splice(0);
  };
  assert.deepEqual(await sendAndWait(1), [1]);
  assert.deepEqual(await sendAndWait(requestsSentOnAtOnce), [requestsSentOnAtOnce]);
  assert.deepEqual(await sendAndWait(requestsSentOnAtOnce + 1), [requestsSentOnAtOnce, 1]);
});
