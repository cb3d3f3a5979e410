/** Responses that two HTTP parsers could read differently, from an application that means harm: the client gets a clean error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { okTrailers, rawMesh, requestHead, responseHead } from '../interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, Frame, message, type Pair } from '../interop/raw-peer.ts';

const full = END_HEADERS | END_STREAM;
const body = message(4);
const trailers = (id: number): Uint8Array => build.headers(id, okTrailers, full);

/** A response head with more fields, then a message and trailers. */
function withFields(...fields: readonly Pair[]): (id: number) => Uint8Array[] {
  return (id) => [build.headers(id, [...responseHead, ...fields]), build.data(id, body), trailers(id)];
}

/** A good response whose trailers have one more field. */
function withTrailer(field: Pair): (id: number) => Uint8Array[] {
  return (id) => [
    build.headers(id, responseHead),
    build.data(id, body),
    build.headers(id, [...okTrailers, field], full),
  ];
}

const badFields: readonly Pair[] = [
  ['x-evil', 'a\r\nx-injected: 1'],
  ['x-evil', 'a\nb'],
  ['x-evil', 'a\0b'],
  ['x-evil', ' a'],
  ['x-evil', 'a '],
  ['x-evil', '\x7f'],
  ['X-Evil', 'a'],
  ['x evil', 'a'],
  ['x:evil', 'a'],
  ['', 'a'],
  ['x\0', 'a'],
  ['connection', 'close'],
  ['keep-alive', '1'],
  ['proxy-connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'h2c'],
  [':status', '200'],
  [':path', '/'],
  [':evil', 'a'],
];

const rows: Readonly<Record<string, (id: number) => readonly Uint8Array[]>> = {
  ...Object.fromEntries(badFields.map((field) => [`head ${JSON.stringify(field)}`, withFields(field)])),
  ...Object.fromEntries(badFields.map((field) => [`trailers ${JSON.stringify(field)}`, withTrailer(field)])),
  'no status': (id) => [build.headers(id, responseHead.slice(1)), trailers(id)],
  'a late status': (id) => [build.headers(id, [...responseHead.slice(1), [':status', '200']]), trailers(id)],
  ...Object.fromEntries(
    ['', '20', '2000', '+20', '099', '600', '101', '2xx', ' 200'].map((status) => [
      `status ${JSON.stringify(status)}`,
      (id: number) => [build.headers(id, [[':status', status], ...responseHead.slice(1)]), trailers(id)],
    ]),
  ),
  'DATA before the head': (id) => [build.data(id, body), trailers(id)],
  'DATA after 103': (id) => [build.headers(id, [[':status', '103']]), build.data(id, body), trailers(id)],
  '103 with END_STREAM': (id) => [build.headers(id, [[':status', '103']], full)],
  'a second head': (id) => [build.headers(id, responseHead), build.headers(id, responseHead), trailers(id)],
  'two content-lengths': withFields(['content-length', '9'], ['content-length', '9']),
  'content-length +9': withFields(['content-length', '+9']),
  'content-length 8 of 9': withFields(['content-length', '8']),
  'content-length 10 of 9': withFields(['content-length', '10']),
  'content-length 1 and END_STREAM': (id) => [build.headers(id, [...responseHead, ['content-length', '1']], full)],
  '204 with DATA': (id) => [build.headers(id, [[':status', '204']]), build.data(id, body), trailers(id)],
  '304 with DATA': (id) => [build.headers(id, [[':status', '304']]), build.data(id, body), trailers(id)],
};

test(`${Object.keys(rows).length} malformed responses: never a good end, and nothing of them in a field`, async (t) => {
  const answers = Object.values(rows);
  const { raw, server } = await rawMesh(t, {
    onEnd: ({ connection, id, index }) => connection.send(...(answers[index] ?? (() => []))(id)),
  });
  const client = raw();
  for (const [index, name] of Object.keys(rows).entries()) {
    const id = 1 + 2 * index;
    client.send(build.headers(id, requestHead), build.data(id, body, END_STREAM));
    const frames = await client.ended(id);
    const fields = frames.flatMap((seen) => seen.fields);
    const reset = frames.find(({ type }) => type === Frame.RST_STREAM)?.payload.readUInt32BE();
    const status = fields.find(([one]) => one === 'grpc-status')?.[1];
    assert.ok(reset !== undefined || (status !== undefined && status !== '0'), `${name}: ${fields.join(' ')}`);
    for (const [field, value] of fields) {
      assert.doesNotMatch(`${field}${value}`, /evil|injected|[^ -~]/i, name);
      assert.ok(field !== 'connection' && field !== 'transfer-encoding', name);
    }
  }
  assert.equal(server.requests.length, Object.keys(rows).length);
});
