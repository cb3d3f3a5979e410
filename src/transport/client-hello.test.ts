import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import {
  alpnExtension,
  clientHello,
  extension,
  records,
  serverNameExtension,
  type HelloParts,
} from '../../test/kit/client-hello-bytes.ts';
import { ClientHelloReader, type ClientHelloResult } from './client-hello.ts';
import { MAX_CLIENT_HELLO_BYTES } from './transport-limits.ts';

function read(...chunks: readonly Buffer[]): ClientHelloResult {
  const reader = new ClientHelloReader();
  let result: ClientHelloResult = { type: 'incomplete' };
  for (const chunk of chunks) result = reader.push(chunk);
  return result;
}

function readParts(parts: HelloParts): ClientHelloResult {
  return read(records(clientHello(parts)));
}

const named = (sni: string, alpn: readonly string[] = []): ClientHelloResult => ({
  type: 'hello',
  hello: { sni, alpn },
});
const invalid = (reason: string): ClientHelloResult => ({ type: 'invalid', reason });

/** The first bytes that Node's own client sends. */
async function realHello(options: Parameters<typeof connect>[1]): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1', options);
  client.on('error', () => undefined);
  const [socket] = await accepted;
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

describe('a ClientHello', () => {
  test('of a real client, in one piece and byte by byte', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const bytes = await realHello({ servername: 'API.example.com', ALPNProtocols: ['h2', 'http/1.1'], maxVersion });
      const wanted = named('api.example.com', ['h2', 'http/1.1']);
      assert.deepEqual(read(bytes), wanted);
      const single = [...bytes].map((byte) => Buffer.of(byte));
      assert.deepEqual(read(...single.slice(0, -1)), { type: 'incomplete' });
      assert.deepEqual(read(...single), wanted);
    }
  });

  test('without a server name, without protocols, without extensions', async () => {
    assert.deepEqual(read(await realHello({})), named(''));
    assert.deepEqual(readParts({ extensions: [] }), named(''));
    assert.deepEqual(readParts({ withoutExtensions: true }), named(''));
  });

  test('whatever its records are cut into', () => {
    const message = clientHello({ extensions: [serverNameExtension('a.example.com'), alpnExtension(['istio'])] });
    for (const size of [1, 2, 3, 5, 7, 64, message.length - 1]) {
      assert.deepEqual(read(records(message, size)), named('a.example.com', ['istio']), `records of ${size}`);
    }
  });

  test('with GREASE, an encrypted inner ClientHello and unknown extensions around the name', () => {
    const grease = [0x0a0a, 0xfafa].map((type) => extension(type, Buffer.of(0)));
    const encrypted = extension(0xfe0d, Buffer.concat([Buffer.of(0), Buffer.alloc(300, 0xff)]));
    const [first, second] = grease as [Buffer, Buffer];
    const extensions = [first, encrypted, serverNameExtension('public.example.com'), second, extension(0x1234)];
    const parts = { extensions, cipherSuites: Buffer.from('0a0a1301', 'hex') };
    assert.deepEqual(readParts(parts), named('public.example.com'));
  });

  test('bytes behind it are not looked at', () => {
    const bytes = records(clientHello({ extensions: [serverNameExtension('a.example.com')] }));
    assert.deepEqual(read(Buffer.concat([bytes, Buffer.from('whatever')])), named('a.example.com'));
  });

  test('names that are none', () => {
    const rows: readonly (readonly [string, Buffer])[] = [
      ['empty', serverNameExtension('')],
      ['with NUL', serverNameExtension('a.example.com\0.evil')],
      ['with a dot at its end', serverNameExtension('a.example.com.')],
      ['with an empty label', serverNameExtension('a..example.com')],
      ['with a wildcard', serverNameExtension('*.example.com')],
      ['with a port', serverNameExtension('a.example.com:443')],
      ['not ASCII', serverNameExtension('ä.example.com')],
      ['too long', serverNameExtension('a'.repeat(254))],
      ['of another type', serverNameExtension('a.example.com', { type: 1 })],
      ['two of them', serverNameExtension('a.example.com', { twice: true })],
      ['longer than its list', extension(0, Buffer.from('0006000010616161', 'hex'))],
      ['no list', extension(0)],
      ['with bytes behind the list', extension(0, Buffer.from('000400000161ff', 'hex'))],
    ];
    for (const [what, bytes] of rows) {
      assert.deepEqual(readParts({ extensions: [bytes] }), invalid('malformed server name'), what);
    }
  });

  test('extensions that are malformed', () => {
    const name = serverNameExtension('a.example.com');
    const twice = [name, serverNameExtension('b.example.com')];
    assert.deepEqual(readParts({ extensions: twice }), invalid('an extension is there twice'));
    const cut = [name, Buffer.from('00ff0009ff', 'hex')];
    assert.deepEqual(readParts({ extensions: cut }), invalid('malformed extensions'));
    assert.deepEqual(readParts({ extensions: [name, Buffer.of(0)] }), invalid('malformed extensions'));
    for (const alpn of [Buffer.alloc(0), Buffer.of(0, 0), Buffer.of(0, 1, 0), Buffer.of(0, 2, 2, 0x68)]) {
      assert.deepEqual(readParts({ extensions: [extension(16, alpn)] }), invalid('malformed protocol list'));
    }
    const behind = Buffer.concat([clientHello({ extensions: [name] })]);
    behind.writeUIntBE(behind.length - 4 + 1, 1, 3);
    assert.deepEqual(read(records(Buffer.concat([behind, Buffer.of(0)]))), invalid('malformed extensions'));
  });

  test('bodies that are malformed', () => {
    assert.deepEqual(readParts({ version: 0x0201 }), invalid('unknown TLS version'));
    assert.deepEqual(readParts({ sessionId: Buffer.alloc(33) }), invalid('session id is too long'));
    assert.deepEqual(readParts({ cipherSuites: Buffer.alloc(3) }), invalid('malformed cipher suites'));
    assert.deepEqual(readParts({ cipherSuites: Buffer.alloc(0) }), invalid('malformed cipher suites'));
    assert.deepEqual(readParts({ compression: Buffer.alloc(0) }), invalid('no compression method'));
    assert.deepEqual(read(Buffer.from('160301000401000000', 'hex')), invalid('ClientHello ends'));
  });

  test('other things than TLS are told at their first bytes', () => {
    assert.deepEqual(read(Buffer.from('G')), invalid('no TLS handshake record'));
    assert.deepEqual(read(Buffer.from('PRI * HTTP/2.0\r\n')), invalid('no TLS handshake record'));
    // SSL 2 has its length first.
    assert.deepEqual(read(Buffer.from('802e010002', 'hex')), invalid('no TLS handshake record'));
    assert.deepEqual(read(Buffer.from('1602', 'hex')), invalid('unknown TLS record version'));
    assert.deepEqual(read(Buffer.from('1603010000', 'hex')), invalid('TLS record length out of range'));
    assert.deepEqual(read(Buffer.from('1603014001', 'hex')), invalid('TLS record length out of range'));
    assert.deepEqual(read(Buffer.from('16030100010e', 'hex')), invalid('no ClientHello'));
    // An alert between two fragments.
    const cut = records(clientHello({ extensions: [] })).subarray(0, 20);
    cut.writeUInt16BE(15, 3);
    assert.deepEqual(read(cut, Buffer.from('15030100020100', 'hex')), invalid('no TLS handshake record'));
  });

  test('MAX_CLIENT_HELLO_BYTES: one byte more is refused before it is read', () => {
    const header = Buffer.from('1603010004', 'hex');
    assert.deepEqual(read(header, Buffer.from('01ffffff', 'hex')), invalid('ClientHello is too long'));
    const most = MAX_CLIENT_HELLO_BYTES - 4;
    const fits = Buffer.concat([header, Buffer.of(1, 0, most >> 8, most & 0xff)]);
    assert.deepEqual(read(fits), { type: 'incomplete' });
    const past = Buffer.concat([header, Buffer.of(1, 0, (most + 1) >> 8, (most + 1) & 0xff)]);
    assert.deepEqual(read(past), invalid('ClientHello is too long'));
  });
});

test('property: cut anywhere into records and chunks, the answer is the same; garbage never throws', () => {
  const host = fc.stringMatching(/^[a-z0-9_-]{1,20}(\.[a-z0-9_-]{1,20}){0,3}$/);
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 400 }), fc.array(fc.nat(600), { maxLength: 8 }), (sni, size, cuts) => {
      const bytes = records(clientHello({ extensions: [extension(0x2a2a), serverNameExtension(sni)] }), size);
      const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      assert.deepEqual(read(...chunks), named(sni));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(200), (noise, at) => {
      const bytes = records(clientHello({ extensions: [serverNameExtension('a.example.com')] }));
      Buffer.from(noise).copy(bytes, Math.min(at, bytes.length));
      assert.ok(['incomplete', 'hello', 'invalid'].includes(read(bytes).type));
    }),
  );
});
