/** What is malformed is never forwarded: RFC 9113 §8 and the smuggling table of header bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, END_HEADERS, END_STREAM, harness, request } from '../../test/kit/frame-peer.ts';

type Pair = readonly [name: string, value: string];

const full = END_HEADERS | END_STREAM;

/** Whether a request with these fields reaches the handler; if not it must cost the stream alone. */
function isForwarded(fields: readonly Pair[], flags = full): boolean {
  const server = harness({ role: 'server' });
  const answer = server.send(build.headers(1, fields, flags));
  const heard = server.calls().some((call) => call.startsWith('headers 1'));
  assert.deepEqual(answer, heard ? [] : ['RST_STREAM 1 PROTOCOL_ERROR']);
  server.send(build.headers(3, request, full));
  assert.ok(
    server.calls().some((call) => call.startsWith('headers 3')),
    'the next request lives',
  );
  return heard;
}

const plus = (...extra: readonly Pair[]): Pair[] => [...request, ...extra];
const having = (name: string, value: string): Pair[] => request.map(([key, old]) => [key, key === name ? value : old]);
const lacking = (name: string): Pair[] => request.filter(([key]) => key !== name);

const forwarded: Readonly<Record<string, readonly Pair[]>> = {
  'te: trailers': plus(['te', 'trailers']),
  'an empty value': plus(['x-empty', '']),
  'obs-text in a value': plus(['x-text', 'caf\xe9']),
  'a tab inside a value': plus(['x-tab', 'a\tb']),
  'a binary metadata name': plus(['trace-proto-bin', 'AAEC']),
  'an underscore in a name': plus(['x_y', 'z']),
  'the same name twice': plus(['x-a', '1'], ['x-a', '2']),
  'host beside the same authority': plus(['host', 'api.example.com']),
  'host instead of authority': [...lacking(':authority'), ['host', 'api.example.com']],
  'an authority with a port': having(':authority', 'api.example.com:8443'),
  'an IPv6 authority': having(':authority', '[::1]:8080'),
  'a content-length of 0': plus(['content-length', '0']),
  'a name as of a prototype': plus(['__proto__', 'x']),
  'a query in the path': having(':path', '/a/b?c=d'),
};

for (const [name, fields] of Object.entries(forwarded)) {
  test(`forwarded: ${name}`, () => assert.ok(isForwarded(fields)));
}

const refused: Readonly<Record<string, readonly Pair[]>> = {
  'an upper-case name': plus(['X-a', '1']),
  'an empty name': plus(['', '1']),
  'a space in a name': plus(['x a', '1']),
  'a colon in a name': plus(['x:a', '1']),
  'obs-text in a name': plus(['x-\xe9', '1']),
  'transfer-encoding': plus(['transfer-encoding', 'chunked']),
  'keep-alive': plus(['keep-alive', 'timeout=5']),
  'proxy-connection': plus(['proxy-connection', 'keep-alive']),
  upgrade: plus(['upgrade', 'h2c']),
  'http2-settings': plus(['http2-settings', 'AAMAAABk']),
  'te: gzip': plus(['te', 'gzip']),
  'a leading space in a value': plus(['x-a', ' 1']),
  'a trailing tab in a value': plus(['x-a', '1\t']),
  'two hosts': plus(['host', 'a'], ['host', 'a']),
  'no authority at all': lacking(':authority'),
  'an empty authority': having(':authority', ''),
  'user information': having(':authority', 'user@api.example.com'),
  'a path in the authority': having(':authority', 'api.example.com/x'),
  'a backslash in the authority': having(':authority', 'a\\b'),
  'an asterisk for a path': having(':path', '*'),
  'a path without a slash': having(':path', 'asset.AssetService/GetAsset'),
  'a fragment in the path': having(':path', '/a#b'),
  'a space in the path': having(':path', '/a b'),
  'obs-text in the path': having(':path', '/\xff'),
  'an upper-case scheme': having(':scheme', 'HTTP'),
  'an empty scheme': having(':scheme', ''),
  'a scheme that begins with a digit': having(':scheme', '1http'),
  'a scheme that gRPC does not have': having(':scheme', 'ftp'),
  'an empty method': having(':method', ''),
  'a space in the method': having(':method', 'GET /'),
  CONNECT: having(':method', 'CONNECT'),
  'extended CONNECT': plus([':protocol', 'websocket']),
  'two authorities': [[':authority', 'a'], ...request],
  'content-length twice': plus(['content-length', '0'], ['content-length', '0']),
  'content-length +5': plus(['content-length', '+5']),
  'content-length 0x5': plus(['content-length', '0x5']),
  'content-length 5,5': plus(['content-length', '5,5']),
  'content-length of nothing': plus(['content-length', '']),
  'content-length beyond exact numbers': plus(['content-length', '9'.repeat(16)]),
  'content-length with END_STREAM': plus(['content-length', '5']),
};

for (const [name, fields] of Object.entries(refused)) {
  test(`refused: ${name}`, () => assert.ok(!isForwarded(fields)));
}

/** The bytes with which `make` gives a request that is forwarded. */
function passing(make: (char: string) => Pair[]): number[] {
  return Array.from({ length: 256 }, (_, code) => code).filter((code) => isForwarded(make(String.fromCharCode(code))));
}

test('of all bytes only the legal ones pass in values, names, paths and authorities', () => {
  const inValue = passing((char) => plus(['x-a', `b${char}c`]));
  assert.deepEqual(
    inValue,
    Array.from({ length: 256 }, (_, code) => code).filter((code) => code === 9 || (code >= 32 && code !== 127)),
  );
  const inName = passing((char) => plus([`x${char}y`, 'b'])).map((code) => String.fromCharCode(code));
  assert.equal(inName.join(''), "!#$%&'*+-.0123456789^_`abcdefghijklmnopqrstuvwxyz|~");
  const inPath = passing((char) => having(':path', `/${char}`));
  assert.equal(inPath.length, 0x7f - 0x21 - 1);
  assert.ok(!inPath.includes(0x23) && !inPath.includes(0x20) && !inPath.includes(0x7f));
  const inAuthority = passing((char) => having(':authority', `a${char}b`));
  assert.ok(!inAuthority.some((code) => '@/\\?#"<>^`{|} \0\r\n'.includes(String.fromCharCode(code))));
});

test('trailers: regular fields only, END_STREAM, and all announced content before', () => {
  const answers = (trailers: readonly Pair[], flags = full, length = '4'): string[] => {
    const server = harness({ role: 'server' });
    server.send(build.headers(1, plus(['content-length', length])), build.data(1, 'body'));
    return server.send(build.headers(1, trailers, flags));
  };
  assert.deepEqual(answers([['x-checksum', '1']]), []);
  for (const bad of [
    [':path', '/'],
    ['connection', 'close'],
    ['te', 'gzip'],
    ['X', '1'],
    ['x', '1\r\n2'],
  ] as const) {
    assert.deepEqual(answers([bad]), ['RST_STREAM 1 PROTOCOL_ERROR'], bad[0]);
  }
  assert.deepEqual(answers([['x-checksum', '1']], END_HEADERS), ['RST_STREAM 1 PROTOCOL_ERROR']);
  assert.deepEqual(answers([['x-checksum', '1']], full, '5'), ['RST_STREAM 1 PROTOCOL_ERROR']);
});

test('content-length: the byte too many is not passed on, the missing one neither ends the message', () => {
  const server = harness({ role: 'server' });
  server.send(build.headers(1, plus(['content-length', '4'])), build.data(1, '12345'));
  assert.deepEqual(server.calls().slice(1), ['reset 1 PROTOCOL_ERROR by us', 'closed 1']);
  server.send(build.headers(3, plus(['content-length', '4'])), build.data(3, '123', END_STREAM));
  assert.deepEqual(server.calls().slice(1), ['reset 3 PROTOCOL_ERROR by us', 'closed 3']);
  server.send(build.headers(5, plus(['content-length', '4'])), build.data(5, '12'), build.data(5, '34', END_STREAM));
  assert.deepEqual(server.calls().slice(1), ['data 5 2', 'data 5 2 end']);
});
