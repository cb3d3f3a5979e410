import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testOrigin } from '../../test/kit/plan-kit.ts';
import { testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
import type { PathMatch, Redirect } from '../plan/index.ts';
import { compileRedirect, redirectLocation, type CompiledRedirect } from './redirect-location.ts';

const anyPath: PathMatch = { type: 'PathPrefix', value: '/' };

function location(
  redirect: Partial<Redirect>,
  request: TestRequest & { readonly listenerPort?: number } = {},
  match: PathMatch = anyPath,
): string {
  const whole: Redirect = { type: 'redirect', origin: testOrigin('HTTPRoute', 'r', 1), status: 302, ...redirect };
  const facts = testRequest({ authority: 'a.example.com', path: '/x', ...request });
  const { listenerPort = 80 } = request;
  return redirectLocation(compileRedirect(whole, match) as CompiledRedirect, { request: facts, listenerPort });
}

test('what is not written stays as requested', () => {
  assert.equal(location({}, { path: '/x?q=1' }), 'http://a.example.com/x?q=1');
  assert.equal(location({ host: 'b.example.org' }), 'http://b.example.org/x');
  assert.equal(location({ scheme: 'https', port: 'derive' }), 'https://a.example.com/x');
});

test('the port is that of the listener, and left out where it is the well-known one of the scheme', () => {
  // Gateway API conformance, HTTPRouteRedirectPortAndScheme: listener port, its scheme, redirect, location.
  const rows = [
    [80, 'http', {}, 'http://a.example.com/x'],
    [80, 'http', { port: 80 }, 'http://a.example.com/x'],
    [80, 'http', { port: 8080 }, 'http://a.example.com:8080/x'],
    [80, 'http', { scheme: 'https', port: 'derive' }, 'https://a.example.com/x'],
    [80, 'http', { scheme: 'https', port: 443 }, 'https://a.example.com/x'],
    [80, 'http', { scheme: 'https', port: 8443 }, 'https://a.example.com:8443/x'],
    [8080, 'http', {}, 'http://a.example.com:8080/x'],
    [8080, 'http', { port: 80 }, 'http://a.example.com/x'],
    [8080, 'http', { scheme: 'http', port: 80 }, 'http://a.example.com/x'],
    [8080, 'http', { scheme: 'http', port: 8080 }, 'http://a.example.com:8080/x'],
    [8080, 'http', { scheme: 'https', port: 'derive' }, 'https://a.example.com/x'],
    [443, 'https', {}, 'https://a.example.com/x'],
    [443, 'https', { port: 443 }, 'https://a.example.com/x'],
    [443, 'https', { port: 8443 }, 'https://a.example.com:8443/x'],
    [443, 'https', { scheme: 'http', port: 'derive' }, 'http://a.example.com/x'],
    [443, 'https', { scheme: 'http', port: 8080 }, 'http://a.example.com:8080/x'],
    [443, 'https', { port: 80 }, 'https://a.example.com:80/x'],
  ] as const;
  for (const [listenerPort, scheme, redirect, expected] of rows) {
    assert.equal(location(redirect, { listenerPort, scheme }), expected, JSON.stringify([listenerPort, redirect]));
  }
});

test('the port of the authority does not count, but where it is asked for', () => {
  const authority = 'a.example.com:8080';
  assert.equal(location({}, { authority }), 'http://a.example.com/x');
  assert.equal(location({ port: 'request' }, { authority }), 'http://a.example.com:8080/x');
  assert.equal(location({ port: 'request', scheme: 'https' }, { authority }), 'https://a.example.com:8080/x');
  assert.equal(location({ port: 'request', host: 'b' }, { authority }), 'http://b/x');
  assert.equal(location({ port: 'request', scheme: 'https' }, { authority: 'a:80' }), 'https://a/x');
  assert.equal(location({ port: 'request' }, { authority: 'a' }), 'http://a/x');
  assert.equal(location({ port: 81 }, { authority: '[::1]:8080' }), 'http://[::1]:81/x');
});

test('the path is rewritten as for a backend', () => {
  // Gateway API conformance, HTTPRouteRedirectPath.
  const original: PathMatch = { type: 'PathPrefix', value: '/original-prefix' };
  const prefix = (value: string): Partial<Redirect> => ({ path: { type: 'ReplacePrefixMatch', value } });
  const full = (value: string): Partial<Redirect> => ({ path: { type: 'ReplaceFullPath', value } });
  const at = 'http://a.example.com';
  assert.equal(
    location(prefix('/replacement-prefix'), { path: '/original-prefix/lemon' }, original),
    `${at}/replacement-prefix/lemon`,
  );
  assert.equal(
    location(full('/full-path-replacement'), { path: '/full/path/original?q' }),
    `${at}/full-path-replacement?q`,
  );
  assert.equal(
    location({ ...prefix('/replacement-prefix'), host: 'example.org' }, { path: '/original-prefix' }, original),
    'http://example.org/replacement-prefix',
  );
});

test('a path that cannot be rewritten is no redirect', () => {
  const path = { type: 'ReplaceRegex', pattern: '(', substitution: '' } as const;
  const redirect = { type: 'redirect', origin: testOrigin('HTTPRoute', 'r', 1), status: 302, path } as const;
  assert.equal(compileRedirect(redirect, anyPath), undefined);
});
