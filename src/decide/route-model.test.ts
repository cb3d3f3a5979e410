/** Route matching against a scan in order of precedence, written from the descriptions of the plan's `RouteMatch`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testRequest, type WholeRequest } from '../../test/kit/request-facts.ts';
import type { HeaderMatch, NamedMatch, PathMatch, RouteMatch, TextMatch } from '../plan/index.ts';
import { compileProxy } from './compile-proxy.ts';
import { firstMismatch, decideRoute } from './route.ts';
import type { CompiledPort, RouteDecision, RouteTrace } from './types.ts';

function textHolds({ type, value, ignoreCase }: TextMatch, text: string): boolean {
  const [wanted, subject] = ignoreCase === true ? [value.toLowerCase(), text.toLowerCase()] : [value, text];
  if (type === 'Exact') return subject === wanted;
  return type === 'Prefix' ? subject.startsWith(wanted) : new RegExp(`^(?:${value})$`).test(text);
}

function pathHolds(match: PathMatch, path: string): boolean {
  switch (match.type) {
    case 'PathPrefix': {
      const prefix = match.value.replace(/\/+$/, '');
      return path === prefix || path.startsWith(`${prefix}/`);
    }
    case 'StringPrefix':
      return textHolds({ ...match, type: 'Prefix' }, path);
    default:
      return textHolds(match, path);
  }
}

/** "Present: any value, even an empty one"; a condition on what is absent does not hold, but inverted ones take it for empty. */
function namedHolds({ type, value }: NamedMatch, found: string | undefined): boolean {
  return found !== undefined && (type === 'Present' || textHolds({ type, value }, found));
}

function headerHolds(match: HeaderMatch, request: WholeRequest): boolean {
  const values = request.headers.filter(([name]) => name === match.name).map(([, value]) => value);
  const missing = match.invert === true && match.type !== 'Present' ? '' : undefined;
  const matches = namedHolds(match, values.length === 0 ? missing : values.join(','));
  return match.invert === true ? !matches : matches;
}

function firstParameter(path: string, name: string): string | undefined {
  const query = /^[^?#]*\?([^#]*)/.exec(path)?.[1];
  if (query === undefined) return undefined;
  const pairs = query.split('&').map((part) => /^([^=]*)=?(.*)$/s.exec(part) as RegExpExecArray);
  const pair = pairs.find(([, key]) => decodeURIComponent(key as string) === name);
  return pair === undefined ? undefined : decodeURIComponent(pair[2] as string);
}

/** "All conditions hold together." */
function holds(match: RouteMatch, request: WholeRequest): boolean {
  const { method, scheme, authority, headers, queryParams = [] } = match;
  return (
    pathHolds(match.path, request.path.replace(/[?#].*$/s, '')) &&
    (method === undefined || textHolds(method, request.method)) &&
    (scheme === undefined || textHolds(scheme, request.scheme)) &&
    (authority === undefined || textHolds(authority, request.authority)) &&
    headers.every((header) => headerHolds(header, request)) &&
    queryParams.every((parameter) => namedHolds(parameter, firstParameter(request.path, parameter.name)))
  );
}

const segment = fc.constantFrom('a', 'b', 'aB', '');
const pathText = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
const ignoreCase = fc.constantFrom({}, { ignoreCase: true as const });
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.tuple(pathText, ignoreCase).map(([value, rest]) => ({ type: 'Exact', value, ...rest }) as const),
  pathText.map((value) => ({ type: 'PathPrefix', value }) as const),
  fc.tuple(pathText, ignoreCase).map(([value, rest]) => ({ type: 'StringPrefix', value, ...rest }) as const),
  fc.constantFrom('/a.*', '/[^/]+/b', '.*').map((value) => ({ type: 'RegularExpression', value }) as const),
);

function textMatch(texts: readonly string[], expression: string): fc.Arbitrary<TextMatch> {
  return fc.oneof(
    fc.record({ type: fc.constantFrom('Exact', 'Prefix'), value: fc.constantFrom(...texts) }),
    fc.record({
      type: fc.constantFrom('Exact', 'Prefix'),
      value: fc.constantFrom(...texts),
      ignoreCase: fc.constant(true as const),
    }),
    fc.constant<TextMatch>({ type: 'RegularExpression', value: expression }),
  );
}

const namedMatch: fc.Arbitrary<NamedMatch> = fc.oneof(
  fc.record({
    name: fc.constantFrom('x', 'y'),
    type: fc.constantFrom('Exact', 'Prefix'),
    value: fc.constantFrom('1', '1,2', ''),
  }),
  fc.record({ name: fc.constantFrom('x', 'y'), type: fc.constant('RegularExpression'), value: fc.constant('1.*') }),
  fc.record({ name: fc.constantFrom('x', 'y'), type: fc.constant('Present'), value: fc.constant('') }),
);
const headerMatch: fc.Arbitrary<HeaderMatch> = fc
  .tuple(namedMatch, fc.boolean())
  .map(([match, invert]) => (invert ? { ...match, invert } : match));

const routeMatch: fc.Arbitrary<RouteMatch> = fc.record(
  {
    path: pathMatch,
    method: textMatch(['POST', 'PO', 'post', 'GET'], 'P.*'),
    scheme: textMatch(['http', 'https', 'HTTP'], 'https?'),
    authority: textMatch(['a.b', 'a', 'A.b'], String.raw`.*\.b`),
    headers: fc.array(headerMatch, { maxLength: 2 }),
    queryParams: fc.array(namedMatch, { maxLength: 2 }),
  },
  { requiredKeys: ['path', 'headers'] },
);

const query = fc
  .array(fc.constantFrom('x=1', 'x=2', 'x', 'x=', 'y=1%2C2', '%79=1', 'z=1', '', 'x=1=2'), { maxLength: 3 })
  .map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`));
const request: fc.Arbitrary<WholeRequest> = fc.record({
  path: fc
    .tuple(fc.oneof(pathText, fc.constantFrom('', 'a', '*')), query, fc.constantFrom('', '#/b?x=1'))
    .map((parts) => parts.join('')),
  method: fc.constantFrom('POST', 'GET', 'post'),
  scheme: fc.constantFrom('http', 'https'),
  authority: fc.constantFrom('a.b', 'A.B:80', 'a', 'c.b'),
  headers: fc.array(fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2', '')), { maxLength: 3 }),
});

function portOf(matches: readonly RouteMatch[]): CompiledPort {
  const routes = matches.map((match) => ({ match }));
  const plan = buildPlan({ listeners: [{ virtualHosts: [{ hostname: '*', routes }] }] });
  return compileProxy(plan, testProxyId).ports.get(testPortId) as CompiledPort;
}

/** The order of the route that was chosen, or the decision's type. */
function outcome(decision: RouteDecision): number | string {
  return decision.type === 'route' ? decision.route.route.order : decision.type;
}

test('the index chooses the route that a scan in order of precedence chooses, from the cache too', () => {
  fc.assert(
    fc.property(
      fc.array(routeMatch, { maxLength: 12 }),
      fc.array(request, { minLength: 1, maxLength: 12 }),
      (matches, requests) => {
        const port = portOf(matches);
        // All requests twice over one port: what one leaves in the caches must not change what another gets.
        for (const one of [...requests, ...requests]) {
          const expected = matches.findIndex((match) => holds(match, one));
          assert.equal(outcome(decideRoute(port, testRequest(one))), expected === -1 ? 'no-route' : expected);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a trace names, for each route that was passed over, a condition that does not hold', () => {
  fc.assert(
    fc.property(fc.array(routeMatch, { maxLength: 6 }), request, (matches, one) => {
      const trace: RouteTrace = { steps: [] };
      const port = portOf(matches);
      const decision = decideRoute(port, testRequest(one), trace);
      const passed = trace.steps.filter(({ outcome: result }) => result === 'passed over');
      const candidates = matches.filter(({ path }) => pathHolds(path, one.path.replace(/[?#].*$/s, '')));
      const until = decision.type === 'route' ? candidates.indexOf(decision.route.route.match) : candidates.length;
      assert.equal(passed.length, until);
      for (const { what } of passed)
        assert.match(what, / wants (method|scheme|authority|header|no header|query parameter) /);
      if (decision.type === 'route') assert.equal(firstMismatch(decision.route, testRequest(one)), undefined);
    }),
    { numRuns: 300 },
  );
});
