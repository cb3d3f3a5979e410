import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, test } from 'node:test';
import { clientHello, records, serverNameExtension } from '../../test/kit/client-hello-bytes.ts';
import { listen, type Listener, type ListenSecurity, type RefusedConnection } from './listener.ts';
import { peekHello } from './peek-hello.ts';
import { MAX_CLIENT_HELLO_BYTES, MAX_PEEKED_BYTES } from './transport-limits.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

interface Setting {
  readonly dial: () => Socket;
  /** What came of the next connection. */
  readonly outcome: Promise<RefusedConnection | { readonly sni: string; readonly first: Buffer }>;
}

function passthrough(handshakeTimeoutMs: number): Promise<Setting> {
  return listenWith(handshakeTimeoutMs, {
    mode: 'tls',
    tls: { selectIdentity: () => undefined, verifyPeer: undefined },
    treatmentOf: () => 'passthrough',
  });
}

async function listenWith(handshakeTimeoutMs: number, security: ListenSecurity): Promise<Setting> {
  const { promise, resolve } = Promise.withResolvers<Awaited<Setting['outcome']>>();
  const listener: Listener = await listen({
    host: '127.0.0.1',
    port: 0,
    security,
    handshakeTimeoutMs,
    onConnection: (socket, { sni }) => {
      socket.on('error', () => undefined);
      socket.once('data', (first: Buffer) => {
        resolve({ sni, first });
        socket.destroy();
      });
    },
    onRefused: resolve,
  });
  open.push(listener);
  const dial = (): Socket => {
    const socket = connect(listener.address);
    socket.on('error', () => undefined);
    open.push({ close: () => socket.destroy() });
    return socket;
  };
  return { dial, outcome: promise };
}

const hello = records(clientHello({ extensions: [serverNameExtension('a.example.com')] }));

describe('a connection whose ClientHello is looked at', () => {
  test('is handed over with every byte, however they came', async () => {
    for (const size of [1, 50, hello.length]) {
      const { dial, outcome } = await passthrough(10_000);
      const socket = dial();
      socket.setNoDelay(true);
      for (let at = 0; at < hello.length; at += size) {
        socket.write(hello.subarray(at, at + size));
        await new Promise(setImmediate);
      }
      const accepted = await outcome;
      assert.ok('sni' in accepted);
      assert.equal(accepted.sni, 'a.example.com');
      assert.ok(accepted.first.equals(hello));
    }
  });

  test('bytes behind the ClientHello stay with it', async () => {
    const { dial, outcome } = await passthrough(10_000);
    const bytes = Buffer.concat([hello, Buffer.from('early data')]);
    dial().write(bytes);
    const accepted = await outcome;
    assert.ok('first' in accepted && accepted.first.equals(bytes));
  });

  test('comes with its server name and every byte where no TLS is ended at all', async () => {
    for (const acceptsPlaintext of [true, false]) {
      const { dial, outcome } = await listenWith(10_000, { mode: 'peek', acceptsPlaintext });
      dial().write(hello);
      const accepted = await outcome;
      assert.ok('sni' in accepted);
      assert.equal(accepted.sni, 'a.example.com');
      assert.ok(accepted.first.equals(hello));
    }
  });

  test('stands beside plaintext where that is accepted, and then needs a server name', async () => {
    const preface = Buffer.from('PRI * HTTP/2.0');
    const both = { mode: 'peek', acceptsPlaintext: true } as const;
    const plain = await listenWith(10_000, both);
    plain.dial().write(preface);
    const accepted = await plain.outcome;
    assert.ok('sni' in accepted && accepted.first.equals(preface));
    assert.equal(accepted.sni, '');

    const rows: readonly (readonly [ListenSecurity, Buffer, string])[] = [
      [both, records(clientHello({ extensions: [] })), 'bad-client-hello'],
      [both, Buffer.alloc(0), 'first-byte-timeout'],
      [both, hello.subarray(0, 20), 'handshake-timeout'],
      [{ mode: 'peek', acceptsPlaintext: false }, preface, 'bad-client-hello'],
    ];
    for (const [security, bytes, cause] of rows) {
      const { dial, outcome } = await listenWith(cause.endsWith('timeout') ? 30 : 10_000, security);
      const socket = dial();
      const closed = once(socket, 'close').catch(() => undefined);
      socket.resume();
      socket.write(bytes);
      const refused = await outcome;
      assert.ok('cause' in refused);
      assert.equal(refused.cause, cause);
      await closed;
    }
  });

  const refusals: readonly (readonly [string, Buffer, string, string])[] = [
    ['silent', Buffer.alloc(0), 'handshake-timeout', 'no whole ClientHello'],
    ['slow', hello.subarray(0, hello.length - 1), 'handshake-timeout', 'no whole ClientHello'],
    ['no TLS', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'bad-client-hello', 'no TLS handshake record'],
    [
      'too long',
      records(Buffer.concat([Buffer.of(1, 0, 0x7f, 0xff), Buffer.alloc(MAX_CLIENT_HELLO_BYTES)])),
      'bad-client-hello',
      'ClientHello is too long',
    ],
    [
      'in too many records',
      records(Buffer.concat([Buffer.of(1, 0, 0x3f, 0x00), Buffer.alloc(8_000)]), 1),
      'bad-client-hello',
      'ClientHello is too long',
    ],
    ['malformed', Buffer.from('160301000401000000', 'hex'), 'bad-client-hello', 'ClientHello ends'],
  ];
  for (const [name, bytes, cause, detail] of refusals) {
    test(`is closed when it is ${name}`, async () => {
      const { dial, outcome } = await passthrough(name === 'silent' || name === 'slow' ? 30 : 10_000);
      const socket = dial();
      const closed = once(socket, 'close').catch(() => undefined);
      socket.resume();
      socket.write(bytes);
      const refused = await outcome;
      assert.ok('cause' in refused);
      assert.deepEqual([refused.cause, refused.detail], [cause, detail]);
      await closed;
    });
  }

  test('MAX_PEEKED_BYTES: so much of one is kept, and not a byte more', async () => {
    // One byte in each record makes six of it.
    const bytes = records(Buffer.concat([Buffer.of(1, 0, 0x3f, 0x00), Buffer.alloc(8_000)]), 1);
    const socket = new PassThrough({ highWaterMark: 4 * MAX_PEEKED_BYTES });
    const failures: string[] = [];
    peekHello(socket as unknown as Socket, {
      timeoutMs: 60_000,
      onHello: () => assert.fail('it is not whole'),
      onFailed: (_cause, detail) => failures.push(detail),
    });
    socket.write(bytes.subarray(0, MAX_PEEKED_BYTES));
    while (socket.readableLength > 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(failures, []);
    socket.write(bytes.subarray(MAX_PEEKED_BYTES, MAX_PEEKED_BYTES + 1));
    while (failures.length === 0) await new Promise(setImmediate);
    assert.deepEqual(failures, ['ClientHello is too long']);
  });

  test('that goes away is forgotten', async () => {
    const { dial, outcome } = await passthrough(10_000);
    dial().end(hello.subarray(0, 20));
    const refused = await outcome;
    assert.ok('cause' in refused);
    assert.equal(refused.cause, 'handshake-failed');
  });
});
