/** The transport's times and bounds on a clock that tests move: at the limit, and one before. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { echoServer, type Call } from '../../test/kit/frame-echo.ts';
import { build } from '../../test/kit/frame-peer.ts';
import { defaultTransportLimits, listen, TimerWheel, type Http2Transport } from './index.ts';

const tickMs = 10;
const lingerMs = defaultTransportLimits.lingerTimeoutMs;
const pingMs = defaultTransportLimits.drainPingTimeoutMs;

interface Place {
  readonly peer: Socket;
  readonly transport: Http2Transport<Call>;
  /** Moves the clock and fires what is due. */
  readonly pass: (ms: number) => void;
}

/** A server transport whose peer has said hello, on a clock that stands still. */
async function place(t: TestContext): Promise<Place> {
  let nowMs = 1_000_000;
  const wheel = new TimerWheel({ monotonicMs: () => nowMs, tickMs, manual: true });
  const accepted = Promise.withResolvers<Http2Transport<Call>>();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'plaintext' },
    onConnection: (socket, facts) => accepted.resolve(echoServer(socket, facts, { wheel })),
    onRefused: (refused) => assert.fail(refused.cause),
  });
  t.after(() => listener.close());
  const peer = connect({ ...listener.address, allowHalfOpen: true });
  peer.on('error', () => undefined).resume();
  t.after(() => peer.destroy());
  peer.write(Buffer.concat([build.preface, build.settings()]));
  const transport = await accepted.promise;
  t.after(() => transport.destroy());
  while (!transport.connection.settingsReceived) await new Promise(setImmediate);
  return {
    peer,
    transport,
    pass: (ms) => {
      for (let passed = 0; passed < ms; passed += tickMs) {
        nowMs += Math.min(tickMs, ms - passed);
        wheel.advance();
      }
    },
  };
}

test('lingerTimeoutMs: a peer that does not close after our last word is cut then, and not before', async (t) => {
  const { peer, transport, pass } = await place(t);
  transport.close();
  await once(peer, 'end');
  pass(lingerMs - tickMs);
  // What the peer says now is still taken, where a socket that is gone would answer with a reset.
  for (let i = 0; i < 20; i++) {
    peer.write('x');
    await new Promise(setImmediate);
  }
  assert.equal(peer.destroyed, false);
  pass(tickMs);
  while (!peer.destroyed) {
    peer.write('x');
    await new Promise(setImmediate);
  }
});

test('drainPingTimeoutMs: a peer that does not answer the PING gets the second GOAWAY then, and not before', async (t) => {
  const { transport, pass } = await place(t);
  const { connection } = transport;
  transport.drain();
  assert.equal(connection.acceptUpTo, Infinity);
  pass(pingMs - tickMs);
  assert.equal(connection.acceptUpTo, Infinity);
  pass(tickMs);
  assert.equal(connection.acceptUpTo, 0);
});

test('highWaterBytes: blocked from the limit on, not one byte below', async (t) => {
  const { transport } = await place(t);
  const { output } = transport.connection;
  const frameBytes = 9;
  const payloadBytes = 8;
  while (output.byteLength + frameBytes + payloadBytes < defaultTransportLimits.highWaterBytes) {
    transport.connection.ping();
    assert.equal(transport.writeBlocked, false);
  }
  transport.connection.ping();
  assert.equal(transport.writeBlocked, true);
});
