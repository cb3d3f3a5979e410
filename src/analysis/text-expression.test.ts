/** Values of labels beside a real CEL evaluator: what is understood means the same, and the rest is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCelError, run } from '@bufbuild/cel';
import * as fc from 'fast-check';
import { callFacts, calledHeaders } from '../../test/kit/call-facts.ts';
import { compileTextExpression } from '../decide/index.ts';
import type { RequestRecord } from '../telemetry/index.ts';
import { parseTextExpression } from './text-expression.ts';

function textOf(expression: string, facts: RequestRecord = callFacts()): string {
  const parsed = parseTextExpression(expression);
  assert.ok(!('error' in parsed), `${expression}: ${JSON.stringify(parsed)}`);
  return compileTextExpression(parsed)(facts);
}

test('every attribute', () => {
  const rows: readonly [string, string][] = [
    ['request.method', 'POST'],
    ['request.host', 'api.example.com'],
    ['request.path', '/a.B/C?x=1'],
    ['request.url_path', '/a.B/C'],
    ['request.useragent', 'grpc-go/1.0'],
    ['request.scheme', 'http'],
    ['request.id', 'id-1'],
    ['request.referer', 'http://r/'],
    ['request.protocol', 'HTTP/2'],
    ["request.headers['x-team']", 'a'],
    ['request.headers["X-Empty"]', ''],
    ['response.code', '200'],
    ['response.grpc_status', '7'],
    ['response.code_details', 'via_upstream'],
    ['connection.requested_server_name', 'sni.example.com'],
    ['connection.uri_san_peer_certificate', 'spiffe://td/ns/a/sa/web'],
    ['connection.mtls', 'true'],
    ['source.address', '127.0.0.1:40000'],
    ['source.port', '40000'],
    ['destination.address', '127.0.0.2:15006'],
    ['string(destination.port)', '8080'],
    ['upstream.address', '127.0.0.3:50051'],
    ['upstream.port', '50051'],
    ['xds.cluster_name', 'outbound|8080||api'],
  ];
  for (const [expression, expected] of rows) assert.equal(textOf(expression), expected, expression);
});

test('expressions as people write them', () => {
  const rows: readonly [string, string][] = [
    ['"production"', 'production'],
    ["''", ''],
    ["request.method + ' ' + request.url_path", 'POST /a.B/C'],
    ["string(response.code) + '-' + string(response.grpc_status)", '200-7'],
    ["response.code >= 500 ? 'bad' : 'good'", 'good'],
    ["request.url_path.startsWith('/a') ? 'a' : request.url_path.startsWith('/b') ? 'b' : 'other'", 'a'],
    ["'x-none' in request.headers ? request.headers['x-none'] : 'none'", 'none'],
    ["('x-team' in request.headers ? request.headers['x-team'] : 'none') + '!'", 'a!'],
    ['response.code >= 500', 'false'],
    ["'x-team' in request.headers", 'true'],
    ['string(connection.mtls)', 'true'],
    ['(request.host)', 'api.example.com'],
  ];
  for (const [expression, expected] of rows) assert.equal(textOf(expression), expected, expression);
});

test('what is absent gives Istio\'s "unknown"', () => {
  const connection = {
    isTcp: true,
    method: '',
    authority: '',
    path: '',
    responseCode: 0,
    grpcStatus: -1,
    head: undefined,
  };
  const facts = callFacts({ ...connection, sni: '', upstreamAddress: '', destinationPort: 0 });
  const absent = [
    'request.host',
    'request.protocol',
    'request.scheme',
    "request.headers['x-team']",
    'response.code',
    'string(response.grpc_status)',
    'connection.requested_server_name',
    'upstream.port',
    'destination.port',
    "'a' + request.host",
    "'x-team' in request.headers",
    "request.method == 'POST' ? 'a' : 'b'",
  ];
  for (const expression of absent) assert.equal(textOf(expression, facts), 'unknown', expression);
  assert.equal(textOf("request.headers['x-none']"), 'unknown');
});

test('the rest of CEL is refused, whole', () => {
  const rows = [
    '',
    'production',
    '1',
    'source.principal',
    'request.headers',
    'request.time',
    'size(request.path)',
    'request.path.size()',
    "response.code + 'x'",
    "'x' + response.code",
    'response.code / 100',
    'request.host + ',
    "response.code >= 500 ? 'a'",
    "response.code >= 500 ? 'a' : ",
    "response.code ? 'a' : 'b'",
    "request.host 'x'",
    '(request.host',
    'string(request.host',
    'string()',
    "request.headers['x']['y']",
    "has(request.headers['x'])",
    `${'('.repeat(40)}request.host${')'.repeat(40)}`,
    `"${'a'.repeat(5_000)}"`,
  ];
  for (const expression of rows) assert.ok('error' in parseTextExpression(expression), expression.slice(0, 60));
});

const leaf = fc.constantFrom(
  "'a'",
  '""',
  'request.method',
  'request.host',
  'request.url_path',
  "request.headers['x-team']",
  "request.headers['x-none']",
  'string(response.code)',
  'string(response.grpc_status)',
  'string(destination.port)',
);
const condition = fc.constantFrom(
  'response.code >= 400',
  "request.host == 'a b'",
  "request.url_path.startsWith('/a')",
  "'x-team' in request.headers",
  "'x-none' in request.headers",
  "request.headers['x-none'] == 'a' || response.code == 200",
  'connection.mtls',
  '!connection.mtls && response.grpc_status in [0, 7]',
);
const expressions = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `(${a}) + (${b})`),
    fc.tuple(condition, tie('any'), tie('any')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    tie('any').map((inner) => `string(${inner})`),
  ),
})).any;

test('a value is what CEL makes of it', () => {
  const subject = fc.record({
    responseCode: fc.constantFrom(0, 200, 503),
    grpcStatus: fc.constantFrom(-1, 0, 7),
    authority: fc.constantFrom('a b', ''),
    path: fc.constantFrom('/a.B/C', '/x'),
    isMutual: fc.boolean(),
  });
  fc.assert(
    fc.property(expressions, subject, (text, about) => {
      const value = run(text, {
        response: {
          ...(about.responseCode === 0 ? {} : { code: BigInt(about.responseCode) }),
          ...(about.grpcStatus < 0 ? {} : { grpc_status: BigInt(about.grpcStatus) }),
        },
        request: {
          method: 'POST',
          ...(about.authority === '' ? {} : { host: about.authority }),
          url_path: about.path,
          headers: calledHeaders,
        },
        destination: { port: 8080n },
        connection: { mtls: about.isMutual },
      });
      assert.equal(textOf(text, callFacts(about)), isCelError(value) ? 'unknown' : value, text);
    }),
    { numRuns: 500 },
  );
});
