import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { deadAddress } from '../../test/kit/dead-address.ts';
import { startEchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../../test/kit/proxy-client.ts';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import { gatewayId, gatewayPortId, proxyPlan, sidecarSpiffeId, type ProxyPlanSpec } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import {
  startScripted,
  type Script,
  type ScriptedBackend,
  type ScriptedRequest,
} from '../../test/kit/proxy-scripted.ts';
import { ErrorCode } from '../http2/index.ts';
import type { Address, ProxyOptions } from './index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function gatewayTo(
  endpoints: readonly Address[],
  spec: Partial<ProxyPlanSpec> = {},
): Promise<{ readonly gateway: TestProxy; readonly client: EchoClient; readonly address: Address }> {
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: endpoints, ...spec }));
  const address = gateway.addressOf(gatewayPortId);
  const client = echoClient(address);
  cleanups.push(() => client.close());
  return { gateway, client, address };
}

async function scripted(script: Script): Promise<ScriptedBackend> {
  const backend = await startScripted(script);
  cleanups.push(() => backend.close());
  return backend;
}

async function lastLine(gateway: TestProxy): Promise<string> {
  await gateway.logged(() => gateway.accessLines.length > 0);
  return gateway.accessLines.at(-1) ?? '';
}

describe('connections', () => {
  test('maxRequestsPerConnection 100: 1,000 calls take at least 10 connections and none fails', async () => {
    const backend = await startEchoBackend();
    cleanups.push(() => backend.close());
    const pool = { maxRequestsPerConnection: 100 };
    const mesh = await startMesh({ application: backend.address, gatewayPool: pool, sidecarPool: pool });
    cleanups.push(() => mesh.close());
    const client = echoClient(mesh.gatewayAddress);
    cleanups.push(() => client.close());
    const codes = new Map<number, number>();
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        const { code } = await client.unary('x');
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    assert.deepEqual([...codes], [[0, 1_000]]);
    for (const { proxy } of [mesh.gateway, mesh.sidecar]) {
      const opened = proxy.snapshot().clusters[0]?.endpoints[0]?.connectionsOpened ?? 0;
      assert.ok(opened >= 10 && opened <= 30, `${opened} connections`);
    }
  });

  test('maxRequestsPerConnection 1 gives each call its own', async () => {
    const backend = await scripted({ onRequest: () => undefined, onEnd: (request) => request.end(5) });
    const { client } = await gatewayTo([backend.address], { gatewayPool: { maxRequestsPerConnection: 1 } });
    for (let i = 0; i < 5; i++) assert.equal((await client.unary('x')).code, 5);
    assert.ok(backend.connections >= 5);
  });

  test('a full connection gets a second one beside it', async () => {
    const waiting: (() => void)[] = [];
    const allHere = Promise.withResolvers<void>();
    const backend = await scripted({
      onRequest: (request) => {
        waiting.push(() => request.end(5));
        if (waiting.length === 150) allHere.resolve();
      },
    });
    const { client, address } = await gatewayTo([backend.address]);
    const second = echoClient(address);
    cleanups.push(() => second.close());
    const answers = Array.from({ length: 150 }, (_, i) => (i % 2 === 0 ? client : second).unary('x'));
    await allHere.promise;
    assert.equal(backend.connections, 2);
    for (const answer of waiting) answer();
    for (const { code } of await Promise.all(answers)) assert.equal(code, 5);
  });
});

describe('once a burst has opened a second connection', () => {
  /** On how many connections ten calls at once go after it. */
  async function usedAfterBurst(options: Partial<ProxyOptions>): Promise<number> {
    const waiting: ScriptedRequest[] = [];
    let wanted = 150;
    let allHere = Promise.withResolvers<void>();
    const backend = await scripted({
      onRequest: (request) => {
        waiting.push(request);
        if (waiting.length === wanted) allHere.resolve();
      },
    });
    const gateway = await startProxy(gatewayId, options);
    cleanups.push(() => gateway.proxy.close());
    await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
    const address = gateway.addressOf(gatewayPortId);
    const clients = [echoClient(address), echoClient(address)] as const;
    cleanups.push(() => clients.forEach((client) => client.close()));
    const callAll = async (calls: number): Promise<number> => {
      wanted = calls;
      allHere = Promise.withResolvers();
      const answers = Array.from({ length: calls }, (_, i) => clients[i % 2 === 0 ? 0 : 1].unary('x'));
      await allHere.promise;
      const used = new Set(waiting.map(({ connectionIndex }) => connectionIndex)).size;
      for (const request of waiting.splice(0)) request.end(0);
      await Promise.all(answers);
      return used;
    };
    assert.equal(await callAll(150), 2);
    return callAll(10);
  }

  test('calls keep to one of them', async () => {
    assert.equal(await usedAfterBurst({}), 1);
  });

  test('calls to processes that share a port are spread', async () => {
    assert.equal(await usedAfterBurst({ sharesPorts: true }), 2);
  });
});

describe('requests that were surely not processed are sent again', () => {
  test('REFUSED_STREAM', async () => {
    const backend = await scripted({
      onRequest: ({ connection, stream, requestIndex }) => {
        if (requestIndex === 0) connection.resetStream(stream, ErrorCode.REFUSED_STREAM);
      },
      onEnd: (request) => request.end(5),
    });
    const { client } = await gatewayTo([backend.address]);
    assert.equal((await client.unary('x')).code, 5);
    assert.equal(backend.requests, 2);
  });

  test('above the last stream of a GOAWAY, body included', async () => {
    const backend = await scripted({
      onRequest: () => undefined,
      onEnd: (request) => {
        if (request.requestIndex === 0) request.connection.goaway(ErrorCode.NO_ERROR, { lastStreamId: 0 });
        else request.end(5);
      },
    });
    const { client } = await gatewayTo([backend.address]);
    assert.equal((await client.unary(Buffer.alloc(5_000))).code, 5);
    assert.equal(backend.connections, 2);
    assert.equal(backend.receivedBytes, 2 * 5_005);
  });

  test('but not one that is too long to be kept', async () => {
    const backend = await scripted({
      onRequest: () => undefined,
      onEnd: ({ connection, stream }) => connection.resetStream(stream, ErrorCode.REFUSED_STREAM),
    });
    const { client, gateway } = await gatewayTo([backend.address]);
    assert.equal((await client.unary(Buffer.alloc(40_000))).code, 14);
    assert.equal(backend.requests, 1);
    assert.match(await lastLine(gateway), / UR /);
  });

  test('and not for ever', async () => {
    const backend = await scripted({
      onRequest: ({ connection, stream }) => connection.resetStream(stream, ErrorCode.REFUSED_STREAM),
    });
    const { client } = await gatewayTo([backend.address]);
    assert.equal((await client.unary('x')).code, 14);
    assert.equal(backend.requests, 3);
  });

  test('an endpoint that refuses connections is passed over', async () => {
    const backend = await scripted({ onRequest: () => undefined, onEnd: (request) => request.end(5) });
    const { client } = await gatewayTo([await deadAddress(), await deadAddress(), backend.address]);
    for (let i = 0; i < 10; i++) assert.equal((await client.unary('x')).code, 5);
  });
});

describe('upstreams that fail', () => {
  test('no endpoints: UNAVAILABLE, UH', async () => {
    const { client, gateway } = await gatewayTo([]);
    const { code, details } = await client.unary('x');
    assert.equal(code, 14);
    assert.equal(details, 'no healthy upstream');
    assert.match(await lastLine(gateway), / UH .*no endpoint behind echo\.default/);
  });

  test('connection refused: UNAVAILABLE, UF, and the log says where', async () => {
    const dead = await deadAddress();
    const { client, gateway } = await gatewayTo([dead]);
    const { code, details } = await client.unary('x');
    assert.equal(code, 14);
    assert.ok(!details.includes(String(dead.port)), 'the client is told no addresses');
    const line = await lastLine(gateway);
    assert.match(line, / UF /);
    assert.ok(line.includes(`127.0.0.1:${dead.port}`), line);
  });

  test('a workload that resets its first connection, as when its process is replaced, costs no call', async () => {
    const backend = await startEchoBackend();
    cleanups.push(() => backend.close());
    const mesh = await startMesh({ application: backend.address });
    cleanups.push(() => mesh.close());
    const { host, port } = mesh.sidecarAddress;
    let resets = 0;
    const front = createServer((socket) => {
      if (resets++ === 0) return void socket.resetAndDestroy();
      const behind = connect(port, host);
      socket.pipe(behind).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(front, 'listening');
    cleanups.push(() => front.close());
    const endpoint = { host: '127.0.0.1', port: (front.address() as AddressInfo).port };
    await mesh.gateway.apply(proxyPlan({ gatewayMtls: [sidecarSpiffeId], gatewayEndpoints: [endpoint] }));
    const client = echoClient(mesh.gatewayAddress);
    cleanups.push(() => client.close());
    assert.equal((await client.unary('x')).code, 0);
    assert.equal(resets, 2);
  });

  test('connection lost before the response: UNAVAILABLE, UC, sent once', async () => {
    const backend = await scripted({ onRequest: (request) => request.kill() });
    const { client, gateway } = await gatewayTo([backend.address]);
    assert.equal((await client.unary('x')).code, 14);
    assert.equal(backend.requests, 1);
    assert.match(await lastLine(gateway), / UC /);
  });

  test('connection lost in the middle of a stream: what came is delivered, then UNAVAILABLE', async () => {
    const backend = await scripted({
      onRequest: (request) => {
        request.begin();
        request.message(10);
        request.message(10);
        setImmediate(() => setImmediate(() => request.kill()));
      },
    });
    const { client } = await gatewayTo([backend.address]);
    const stream = client.raw.ServerStream(Buffer.from('x'));
    let messages = 0;
    stream.on('data', () => messages++);
    const [error] = (await once(stream, 'error')) as [{ code: number }];
    assert.equal(error.code, 14);
    assert.equal(messages, 2);
  });

  test('http2MaxRequests: what is above fails at once with UO, and below goes on', async () => {
    const held: (() => void)[] = [];
    const twoHere = Promise.withResolvers<void>();
    const thirdHere = Promise.withResolvers<void>();
    const backend = await scripted({
      onRequest: () => undefined,
      onEnd: (request) => {
        held.push(() => request.end(5));
        if (request.requestIndex === 1) twoHere.resolve();
        if (request.requestIndex === 2) thirdHere.resolve();
      },
    });
    const { client, gateway } = await gatewayTo([backend.address], { gatewayPool: { http2MaxRequests: 2 } });
    const first = [client.unary('a'), client.unary('b')];
    await twoHere.promise;
    assert.equal((await client.unary('c')).code, 14);
    assert.match(await lastLine(gateway), / UO .*http2MaxRequests 2/);
    for (const answer of held.splice(0)) answer();
    for (const { code } of await Promise.all(first)) assert.equal(code, 5);
    const again = client.unary('d');
    await thirdHere.promise;
    for (const answer of held) answer();
    assert.equal((await again).code, 5);
  });
});

describe('responses that come early', () => {
  test('a whole response and RST_STREAM(NO_ERROR) before the request ended is delivered', async () => {
    const backend = await scripted({
      onRequest: (request) => {
        request.begin();
        request.message(10);
        request.end(0);
        request.connection.resetStream(request.stream, ErrorCode.NO_ERROR);
      },
    });
    const { client } = await gatewayTo([backend.address]);
    const stream = client.raw.Bidi();
    const messages: Buffer[] = [];
    stream.on('data', (message: Buffer) => messages.push(message));
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
    assert.equal(messages.length, 1);
  });

  test('the server may end first while the client goes on sending', async () => {
    const backend = await scripted({
      onRequest: (request) => {
        request.begin();
        request.end(0);
      },
    });
    const { client, gateway } = await gatewayTo([backend.address]);
    const stream = client.raw.Bidi();
    stream.on('data', () => undefined);
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
    await gateway.logged(() => gateway.accessLines.length > 0);
  });

  test('the client may end first while the server goes on', async () => {
    const requests = Promise.withResolvers<Parameters<Script['onRequest']>[0]>();
    const backend = await scripted({ onRequest: () => undefined, onEnd: (request) => requests.resolve(request) });
    const { client } = await gatewayTo([backend.address]);
    const stream = client.raw.Bidi();
    stream.end();
    const request = await requests.promise;
    request.begin();
    request.message(10);
    await once(stream, 'data');
    request.message(10);
    await once(stream, 'data');
    request.end(0);
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
  });
});
