/**
 * Requests that two HTTP parsers could read differently, B01 to B11 of the reference tables: none of them is passed on whole.
 * Rows that are unusual yet clear are passed on with the very same bytes, which shows that the rest is not refused for
 * another reason.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { ErrorCode } from '../../src/http2/index.ts';
import { headWith, rawMesh, requestHead } from '../interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, type Pair } from '../interop/raw-peer.ts';
import { body, rowOf, runRows, sorted, type Row } from './relay-table.ts';

const full = END_HEADERS | END_STREAM;
const printable = (text: string): string => JSON.stringify(text);

/** Control bytes that end a line or a string for somebody, and that no value may hold. */
const badBytes = ['\0', '\n', '\r', '\r\n', '\r\nx-evil: 1', '\x01', '\x1f', '\x7f'];
const plain: Readonly<Record<string, string>> = {
  'x-value': 'value',
  ':path': '/test.Echo/Unary',
  ':method': 'POST',
  ':authority': 'api.example.com',
  ':scheme': 'http',
  'content-type': 'application/grpc',
  'user-agent': 'agent',
  cookie: 'a=b',
  authorization: 'Bearer t',
  'grpc-timeout': '1S',
};

const b01: readonly Row[] = Object.entries(plain).flatMap(([name, value]) => [
  ...badBytes.map((bad) => rowOf(`B01 ${name} with ${printable(bad)}`, { [name]: value + bad + value })),
  ...[` ${value}`, `${value} `, `\t${value}`, `${value}\t`].map((text) =>
    rowOf(`B01 ${name} ${printable(text)}`, { [name]: text }),
  ),
]);

const badNames = [
  'X-Upper',
  'xUpper',
  'x y',
  'x:y',
  '',
  'x\0',
  'x\n',
  'x\r',
  'x\t',
  'x\x7f',
  'x\x80',
  'x\xff',
  ...'"(),/;<=>?@[\\]{}'.split('').map((mark) => `x${mark}y`),
];
const b02: readonly Row[] = badNames.map((name) => ({
  name: `B02 field name ${printable(name)}`,
  head: [...requestHead, [name, 'value']],
}));

const without = (name: string): Pair[] => requestHead.filter(([one]) => one !== name);
const pseudoNames = [':method', ':scheme', ':path', ':authority'];
const b03: readonly Row[] = [
  ...pseudoNames.map((name) => ({ name: `B03 no ${name}`, head: without(name) })),
  ...pseudoNames.map((name) => ({
    name: `B03 two ${name}`,
    head: [[name, plain[name] ?? ''] as Pair, ...requestHead],
  })),
  ...pseudoNames.map((name) => ({
    name: `B03 late ${name}`,
    head: [...without(name), [name, plain[name] ?? ''] as Pair],
  })),
  ...[':status', ':protocol', ':path2', ':', '::path'].map((name) => ({
    name: `B03 unknown ${name}`,
    head: [[name, '200'] as Pair, ...requestHead],
  })),
  ...[...pseudoNames, ':status'].map((name) =>
    rowOf(`B03 ${name} in trailers`, {}, (id) => [
      build.data(id, body),
      build.headers(id, [[name, plain[name] ?? '200']], full),
    ]),
  ),
  ...[
    '',
    'x',
    '*',
    'test.Echo/Unary',
    'http://api.example.com/test.Echo/Unary',
    '//api.example.com/test.Echo/Unary',
  ].map((path) => rowOf(`B03 path ${printable(path)}`, { ':path': path })),
  { name: 'B03 nothing but pseudo-fields of a response', head: [[':status', '200']] },
  rowOf('B03 a second head without END_STREAM', {}, (id) => [build.headers(id, requestHead, END_HEADERS)]),
];

const connectionFields: readonly Pair[] = [
  ['connection', 'close'],
  ['connection', 'x-row'],
  ['connection', ''],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'keep-alive'],
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'identity'],
  ['transfer-encoding', ''],
  ['upgrade', 'h2c'],
  ['upgrade', 'websocket'],
  ['http2-settings', 'AAMAAABkAAQAAP__'],
];
const badTe = ['gzip', 'trailers, gzip', 'trailers;q=1', 'Trailers', 'chunked', '', 'trailers '];
const b04: readonly Row[] = [
  ...connectionFields.map(([name, value]) => ({
    name: `B04 ${name}: ${value}`,
    head: [...requestHead, [name, value] as Pair],
  })),
  ...connectionFields.map(([name, value]) =>
    rowOf(`B04 ${name}: ${value} in trailers`, {}, (id) => [
      build.data(id, body),
      build.headers(id, [[name, value]], full),
    ]),
  ),
  ...badTe.map((te) => rowOf(`B04 te: ${te}`, { te })),
];

const badLengths = [
  '+9',
  '-9',
  '0x9',
  '9,9',
  '9, 9',
  '9 ',
  ' 9',
  '9.0',
  '',
  '1e1',
  '９',
  '9\0',
  '0000000000000009',
  '18446744073709551625',
];
const b05: readonly Row[] = [
  ...badLengths.map((value) =>
    rowOf(`B05 content-length ${printable(value)}`, { 'content-length': Buffer.from(value).toString('latin1') }),
  ),
  ...[
    ['9', '9'],
    ['9', '8'],
  ].map((values) => ({
    name: `B05 two content-lengths ${values.join()}`,
    head: [...requestHead, ...values.map((value): Pair => ['content-length', value])],
  })),
  ...['0', '1', '8', '10', '100'].map((value) =>
    rowOf(`B05 content-length ${value} with 9 octets`, { 'content-length': value }),
  ),
  { ...rowOf('B05 content-length 1 with END_STREAM', { 'content-length': '1' }), rest: undefined },
  rowOf('B05 content-length 10 with 9 octets and trailers', { 'content-length': '10' }, (id) => [
    build.data(id, body),
    build.headers(id, [['x', 'y']], full),
  ]),
  rowOf('B05 content-length 10 in parts of 4, 4 and 3', { 'content-length': '10' }, (id) => [
    build.data(id, 'abcd'),
    build.data(id, 'abcd'),
    build.data(id, 'abc', END_STREAM),
  ]),
  rowOf('B05 content-length 9 with padding counted', { 'content-length': '11' }, (id) => [
    build.paddedData(id, 'nine octe', 1, END_STREAM),
  ]),
];

const badHosts = [
  'user@api.example.com',
  'user:password@api.example.com',
  'api.example.com/',
  'api.example.com#x',
  'api.example.com?x',
  'api.example.com\\',
  'api example.com',
  ' api.example.com',
  'api.example.com ',
  '"api.example.com"',
  'api.example.com\0',
  '<api>',
  'api.example.com,evil.example.com',
];
const b06: readonly Row[] = [
  ...badHosts.map((host) => rowOf(`B06 authority ${printable(host)}`, { ':authority': host })),
  ...badHosts
    .filter((host) => !host.includes(','))
    .map((host) => rowOf(`B06 host ${printable(host)}`, { ':authority': undefined, host })),
  { name: 'B06 two hosts', head: [...requestHead, ['host', 'api.example.com'], ['host', 'api.example.com']] },
  rowOf('B06 empty authority', { ':authority': '' }),
];

const b07: readonly Row[] = ['HTTP', 'Http', 'hTTps', '', 'http:', 'ht tp', '1http', 'javascript', 'ftp', 'file'].map(
  (scheme) => rowOf(`B07 scheme ${printable(scheme)}`, { ':scheme': scheme }),
);

const b08: readonly Row[] = [
  rowOf('B08 CONNECT', { ':method': 'CONNECT' }),
  {
    name: 'B08 CONNECT as RFC 9113 has it',
    head: [
      [':method', 'CONNECT'],
      [':authority', 'api.example.com:443'],
    ],
  },
  { name: 'B08 extended CONNECT', head: [[':protocol', 'websocket'], ...headWith({ ':method': 'CONNECT' })] },
];

const b11: readonly Row[] = [
  ...['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PATCH', 'post', 'PoST', 'POST/', 'POSTX', ''].map((method) =>
    rowOf(`B11 ${printable(method)} with a body`, { ':method': method }),
  ),
  ...[
    undefined,
    '',
    'text/plain',
    'application/grpc-web',
    'application/grpcx',
    'Application/gRPC',
    ' application/grpc',
    'application/json, application/grpc',
  ].map((type) => rowOf(`B11 content-type ${printable(type ?? 'none')}`, { 'content-type': type })),
];

const refused = [...b01, ...b02, ...b03, ...b04, ...b05, ...b06, ...b07, ...b08, ...b11];

/** Unusual, but there is only one way to read it. */
const passed: readonly Row[] = [
  rowOf('every byte above 0x7f in a value', {
    'x-value': Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join(''),
  }),
  rowOf('a tab inside a value', { 'x-value': 'a\tb' }),
  rowOf('an empty value', { 'x-value': '' }),
  rowOf('all marks of a token in a name', { "x!#$%&'*+-.^_`|~9": 'value' }),
  rowOf('prototype names', { __proto__x: 'a', constructor: 'b', tostring: 'c', 'has-own-property': 'd' }),
  { name: 'a field __proto__', head: [...requestHead, ['__proto__', 'polluted']] },
  rowOf('the exact content-length', { 'content-length': '9' }),
  rowOf('a content-length with leading zeros', { 'content-length': '009' }),
  rowOf('padding that is not content', { 'content-length': '9' }, (id) => [
    build.paddedData(id, 'nine octe', 200, END_STREAM),
  ]),
  { name: 'the same name three times', head: [...requestHead, ['x-a', '1'], ['x-b', '2'], ['x-a', '3'], ['x-a', '']] },
  rowOf('trailers', {}, (id) => [build.data(id, body), build.headers(id, [['x-trailer', 'value']], full)]),
];

describe('message validity and smuggling', () => {
  test(`${refused.length} malformed or ambiguous requests: none is passed on whole`, async (t) => {
    assert.ok(refused.length >= 150);
    const outcomes = await runRows(t, refused);
    assert.equal(outcomes.length, refused.length);
    for (const { row, arrivedWhole, answer, resetCode } of outcomes) {
      assert.equal(arrivedWhole, false, row.name);
      const status = answer.find(([name]) => name === 'grpc-status')?.[1];
      const isAnswered = status === '12' || answer.some(([name, value]) => name === ':status' && Number(value) >= 400);
      assert.ok(isAnswered || resetCode === ErrorCode.PROTOCOL_ERROR, `${row.name}: ${resetCode}, ${answer.join(' ')}`);
    }
  });

  test('what is malformed in the head never reaches the application at all', async (t) => {
    const outcomes = await runRows(
      t,
      refused.filter(({ rest }) => rest === undefined),
    );
    for (const { row, arrived } of outcomes) {
      // With a length that only the body proves wrong, the head is on its way before.
      if (!/^B05 content-length \d+ with 9 octets$/.test(row.name)) assert.equal(arrived, undefined, row.name);
    }
  });

  test('unusual but clear requests arrive with the same bytes', async (t) => {
    for (const { row, arrived, arrivedWhole, arrivedBytes } of await runRows(t, passed)) {
      assert.deepEqual(sorted(arrived ?? []), sorted(row.head), row.name);
      assert.equal(arrivedWhole, true, row.name);
      assert.equal(arrivedBytes, 9, row.name);
    }
  });

  const http1: readonly string[] = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n',
    'POST / HTTP/1.1\nHost: a\n\n',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    'PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n',
    'pri * http/2.0\r\n\r\nsm\r\n\r\n',
    'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    '\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\x00\x05hello',
    '\0\0\0\x04\0\0\0\0\0',
  ];

  for (const text of http1) {
    test(`B09, B10: the connection is closed on ${printable(text.slice(0, 60))}`, async (t) => {
      const { mesh, server } = await rawMesh(t, {});
      const socket = connect(mesh.gatewayAddress);
      socket.on('error', () => undefined);
      const got: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => got.push(chunk));
      socket.write(text, 'latin1');
      await once(socket, 'close');
      assert.doesNotMatch(Buffer.concat(got).toString('latin1'), /HTTP\/1/);
      assert.equal(server.requests.length, 0);
    });
  }
});
