/** A listener that drains loses none of those who had reached it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { testMesh } from '../../test/kit/frame-echo.ts';
import { listen, type Listener, type ListenSecurity, type RefusedConnection } from './index.ts';
import { DRAIN_HANDSHAKE_MS } from './transport-limits.ts';

interface Place {
  readonly listener: Listener;
  readonly accepted: Socket[];
  readonly refused: RefusedConnection[];
}

async function place(t: TestContext, security: ListenSecurity): Promise<Place> {
  const accepted: Socket[] = [];
  const refused: RefusedConnection[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security,
    onConnection: (socket) => accepted.push(socket.on('error', () => undefined)),
    onRefused: (one) => refused.push(one),
  });
  t.after(() => listener.close());
  t.after(() => accepted.forEach((socket) => socket.destroy()));
  return { listener, accepted, refused };
}

function client(t: TestContext, { listener }: Place): Socket {
  const socket = connect({ ...listener.address, allowHalfOpen: true });
  t.after(() => socket.destroy());
  return socket.on('error', () => undefined);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

test('who waits in the queue of the system is accepted', async (t) => {
  const one = await place(t, { mode: 'plaintext' });
  // The system has made these connections before the event loop hears of the first.
  const clients = Array.from({ length: 20 }, () => client(t, one));
  await one.listener.drain();
  assert.equal(one.accepted.length, clients.length);
});

test('the port is free then: nobody is accepted any more', async (t) => {
  const one = await place(t, { mode: 'plaintext' });
  await one.listener.drain();
  const late = connect(one.listener.address);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('who has not said a byte yet is waited for', async (t) => {
  const security: ListenSecurity = {
    mode: 'sniff',
    tls: { selectIdentity: () => undefined, verifyPeer: undefined },
    acceptPlaintext: () => true,
  };
  const one = await place(t, security);
  const socket = client(t, one);
  await until(() => one.listener.connectionCount === 1);
  await one.listener.drain();
  socket.write('P');
  await until(() => one.accepted.length === 1);
});

test('DRAIN_HANDSHAKE_MS: for so long and no longer', async (t) => {
  const security: ListenSecurity = { mode: 'peek', acceptsPlaintext: true };
  const one = await place(t, security);
  const socket = client(t, one);
  const ended = once(socket.resume(), 'end');
  await until(() => one.listener.connectionCount === 1);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await one.listener.drain();
  t.mock.timers.tick(DRAIN_HANDSHAKE_MS - 1);
  assert.equal(one.listener.connectionCount, 1);
  await new Promise(setImmediate);
  assert.equal(one.listener.connectionCount, 1);
  t.mock.timers.tick(1);
  await ended;
  await one.listener.whenEmpty();
});

test('a handshake that has begun is finished', async (t) => {
  const { identity } = testMesh().identity('spiffe://cluster.local/ns/default/sa/asset');
  const drained = Promise.withResolvers<void>();
  const selectIdentity = (): typeof identity => {
    void one.listener.drain().then(drained.resolve);
    return identity;
  };
  const one = await place(t, { mode: 'tls', tls: { selectIdentity, verifyPeer: undefined } });
  const socket = connectTls({ ...one.listener.address, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  await drained.promise;
  await until(() => one.accepted.length === 1);
  assert.deepEqual(one.refused, []);
});

test('whenEmpty: not before the other side has closed too', async (t) => {
  const one = await place(t, { mode: 'plaintext' });
  const clients = [client(t, one), client(t, one)];
  await until(() => one.accepted.length === clients.length);
  await one.listener.drain();
  let isEmpty = false;
  const empty = one.listener.whenEmpty().then(() => (isEmpty = true));
  for (const socket of one.accepted) socket.end();
  await Promise.all(clients.map((socket) => once(socket.resume(), 'end')));
  assert.equal(isEmpty, false);
  clients[0]?.end();
  await until(() => one.listener.connectionCount === 1);
  assert.equal(isEmpty, false);
  clients[1]?.end();
  await empty;
  await one.listener.whenEmpty();
});
