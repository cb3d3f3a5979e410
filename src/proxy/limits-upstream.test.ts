/** Limits towards upstreams, mirrors and in headers: at them, and one past them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestHead, wholeResponse } from '../../test/interop/raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  message,
  rawClient,
  startRawServer,
} from '../../test/interop/raw-peer.ts';
import { actionGateway, clusterId, pushingBack, scripted } from '../../test/kit/action-gateway.ts';
import { ManualTime } from '../../test/kit/manual-time.ts';
import { gatewayId, gatewayPortId, proxyOrigin, proxyPlan } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import { ErrorCode } from '../http2/index.ts';
import {
  directMessageCharacters,
  forwardedCertBytes,
  sharedConnectionStreams,
  upstreamResets,
  upstreamResetsForgottenPerSecond,
} from './limits.ts';
import { formatEdgeClientCert } from './xfcc.ts';

const full = END_HEADERS | END_STREAM;

test('retryPushbackMaxMs: who asks for a longer wait gets no other attempt', async (t) => {
  for (const [pushback, requests] of [
    ['5', 2],
    ['6', 1],
  ] as const) {
    const backend = await pushingBack(t, pushback);
    const origin = proxyOrigin('VirtualService', 'echo', 17);
    const retry = {
      origin,
      attempts: 1,
      on: ['unavailable'],
      statusCodes: [],
      backoffMs: 1,
      avoidTried: true,
    } as const;
    const options = { limits: { retryPushbackMaxMs: 5 } };
    const { grpc } = await actionGateway(t, { endpoints: [backend.address], route: { retry }, options });
    assert.equal((await grpc()).headers['grpc-status'], '14');
    assert.equal(backend.requests, requests, pushback);
  }
});

test('mirrorQueueBytes: a copy that is so far behind goes on, one byte more and it is given up', async (t) => {
  const mirrorQueueBytes = 1_000;
  // A server that gives no credit takes its first window and nothing more.
  const windowBytes = 65_535;
  for (const [bytes, behind] of [
    [windowBytes + mirrorQueueBytes, undefined],
    [windowBytes + mirrorQueueBytes + 1, 1],
  ] as const) {
    const main = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(0) });
    const shadow = await startRawServer({ wide: false });
    t.after(() => shadow.close());
    const { gateway, address } = await actionGateway(t, {
      endpoints: [main.address],
      clusters: { shadow: [shadow.address] },
      route: {
        mirrors: [{ origin: proxyOrigin('HTTPRoute', 'echo', 40), cluster: clusterId('shadow'), percent: 100 }],
      },
      options: { limits: { mirrorQueueBytes } },
    });
    const client = rawClient(address);
    t.after(() => client.destroy());
    client.send(build.headers(1, requestHead));
    const { connection, id } = await shadow.received(1);
    const body = message(bytes - 5);
    const taken = (): number =>
      connection.of(id).reduce((sum, { type, payload }) => sum + (type === Frame.DATA ? payload.length : 0), 0);
    for (let at = 0; at < windowBytes; at += 16_000)
      client.send(build.data(1, body.subarray(at, Math.min(at + 16_000, windowBytes))));
    await connection.seen(() => taken() === windowBytes);
    client.send(build.data(1, body.subarray(windowBytes), END_STREAM));
    await client.ended(1);
    const outcomes = gateway.counters.snapshot().filter(({ name }) => name === 'sallyport_mirrored_requests_total');
    assert.equal(outcomes.find(({ labels }) => labels[1]?.[1] === 'behind')?.value, behind, `${bytes} bytes`);
  }
});

test('upstreamResets and upstreamResetsForgottenPerSecond: then the connection gets a successor', async (t) => {
  const server = await startRawServer({});
  t.after(() => server.close());
  const clock = new ManualTime();
  const gateway = await startProxy(gatewayId, { clock });
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [server.address] }));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  t.after(() => client.destroy());
  let calls = 0;
  const cancel = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) {
      const id = 1 + 2 * calls;
      client.send(build.headers(id, requestHead));
      const { connection, id: upstreamId } = await server.received(++calls);
      client.send(build.reset(id, ErrorCode.CANCEL));
      await connection.seen((seen) => seen.type === Frame.RST_STREAM && seen.id === upstreamId);
    }
  };
  await cancel(upstreamResets - 1);
  clock.advance(1_000);
  // A connection's time is that of what it read last.
  await server.connections[0]?.settled();
  await cancel(upstreamResetsForgottenPerSecond);
  assert.equal(server.connections.length, 1);
  // This one is the last that fits; it goes where the others went.
  await cancel(1);
  assert.equal(server.connections.length, 1);
  await cancel(1);
  assert.equal(server.connections.length, 2);
});

test('sharedConnectionStreams: one more request takes a second connection, whatever the server would take', async (t) => {
  const server = await startRawServer({ settings: [[3, 1_000]] });
  t.after(() => server.close());
  const gateway = await startProxy(gatewayId);
  t.after(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [server.address] }));
  const clients = [0, 1].map(() => rawClient(gateway.addressOf(gatewayPortId)));
  t.after(() => clients.forEach((client) => client.destroy()));
  const open = async (count: number, index: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) clients[index]?.send(build.headers(1 + 2 * i, requestHead, full));
  };
  await open(sharedConnectionStreams, 0);
  await server.received(sharedConnectionStreams);
  assert.equal(server.connections.length, 1);
  await open(1, 1);
  const { connection, id } = await server.received(sharedConnectionStreams + 1);
  assert.equal(server.connections.length, 2);
  connection.send(wholeResponse(id, message(1)));
  await clients[1]?.ended(1);
});

test('forwardedCertBytes: first the certificate is left out, then all but the hash', () => {
  const facts = { hash: 'ab', subject: '', uris: [], dnsNames: [] };
  const withPem = (characters: number): string => formatEdgeClientCert({ ...facts, pem: 'p'.repeat(characters) });
  const besideCert = withPem(0).length;
  assert.equal(withPem(forwardedCertBytes - besideCert).length, forwardedCertBytes);
  assert.equal(withPem(forwardedCertBytes - besideCert + 1), 'Hash=ab;Subject=""');
  const withSubject = (characters: number): string =>
    formatEdgeClientCert({ ...facts, pem: 'p'.repeat(forwardedCertBytes), subject: 's'.repeat(characters) });
  const besideSubject = withSubject(0).length;
  assert.equal(withSubject(forwardedCertBytes - besideSubject).length, forwardedCertBytes);
  assert.equal(withSubject(forwardedCertBytes - besideSubject + 1), 'Hash=ab');
});

test('directMessageCharacters', async (t) => {
  for (const [length, sent] of [
    [directMessageCharacters, directMessageCharacters],
    [directMessageCharacters + 1, directMessageCharacters],
  ] as const) {
    const origin = proxyOrigin('VirtualService', 'echo', 17);
    const action = { type: 'direct', origin, status: 503, body: 'x'.repeat(length) } as const;
    const { grpc } = await actionGateway(t, { route: { action } });
    assert.equal((await grpc()).headers['grpc-message']?.length, sent);
  }
});
