import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testOrigin } from '../../test/kit/plan-kit.ts';
import { testRequest } from '../../test/kit/request-facts.ts';
import type { CorsPolicy } from '../plan/index.ts';
import { compileCors, decideCors } from './cors.ts';

const exact = (value: string): CorsPolicy['allowOrigins'][number] => ({ type: 'Exact', value });

/** The policy of the Gateway API's conformance test. */
const policy: CorsPolicy = {
  origin: testOrigin('HTTPRoute', 'cors', 1),
  allowOrigins: [exact('https://www.foo.com'), { type: 'RegularExpression', value: String.raw`https://.*\.bar\.com` }],
  allowMethods: ['GET', 'OPTIONS'],
  allowHeaders: ['x-header-1', 'x-header-2'],
  exposeHeaders: ['x-header-3', 'x-header-4'],
  maxAgeSeconds: 3600,
  allowCredentials: true,
};

interface Asked {
  readonly method?: string;
  readonly origin?: string;
  readonly askMethod?: string;
  readonly askHeaders?: string;
}

/** The decision's type, then each header. */
function decide(changes: Partial<CorsPolicy>, asked: Asked): string[] {
  const { method = 'OPTIONS', origin, askMethod, askHeaders } = asked;
  const headers = Object.entries({
    origin,
    'access-control-request-method': askMethod,
    'access-control-request-headers': askHeaders,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const decision = decideCors(compileCors({ ...policy, ...changes }), testRequest({ method, headers }));
  const answered = decision.type === 'none' ? [] : decision.headers;
  return [decision.type, ...answered.map(({ name, value }) => `${name}: ${value}`)];
}

const shared = [
  'access-control-allow-origin: https://www.foo.com',
  'access-control-allow-credentials: true',
  'access-control-expose-headers: x-header-3, x-header-4',
];

test('a preflight of an allowed origin is answered with what is allowed', () => {
  const asked = { origin: 'https://www.foo.com', askMethod: 'GET', askHeaders: 'x-header-1, x-header-2' };
  assert.deepEqual(decide({}, asked), [
    'preflight',
    ...shared,
    'access-control-allow-methods: GET, OPTIONS',
    'access-control-allow-headers: x-header-1, x-header-2',
    'access-control-max-age: 3600',
  ]);
  const deep = decide({}, { ...asked, origin: 'https://xpto.www.bar.com' });
  assert.equal(deep[1], 'access-control-allow-origin: https://xpto.www.bar.com');
});

test('a preflight of another origin is answered without a header, or sent on where that is asked for', () => {
  const asked = { origin: 'https://foobar.com', askMethod: 'GET' };
  assert.deepEqual(decide({}, asked), ['preflight']);
  assert.deepEqual(decide({ allowOrigins: [] }, asked), ['preflight']);
  assert.deepEqual(decide({ forwardUnmatched: true }, asked), ['none']);
  assert.equal(decide({ forwardUnmatched: true }, { ...asked, origin: 'https://www.foo.com' })[0], 'preflight');
});

test('an actual request goes on, and its response is marked for an allowed origin', () => {
  assert.deepEqual(decide({}, { method: 'POST', origin: 'https://www.foo.com' }), ['actual', ...shared]);
  assert.deepEqual(decide({}, { method: 'GET', origin: 'https://www.foo.com', askMethod: 'GET' })[0], 'actual');
  assert.deepEqual(decide({}, { method: 'POST', origin: 'https://foobar.com' }), ['none']);
});

test('OPTIONS is a preflight only with an origin and a method that is asked for', () => {
  assert.deepEqual(decide({}, { origin: 'https://www.foo.com' })[0], 'actual');
  assert.deepEqual(decide({}, { origin: 'https://www.foo.com', askMethod: '' })[0], 'actual');
  assert.deepEqual(decide({}, { askMethod: 'GET' }), ['none']);
  assert.deepEqual(decide({}, { origin: '', askMethod: 'GET' }), ['none']);
});

test('origins compare as a whole', () => {
  for (const origin of [
    'https://www.foo.com:8443',
    'http://www.foo.com',
    'https://bar.com',
    'https://x.bar.com.evil',
  ]) {
    assert.deepEqual(decide({}, { method: 'POST', origin }), ['none'], origin);
  }
});

test('an origin * allows every origin, and is answered with the origin itself', () => {
  for (const allowCredentials of [false, true]) {
    const wildcard = { allowOrigins: [exact('*')], allowCredentials, exposeHeaders: [] };
    assert.deepEqual(decide(wildcard, { method: 'PUT', origin: 'https://foobar.com:12345' }), [
      'actual',
      'access-control-allow-origin: https://foobar.com:12345',
      ...(allowCredentials ? ['access-control-allow-credentials: true'] : []),
    ]);
  }
});

test('wildcards in the lists are answered with what was asked for, and left out where nothing was', () => {
  const wildcards = { allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'] };
  const asked = { origin: 'https://www.foo.com', askMethod: 'PUT' };
  assert.deepEqual(decide(wildcards, { ...asked, askHeaders: 'x-a, x-b' }), [
    'preflight',
    'access-control-allow-origin: https://www.foo.com',
    'access-control-allow-credentials: true',
    'access-control-allow-methods: PUT',
    'access-control-allow-headers: x-a, x-b',
    'access-control-max-age: 3600',
  ]);
  assert.deepEqual(decide({ ...wildcards, allowCredentials: false }, asked), [
    'preflight',
    'access-control-allow-origin: https://www.foo.com',
    'access-control-expose-headers: *',
    'access-control-allow-methods: PUT',
    'access-control-max-age: 3600',
  ]);
});
