/** The static table against that of nghttp2, which encodes with it whatever it has: every entry. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer } from 'node:http2';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { build, cutFrames, END_HEADERS, END_STREAM } from '../../../test/kit/frame-peer.ts';
import { HpackDecoder } from './decoder.ts';
import { staticFields, STATIC_TABLE_LENGTH } from './static-table.ts';

const headersFrame = 1;

/** HTTP/1's own fields, and `host` beside `:authority`, which nghttp2 does not send. */
const notSent = new Set(['transfer-encoding', 'host']);

const entries = staticFields.map(({ name, value }) => ({ name, value }));

function decoder(): HpackDecoder {
  return new HpackDecoder({ tableBytes: 4096, maxListBytes: 2 ** 20, maxFields: 1_000 });
}

function decoded(block: Buffer): [string, string][] {
  const one = decoder();
  one.decode(block, 0, block.length);
  assert.equal(one.error, '');
  return one.fields.slice(0, one.count).map(({ name, value }) => [name, value]);
}

/** The header block of the first HEADERS frame that a connection brings. */
async function firstBlock(bytes: AsyncIterable<Buffer>, skip: number): Promise<Buffer> {
  let seen: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    seen = Buffer.concat([seen, chunk]);
    const found = wholeFrames(seen.subarray(skip)).find(({ type }) => type === headersFrame);
    if (found !== undefined) return found.payload;
  }
  return assert.fail('the connection ended without HEADERS');
}

function wholeFrames(bytes: Buffer): ReturnType<typeof cutFrames> {
  let end = 0;
  while (bytes.length >= end + 9 && bytes.length >= end + 9 + bytes.readUIntBE(end, 3))
    end += 9 + bytes.readUIntBE(end, 3);
  return cutFrames(bytes.subarray(0, end));
}

/** What nghttp2 sends for a request with these fields. */
async function requestBlock(headers: Record<string, string>): Promise<Buffer> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  session.on('error', () => undefined);
  session.request(headers, { endStream: true }).on('error', () => undefined);
  const [socket] = (await accepted) as [AsyncIterable<Buffer> & { destroy(): void; write(bytes: Buffer): void }];
  const block = await firstBlock(socket, build.preface.length);
  session.destroy();
  socket.destroy();
  server.close();
  return block;
}

test('the table has 61 entries', () => {
  assert.equal(STATIC_TABLE_LENGTH, 61);
  assert.equal(entries.length, 61);
});

test('fields of requests: nghttp2 names them by index, and we read what it was given', async () => {
  const regular = entries.filter(({ name }) => !name.startsWith(':') && !notSent.has(name));
  const headers: Record<string, string> = {
    ':method': 'POST',
    ':path': '/index.html',
    ':scheme': 'https',
    ':authority': 'a.example',
  };
  for (const { name, value } of regular) headers[name] = value === '' ? 'v' : value;
  const block = await requestBlock(headers);
  const fields = new Map(decoded(block));
  assert.deepEqual(Object.fromEntries(fields), headers);
  // Every name by its index: none is spelled out. Huffman or not, a spelled name would be longer than this.
  assert.ok(block.length < 6 * regular.length, `${block.length} bytes for ${regular.length} fields`);
});

for (const { name, value } of entries.filter((entry) => [':method', ':path', ':scheme'].includes(entry.name))) {
  test(`${name}: ${value} is one byte, and means that`, async () => {
    const block = await requestBlock({ ':method': 'GET', ':path': '/', ':scheme': 'http', [name]: value });
    assert.deepEqual(new Map(decoded(block)).get(name), value);
    const index = 1 + entries.findIndex((entry) => entry.name === name && entry.value === value);
    assert.ok(block.includes(0x80 | index));
  });
}

for (const { value } of entries.filter(({ name }) => name === ':status')) {
  test(`:status: ${value} is one byte, and means that`, async () => {
    const server = createServer((_request, response) => {
      response.writeHead(Number(value)).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const head: [string, string][] = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ];
    socket.write(Buffer.concat([build.preface, build.settings(), build.headers(1, head, END_HEADERS | END_STREAM)]));
    const block = await firstBlock(socket, 0);
    assert.equal(new Map(decoded(block)).get(':status'), value);
    const index = 1 + entries.findIndex((entry) => entry.name === ':status' && entry.value === value);
    assert.equal(block[0], 0x80 | index);
    socket.destroy();
    server.close();
  });
}

/** RFC 7541 Appendix A: these have a value, from the index where they begin. */
const values: readonly (readonly [index: number, values: readonly string[]])[] = [
  [2, ['GET', 'POST', '/', '/index.html', 'http', 'https', '200', '204', '206', '304', '400', '404', '500']],
  [16, ['gzip, deflate']],
];

test('by index an entry has the value of the specification, which for most is none', () => {
  const expected = new Map(values.flatMap(([first, list]) => list.map((value, i) => [first + i, value] as const)));
  for (let index = 1; index <= STATIC_TABLE_LENGTH; index += 1) {
    const [[, value] = []] = decoded(Buffer.of(0x80 | index));
    assert.equal(value, expected.get(index) ?? '', `index ${index}`);
  }
  assert.equal(STATIC_TABLE_LENGTH, 61);
});
