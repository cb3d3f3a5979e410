/** Whose turn it is when a connection that many wait for takes more. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { gatewayId, gatewayPortId, proxyPlan, publicHost } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import { startScripted, type ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { defaultLimits, Http2Connection, internField, type Http2Limits, type Http2Stream } from '../http2/index.ts';
import type { Address } from './index.ts';
import { bulkTurnBytes, sharedConnectionLimits, smallTurnBytes } from './limits.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What a stream may keep at the gateway whose client takes none of it. */
const stalledBytes = sharedConnectionLimits.streamWindowBytes / sharedConnectionLimits.firstWindowDivisor;

const bulkBytes = 65_536;

interface Call {
  readonly path: string;
  readonly stream: Http2Stream<Call>;
  received: number;
  credited: number;
  hasBegun: boolean;
  hasEnded: boolean;
}

/** A client that gives no credit unless told to, and writes down which call each piece was for. */
class RawClient {
  readonly pieces: { readonly call: Call; readonly bytes: number }[] = [];
  received = 0;
  readonly #changed = new EventEmitter();
  readonly #connection: Http2Connection<Call>;

  constructor(address: Address, limits: Partial<Http2Limits>) {
    const socket = connect(address.port, address.host);
    cleanups.push(() => socket.destroy());
    const changed = (): unknown => this.#changed.emit('change');
    const connection = new Http2Connection<Call>({
      role: 'client',
      limits: { ...defaultLimits, ...limits },
      handler: {
        onHeaders: ({ user }) => {
          if (user !== undefined) user.hasBegun = true;
        },
        onTrailers: ({ user }) => {
          if (user !== undefined) user.hasEnded = true;
        },
        onData: ({ user }, _chunk, start, end) => {
          if (user === undefined) return;
          user.received += end - start;
          this.received += end - start;
          const last = this.pieces.at(-1);
          if (last?.call === user) this.pieces.splice(-1, 1, { call: user, bytes: last.bytes + end - start });
          else this.pieces.push({ call: user, bytes: end - start });
        },
        onReset: () => undefined,
        onWindow: () => undefined,
        onStreamClosed: () => undefined,
        onSettings: () => undefined,
        onPingAck: () => undefined,
        onPing: () => undefined,
        onGoaway: () => undefined,
        onRefused: () => undefined,
        onConnectionError: () => undefined,
        onLimit: () => undefined,
      },
    });
    this.#connection = connection;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      connection.receive(chunk);
      this.#write();
      changed();
    });
    this.#write = (): void => {
      for (const segment of connection.output.take()) socket.write(Buffer.from(segment));
      connection.output.written();
    };
    this.#write();
  }

  readonly #write: () => void;

  call(path: string): Call {
    const stream = this.#connection.openStream(undefined as never);
    assert.ok(stream);
    const call: Call = { path, stream, received: 0, credited: 0, hasBegun: false, hasEnded: false };
    stream.user = call;
    const fields = [
      internField(':method', 'POST'),
      internField(':scheme', 'http'),
      internField(':path', `/test.Echo/${path}`),
      internField(':authority', publicHost),
      internField('content-type', 'application/grpc'),
      internField('te', 'trailers'),
    ];
    this.#connection.sendHeaders(stream, fields, fields.length, true);
    this.#write();
    return call;
  }

  /** So many bytes for the connection, and for the streams that they came on. */
  credit(calls: readonly Call[], bytes: number): void {
    let left = bytes;
    for (const call of calls) {
      const due = Math.min(left, call.received - call.credited);
      call.credited += due;
      left -= due;
      this.#connection.creditReceived(call.stream, due);
    }
    this.#write();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.#changed, 'change');
  }
}

/** Answers by the method: `Bulk` with 64 KiB, `Small` with 100 bytes, all others with nothing. */
function answer(request: ScriptedRequest): void {
  request.begin();
  if (request.path.endsWith('Bulk')) request.message(bulkBytes - 5);
  if (request.path.endsWith('Small')) {
    request.message(95);
    request.end();
  }
}

async function startGateway(): Promise<Address> {
  const backend = await startScripted({ onRequest: () => undefined, onEnd: answer });
  cleanups.push(() => backend.close());
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
  return gateway.addressOf(gatewayPortId);
}

const clientWindow = 65_536;

/** A client whose connection's window large answers have used up; `marker` is answered after `small`, on the same connections. */
async function crowd(limits: Partial<Http2Limits>): Promise<{ client: RawClient; bulk: Call[]; small: Call }> {
  const client = new RawClient(await startGateway(), { connectionWindowBytes: clientWindow, ...limits });
  const bulk = Array.from({ length: 8 }, () => client.call('Bulk'));
  await client.until(() => client.received === clientWindow);
  const small = client.call('Small');
  // Heads need no window: when this one's is here, the small answer has come to the gateway.
  await client.until(() => small.hasBegun);
  const marker = client.call('Marker');
  await client.until(() => marker.hasBegun);
  assert.equal(small.received, 0);
  client.pieces.length = 0;
  return { client, bulk, small };
}

describe('answers that wait for a client', { timeout: 30_000 }, () => {
  test('smallTurnBytes: a small one overtakes large ones that wait longer', async () => {
    const { client, bulk, small } = await crowd({ streamWindowBytes: 2 ** 20 });
    client.credit(bulk, clientWindow / 2);
    await client.until(() => small.hasEnded);
    const [first] = client.pieces;
    assert.deepEqual([first?.call.path, first?.bytes], ['Small', 100]);
    assert.ok(small.received <= smallTurnBytes);
  });

  test('bulkTurnBytes: large ones take turns of one frame', async () => {
    const { client, bulk } = await crowd({ streamWindowBytes: 2 ** 20 });
    const before = client.received;
    client.credit(bulk, clientWindow / 2);
    await client.until(() => client.received === before + clientWindow / 2);
    const large = client.pieces.filter(({ call }) => call.path === 'Bulk');
    assert.ok(large.length >= 2);
    assert.ok(
      large.every(({ bytes }) => bytes <= bulkTurnBytes),
      large.map(({ bytes }) => bytes).join(),
    );
  });

  test('one whose turn ends just where its own window does goes on when there is more', async () => {
    // Each may send one turn, and then nothing until its stream has credit.
    const { client, bulk, small } = await crowd({ streamWindowBytes: bulkTurnBytes });
    while (!small.hasEnded || bulk.some(({ received }) => received < bulkBytes)) {
      const before = client.received;
      client.credit(bulk, clientWindow);
      await client.until(() => client.received > before);
    }
    assert.equal(client.received, 100 + bulk.length * bulkBytes);
  });
});

test('what the gateway keeps for clients that take nothing is one first window each, for 1,000 streams', async () => {
  const streams: ScriptedRequest[] = [];
  const backend = await startScripted({
    onRequest: () => undefined,
    onEnd: (request) => {
      answer(request);
      if (request.path.endsWith('Bulk')) streams.push(request);
    },
  });
  cleanups.push(() => backend.close());
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(proxyPlan({ gatewayEndpoints: [backend.address] }));
  const address = gateway.addressOf(gatewayPortId);
  const calls: Call[] = [];
  for (let i = 0; i < 10; i++) {
    const client = new RawClient(address, { streamWindowBytes: 1 });
    const own = Array.from({ length: 100 }, () => client.call('Bulk'));
    await client.until(() => own.every(({ hasBegun }) => hasBegun));
    calls.push(...own);
  }
  const quick = new RawClient(address, {});
  for (let i = 0; i < 20; i++) {
    const small = quick.call('Small');
    await quick.until(() => small.hasEnded);
  }
  assert.equal(streams.length, 1_000);
  // What a stream had on the wire beyond its window: the heads of frames and of the response.
  const overheadBytes = 100;
  assert.ok(Math.max(...streams.map(({ stream }) => stream.sentBytes)) <= stalledBytes + overheadBytes);
  assert.ok(calls.every(({ received }) => received <= 1));
});
