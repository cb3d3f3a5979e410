/**
 * The honest traffic that defences against floods have broken elsewhere, F1 to F10: no call fails, no connection is lost,
 * no limit acts. Small here; SALLYPORT_LONG=1 runs the full sizes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GrpcStatus as Status } from '../../src/grpc/index.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../kit/proxy-client.ts';
import { startMesh, type TestMesh } from '../kit/proxy-mesh.ts';
import { caseNames, type CaseName } from './cases.ts';
import { runToEnd } from './executables.ts';
import { answer, headWith, okTrailers, rawMesh, requestHead, responseHead } from './raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, Frame, INITIAL_WINDOW_SIZE, message } from './raw-peer.ts';
import { stacks } from './stacks.ts';
import { startGrpcJsServer } from './servers/grpc-js.ts';

const isLong = process.env['SALLYPORT_LONG'] === '1';
const END = END_HEADERS | END_STREAM;
const ENHANCE_YOUR_CALM = 11;

/** The small size, and the full one. */
function sized(small: number, full: number): number {
  return isLong ? full : small;
}

/** Neither proxy has anything to complain about. */
function assertCalm({ gateway, sidecar }: TestMesh): void {
  const lines = [...gateway.logLines, ...sidecar.logLines];
  assert.deepEqual(
    lines.filter((line) => /limit|GOAWAY|protocol error|ENHANCE/i.test(line)),
    [],
  );
}

describe('with a grpc-js client and server', () => {
  let backend: EchoBackend;
  let mesh: TestMesh;
  let client: EchoClient;

  before(async () => {
    backend = await startEchoBackend();
    mesh = await startMesh({ application: backend.address, pathPrefix: '/' });
    client = echoClient(mesh.gatewayAddress);
    assert.equal((await client.unary('warm')).code, Status.OK);
  });
  after(async () => {
    client.close();
    await mesh.close();
    backend.close();
  });

  /**
   * All calls so far came on one connection from the client. Towards the server there may be more: a sidecar replaces a
   * connection on which many calls were cancelled, gracefully, before the server takes it for an attacker's.
   */
  function assertOneConnection(): void {
    assertCalm(mesh);
    assert.deepEqual(
      mesh.gateway.proxy.snapshot().ports.map(({ connections }) => connections),
      [1],
    );
  }

  test('F1: tiny messages, streamed by the server', { timeout: 600_000 }, async () => {
    const count = sized(10_000, 1_000_000);
    let received = 0;
    for (const bytes of [1, 600]) {
      const stream = client.raw.ServerStream(Buffer.from(`${count / 2} ${bytes}`));
      for await (const _message of stream as AsyncIterable<Buffer>) received += 1;
    }
    assert.equal(received, count);
    assertOneConnection();
  });

  test('F1: tiny messages, both ways at once', { timeout: 600_000 }, async () => {
    const count = sized(10_000, 1_000_000);
    const stream = client.raw.Bidi();
    const receiving = (async () => {
      let received = 0;
      for await (const _message of stream as AsyncIterable<Buffer>) received += 1;
      return received;
    })();
    for (let i = 0; i < count; i += 1)
      if (!stream.write(Buffer.alloc(1 + (i % 600)))) await new Promise((resolve) => stream.once('drain', resolve));
    stream.end();
    assert.equal(await receiving, count);
    assertOneConnection();
  });

  test('F2: 300 calls a second of which a fifth is cancelled', { timeout: 700_000 }, async () => {
    const seconds = sized(2, 600);
    const ratePerTick = 15;
    const startedMs = performance.now();
    let begun = 0;
    const codes = new Map<number, number>();
    const count = (code: number) => codes.set(code, (codes.get(code) ?? 0) + 1);
    const calls: Promise<void>[] = [];
    for (let tick = 0; tick < seconds * 20; tick += 1) {
      for (let i = 0; i < ratePerTick; i += 1) {
        const isCancelled = begun++ % 5 === 0;
        const { call, answer: outcome } = client.start(isCancelled ? 'Hang' : 'Unary');
        if (isCancelled) setTimeout(() => call.cancel(), 20);
        calls.push(outcome.then(({ code }) => void count(code)));
      }
      await delay(Math.max(0, startedMs + (tick + 1) * 50 - performance.now()));
    }
    await Promise.all(calls);
    assert.equal(codes.get(Status.OK), begun * 0.8);
    assert.equal(codes.get(Status.CANCELLED), begun * 0.2);
    assertOneConnection();
  });

  test('F4: 8 KiB of metadata on 100 streams at once', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x-echo-${i}`, 'm'.repeat(980)]));
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.unary('x', { metadata })));
    for (const { code, trailers } of answers) {
      assert.equal(code, Status.OK);
      assert.equal(String(trailers.get('x-echo-7')[0]).length, 980);
    }
    assertOneConnection();
  });

  test('F5: a consumer that pauses and goes on', { timeout: 300_000 }, async () => {
    const count = 20_000;
    const stream = client.raw.ServerStream(Buffer.from(`${count} 500`));
    let received = 0;
    stream.on('data', () => (received += 1));
    await once(stream, 'data');
    stream.pause();
    await delay(sized(500, 240_000));
    assert.ok(received < count);
    stream.resume();
    await once(stream, 'end');
    assert.equal(received, count);
    assertOneConnection();
  });

  test('F9: many streams on many connections', { timeout: 120_000 }, async () => {
    const clients = Array.from({ length: sized(10, 100) }, () => echoClient(mesh.gatewayAddress));
    const perClient = 100;
    const answers = await Promise.all(
      clients.flatMap((one) => Array.from({ length: perClient }, () => one.unary('x'))),
    );
    for (const one of clients) one.close();
    assert.equal(answers.filter(({ code }) => code === Status.OK).length, clients.length * perClient);
    assertCalm(mesh);
  });
});

test('F3: keepalive and bandwidth PINGs beside a quiet and a busy stream', { timeout: 120_000 }, async (t) => {
  const { raw, mesh } = await rawMesh(t, {
    onRequest: ({ connection, id }) => connection.send(build.headers(id, responseHead)),
    onEnd: ({ connection, id }) =>
      connection.send(build.data(id, message(20_000).subarray(0, 16_000)), build.headers(id, okTrailers, END)),
  });
  const client = raw();
  // A stream that stays open, as a watch does.
  client.send(build.headers(1, headWith({ 'x-quiet': '1' })));
  const rounds = sized(200, 20_000);
  for (let round = 0; round < rounds; round += 1) {
    const id = 3 + 2 * round;
    client.send(build.headers(id, requestHead, END));
    await client.seen(({ type, id: stream }) => type === Frame.DATA && stream === id);
    // grpc's bandwidth estimator: one PING for each burst of DATA, and a WINDOW_UPDATE.
    client.send(build.ping('bdp-ping'), build.windowUpdate(id, 16_000));
    client.frames.length = 0;
  }
  // An hour of keepalive at the fastest that grpc's servers permit, and ten times that.
  for (let ping = 0; ping < 60; ping += 1) await client.settled();
  assert.equal(client.isClosed, false);
  assertCalm(mesh);
});

test('F6: a client that changes its windows in the middle of streams', async (t) => {
  const { raw, mesh } = await rawMesh(t, { onEnd: answer(message(16_000)) });
  const client = raw({ settings: [[INITIAL_WINDOW_SIZE, 1_000]] });
  const ids = Array.from({ length: 20 }, (_, i) => 1 + 2 * i);
  for (const id of ids) client.send(build.headers(id, requestHead, END));
  // Up, down below what is used already, and up again.
  for (const window of [5_000, 500, 9_000, 0, 12_000, 70_000]) {
    client.send(build.settings([[INITIAL_WINDOW_SIZE, window]]));
    await client.settled();
  }
  for (const id of ids) {
    const frames = await client.ended(id);
    assert.equal(
      frames.filter(({ type }) => type === Frame.DATA).reduce((sum, { payload }) => sum + payload.length, 0),
      16_005,
    );
  }
  assertCalm(mesh);
});

test('F8: one tenant’s storm of resets by the server costs another tenant nothing', { timeout: 120_000 }, async (t) => {
  const { client, mesh } = await rawMesh(t, {
    onEnd: (request) => {
      if (request.header('x-tenant') === 'storm') request.connection.send(build.reset(request.id, ENHANCE_YOUR_CALM));
      else answer(message(3))(request);
    },
  });
  const other = echoClient(mesh.gatewayAddress);
  t.after(() => other.close());
  const size = sized(1_500, 50_000);
  const stormCodes = new Set<number>();
  const otherCodes = new Set<number>();
  const storm = async (): Promise<void> => {
    for (let i = 0; i < size / 10; i += 1)
      stormCodes.add((await client.unary('x', { metadata: { 'x-tenant': 'storm' } })).code);
  };
  const calm = async (): Promise<void> => {
    for (let i = 0; i < size / 10; i += 1) otherCodes.add((await other.unary('x')).code);
  };
  await Promise.all([...Array.from({ length: 10 }, storm), calm(), calm()]);
  assert.deepEqual([...otherCodes], [Status.OK]);
  assert.deepEqual([...stormCodes], [Status.RESOURCE_EXHAUSTED]);
  assertCalm(mesh);
});

describe('with foreign clients', () => {
  const stackOf = { 'c-core': stacks['c-core'], 'grpc-go': stacks['grpc-go'] };
  const names: readonly CaseName[] = ['concurrent_large_unary', 'rpc_soak', 'server_streaming', 'ping_pong'];
  for (const [name, stack] of Object.entries(stackOf))
    test(`F7, F10: ${name}, large calls at once and in a row`, { skip: stack.missing, timeout: 300_000 }, async (t) => {
      const server = await startGrpcJsServer();
      const mesh = await startMesh({
        application: { host: '127.0.0.1', port: server.port },
        pathPrefix: '/',
        hostname: '*',
      });
      t.after(async () => {
        await mesh.close();
        await server.close();
      });
      const settings = { soakIterations: sized(10, 1_000), concurrentCalls: sized(40, 1_000) };
      const possible = caseNames.filter(
        (one) => names.includes(one) && (name !== 'grpc-go' || one !== 'concurrent_large_unary'),
      );
      const results = await stack.runCases(possible, mesh.gatewayAddress, settings);
      assert.deepEqual(
        [...results].filter(([, failure]) => failure !== undefined),
        [],
      );
      assertCalm(mesh);
    });

  test('F9: h2load at saturation', { timeout: 300_000 }, async (t) => {
    if ((await runToEnd('h2load', ['--version'], { timeoutMs: 5_000 })).code !== 0)
      return t.skip('h2load is not installed');
    const backend = await startEchoBackend();
    const mesh = await startMesh({ application: backend.address });
    t.after(async () => {
      await mesh.close();
      backend.close();
    });
    const [connections, streams, requests] = [sized(10, 100), sized(20, 100), sized(2_000, 200_000)];
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-h2load-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const body = join(directory, 'message');
    writeFileSync(body, message(20));
    const { stdout } = await runToEnd(
      'h2load',
      [
        ...['-c', String(connections), '-m', String(streams), '-n', String(requests), '-d', body],
        ...['-H', ':authority: api.example.com', '-H', 'content-type: application/grpc', '-H', 'te: trailers'],
        `http://127.0.0.1:${mesh.gatewayAddress.port}/test.Echo/Unary`,
      ],
      { timeoutMs: 280_000 },
    );
    assert.match(stdout, new RegExp(`${requests} succeeded, 0 failed, 0 errored, 0 timeout`));
    // What h2load calls a success may still carry another grpc-status.
    assert.equal(backend.calls.get('Unary'), requests);
    assertCalm(mesh);
  });
});
