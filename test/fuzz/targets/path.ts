/** Paths: what is a gRPC path, and which route has it, against a regular expression and a walk over all routes. */
import assert from 'node:assert/strict';
import { compileProxy, decideRoute, isGrpcPath } from '../../../src/decide/index.ts';
import { pathWithoutQuery } from '../../../src/decide/path.ts';
import type { CompiledPort } from '../../../src/decide/types.ts';
import { buildPlan, testPortId, testProxyId } from '../../kit/plan-kit.ts';
import { testRequest } from '../../kit/request-facts.ts';
import type { FuzzTarget } from '../target.ts';

const exact = ['/a.B/C', '/a.B/CD', '/a/b', '/'];
const prefixes = ['/a.B', '/a.B/C', '/a', '/a.B/', '/b'];

/** Exact before prefix, longer before shorter, as the Gateway API orders them. */
const routes = [
  ...exact.toSorted((a, b) => b.length - a.length).map((value) => ({ type: 'Exact' as const, value })),
  ...prefixes.toSorted((a, b) => b.length - a.length).map((value) => ({ type: 'PathPrefix' as const, value })),
];

let cached: CompiledPort | undefined;

function port(): CompiledPort {
  cached ??= compileProxy(
    buildPlan({
      listeners: [
        { virtualHosts: [{ hostname: '*', routes: routes.map((path) => ({ match: { path, headers: [] } })) }] },
      ],
    }),
    testProxyId,
  ).ports.get(testPortId);
  assert.ok(cached !== undefined);
  return cached;
}

/** Elements of the prefix are elements of the path (GEP-1364); a slash at its end means nothing. */
function hasPrefix(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/$/, '');
  return path === bare || path.startsWith(`${bare}/`);
}

function run(input: Buffer): void {
  const path = input.toString('latin1');
  assert.equal(isGrpcPath(path), /^\/[A-Za-z_][A-Za-z0-9_.]*\/[A-Za-z_][A-Za-z0-9_]*$(?!\n)/.test(path));
  const bare = path.split(/[?#]/)[0] ?? '';
  assert.equal(pathWithoutQuery(path), bare);
  const expected = routes.findIndex(({ type, value }) => (type === 'Exact' ? bare === value : hasPrefix(bare, value)));
  // Twice: the second answer is remembered.
  for (let time = 0; time < 2; time++) {
    const decision = decideRoute(port(), testRequest({ path }));
    assert.equal(decision.type === 'route' ? decision.route.route.order : -1, expected);
  }
}

export const path: FuzzTarget = {
  name: 'path',
  covers: /src\/decide\//,
  seeds: [...exact, ...prefixes, '/test.Echo/Unary?x#y', '/a.B;c/D', '/a%2eB/C'].map((text) => Buffer.from(text)),
  tokens: ['/', '//', '.', '..', '/../', ';', '%2f', '%2e', '#', '?', '*', '\0', '\n', '\\', 'a.B', 'C'].map((text) =>
    Buffer.from(text),
  ),
  run,
};
