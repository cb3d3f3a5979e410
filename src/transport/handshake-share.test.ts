/** TLS handshakes wait for the end of the turn and share its time with all else that can wait. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { SecureContext } from 'node:tls';
import { listen, type Listener, type RefusedConnection } from './index.ts';
import { RESUMED_MS_PER_TURN } from './transport-limits.ts';

interface Storm {
  readonly listener: Listener;
  /** The turns in which handshakes began. */
  readonly turns: number[];
  readonly refused: RefusedConnection[];
}

/** So many clients say their first byte at once, on a clock with which the time for what can wait is up after one of them. */
async function storm(
  t: TestContext,
  clients: number,
  onHandshake: (storm: Storm) => void = () => undefined,
): Promise<Storm> {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => (nowMs += RESUMED_MS_PER_TURN));
  const turns: number[] = [];
  const refused: RefusedConnection[] = [];
  const selectIdentity = (): SecureContext | undefined => {
    turns.push(performance.nodeTiming.uvMetricsInfo.loopCount);
    onHandshake(one);
    return undefined;
  };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security: { mode: 'sniff', tls: { selectIdentity, verifyPeer: undefined }, acceptPlaintext: () => false },
    onConnection: () => assert.fail('there is no certificate'),
    onRefused: (one) => refused.push(one),
  });
  const one = { listener, turns, refused };
  t.after(() => listener.close());
  const sockets = Array.from({ length: clients }, () => connect({ ...listener.address }));
  for (const socket of sockets) {
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
  }
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  while (listener.connectionCount < clients) await new Promise(setImmediate);
  for (const socket of sockets) socket.write(Buffer.from([0x16]));
  return one;
}

test('RESUMED_MS_PER_TURN: a storm of handshakes has its time in each turn and no more', async (t) => {
  const clients = 4;
  const { turns } = await storm(t, clients);
  while (turns.length < clients) await new Promise(setImmediate);
  assert.equal(new Set(turns).size, clients);
});

test('who is gone before the handshake began is reported, and no handshake is made', async (t) => {
  const clients = 3;
  // The listener closes during the first handshake; the others still wait.
  const { turns, refused } = await storm(t, clients, ({ listener }) => void listener.close());
  while (refused.length < clients) await new Promise(setImmediate);
  assert.equal(turns.length, 1);
  assert.deepEqual(
    refused.map(({ cause, detail }) => `${cause}: ${detail}`).filter((line) => line.includes('before the handshake')),
    Array.from({ length: clients - 1 }, () => 'handshake-failed: closed before the handshake'),
  );
});
