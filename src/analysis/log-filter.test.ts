/** Log filters beside a real CEL evaluator: what is understood means the same, and the rest is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCelError, run } from '@bufbuild/cel';
import * as fc from 'fast-check';
import { callFacts } from '../../test/kit/call-facts.ts';
import { compileLogFilter } from '../decide/index.ts';
import { parseLogFilter } from './log-filter.ts';

interface Facts {
  readonly responseCode: number;
  readonly grpcStatus: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly userAgent: string;
}

const facts: Facts = {
  responseCode: 200,
  grpcStatus: 7,
  method: 'POST',
  authority: 'api.example.com',
  path: '/a.B/C?x=1',
  userAgent: 'grpc-go/1.0',
};

function holds(expression: string, about: Facts = facts): boolean | string {
  const filter = parseLogFilter(expression);
  return 'error' in filter ? filter.error : compileLogFilter(filter)(callFacts(about));
}

test('filters as people write them', () => {
  const rows: readonly [string, boolean][] = [
    ['response.code >= 400', false],
    ['response.code < 400', true],
    ['response.grpc_status != 0', true],
    ['response.code >= 500 || response.grpc_status == 7', true],
    ["request.method == 'POST' && request.url_path == '/a.B/C'", true],
    ['request.path == "/a.B/C"', false],
    ['!(request.host == "api.example.com")', false],
    ['!(!(response.code == 200)) && (request.useragent != "x" || response.code == 1)', true],
    ['  response.code==200  ', true],
    ["request.path.startsWith('/a.B/')", true],
    ["!request.path.startsWith('/a.B/') || request.host.endsWith('.org')", false],
    ["request.url_path.contains('x=1')", false],
    ["request.useragent.matches('^grpc-(go|java)/')", true],
    ["request.useragent.matches('java')", false],
    ['response.code in [200, 201] && response.grpc_status in [0,7]', true],
    ["request.method in ['GET']", false],
    ["request.headers['X-Team'] == 'a' && request.headers['x-team'].startsWith('a')", true],
    ["request.headers['none'] == 'a'", false],
    ["!request.headers['x-team'].contains('b')", true],
    ["'x-team' in request.headers && !('none' in request.headers)", true],
    ['connection.mtls || response.code == 1', true],
    ['!connection.mtls', false],
    ['destination.port == 8080 && upstream.port == 50051 && source.port > 1024', true],
    ["connection.uri_san_peer_certificate.endsWith('/sa/web') && source.address.startsWith('127.')", true],
  ];
  for (const [expression, expected] of rows) assert.equal(holds(expression), expected, expression);
});

test('what is absent makes a comparison neither true nor false', () => {
  const plain = { ...facts, grpcStatus: -1 };
  assert.equal(holds('response.grpc_status == 0', plain), false);
  assert.equal(holds('!(response.grpc_status == 0)', plain), false);
  assert.equal(holds('response.grpc_status == 0 || response.code == 200', plain), true);
  assert.equal(holds("!(request.headers['none'] == 'a')"), false);
  assert.equal(holds('!(response.grpc_status == 0 && response.code == 500)', plain), true);
});

test('the rest of CEL is refused, whole', () => {
  const rows = [
    '',
    'true',
    'response.code',
    'response.code >= ',
    'response.code >= 400 &&',
    '(response.code >= 400',
    'response.code >= 400)',
    'response.code >= "400"',
    'response.code >= 400.5',
    'response.code >= 400u',
    '400 <= response.code',
    'request.method == POST',
    'request.method == 1',
    'request.method == "a\\"b"',
    '!response.code == 400',
    'response.code >= 400 & response.code < 500',
    'response.code in []',
    'response.code in [400',
    'response.code in ["400"]',
    'response.code in 400',
    'request.headers.x == "y"',
    'request.headers[x] == "y"',
    'request.headers["x"',
    '!request.headers["x"] == "y"',
    '!"x" in request.headers',
    '"x" in response.headers',
    'source.principal == "y"',
    'connection.mtls == true',
    "request.path.startsWith('/a'",
    'request.path.startsWith(1)',
    "response.code.startsWith('2')",
    "request.path.matches('(')",
    "request.path.size('/a')",
    "startsWith('/a')",
    "!request.path == '/a'",
    '!response.code in [200]',
    'has(response.code)',
    'response.code > 1 ? true : false',
    'response.flags == 4',
    'size(request.path) > 3',
    `${'('.repeat(5_000)}response.code > 1${')'.repeat(5_000)}`,
  ];
  for (const expression of rows) assert.equal(typeof holds(expression), 'string', expression.slice(0, 60));
});

const comparison = fc.oneof(
  fc.tuple(
    fc.constantFrom('response.code', 'response.grpc_status'),
    fc.constantFrom('==', '!=', '<', '<=', '>', '>='),
    fc.constantFrom('0', '7', '200', '400', '-1'),
  ),
  fc.tuple(
    fc.constantFrom('request.method', 'request.host', 'request.path', 'request.url_path', 'request.useragent'),
    fc.constantFrom('==', '!=', '<', '<=', '>', '>='),
    fc.constantFrom('"POST"', "'GET'", '"/a.B/C"', '"/a.B/C?x=1"', '""', "'a b'"),
  ),
);
const textual = fc
  .tuple(
    fc.constantFrom('request.method', 'request.host', 'request.path', 'request.url_path', 'request.useragent'),
    fc.constantFrom('startsWith', 'endsWith', 'contains', 'matches'),
    fc.constantFrom('POST', '/a.B', 'C', 'x=1', '', 'a b'),
    fc.constantFrom('', '!'),
  )
  .map(([attribute, method, value, not]) => `${not}${attribute}.${method}("${value}")`);
const listed = fc.constantFrom(
  'response.code in [200, 400]',
  'response.grpc_status in [0]',
  "request.method in ['GET']",
);
const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    comparison.map((parts) => parts.join(' ')),
    textual,
    listed,
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `${a} && ${b}`),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `${a} || ${b}`),
    tie('any').map((inner) => `(${inner})`),
    tie('any').map((inner) => `!(${inner})`),
  ),
})).any;

test('a filter means what CEL makes of it', () => {
  const subject = fc.record({
    responseCode: fc.constantFrom(0, 200, 400, 503),
    grpcStatus: fc.constantFrom(-1, 0, 7),
    method: fc.constantFrom('POST', 'GET', ''),
    authority: fc.constantFrom('a b', ''),
    path: fc.constantFrom('/a.B/C', '/a.B/C?x=1', ''),
    userAgent: fc.constantFrom('', 'POST'),
  });
  fc.assert(
    fc.property(expression, subject, (text, about) => {
      const value = run(text, {
        response: present({
          code: about.responseCode === 0 ? undefined : BigInt(about.responseCode),
          grpc_status: about.grpcStatus < 0 ? undefined : BigInt(about.grpcStatus),
        }),
        request: present({
          method: about.method,
          host: about.authority,
          path: about.path,
          url_path: about.path.replace(/\?.*/, ''),
          useragent: about.userAgent,
        }),
      });
      assert.equal(holds(text, about), !isCelError(value) && value === true, text);
    }),
    { numRuns: 500 },
  );
});

/** What is empty is absent in Envoy. */
function present(fields: Readonly<Record<string, string | bigint | undefined>>): Record<string, string | bigint> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])),
  );
}
