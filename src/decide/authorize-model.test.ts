/** The deciders of authorization against an evaluator written from Istio's text, sentence by sentence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type WholeRequest } from '../../test/kit/request-facts.ts';
import type {
  AuthorizationPolicy,
  PolicyCondition,
  PolicyOperation,
  PolicyRule,
  PolicySource,
  StringMatch,
} from '../plan/index.ts';
import { decideAuthorization } from './authorize.ts';
import { compileProxy } from './compile-proxy.ts';
import { bindAuthorization } from './policy-bind.ts';
import type { TokenFacts } from './token-facts.ts';
import type { CompiledPort } from './types.ts';

interface Subject {
  readonly request: WholeRequest;
  readonly token: TokenFacts | undefined;
  readonly principal: string;
  readonly sni: string;
  readonly sourceIp: string;
}

function stringMatches({ type, value }: StringMatch, text: string): boolean {
  if (type === 'presence') return text !== '';
  if (type === 'prefix') return text.startsWith(value);
  return type === 'suffix' ? text.endsWith(value) : text === value;
}

function anyMatches(values: readonly StringMatch[], text: string): boolean {
  return values.some((value) => stringMatches(value, text));
}

/** "field matches ⇔ any value matches; notX ⇔ not (any value matches); X and notX together = X and notX." */
function fieldHolds(
  positive: readonly StringMatch[] | undefined,
  negative: readonly StringMatch[] | undefined,
  text: string,
): boolean {
  const positiveHolds = positive === undefined || positive.length === 0 || anyMatches(positive, text);
  const negativeHolds = negative === undefined || negative.length === 0 || !anyMatches(negative, text);
  return positiveHolds && negativeHolds;
}

function identityField(
  positive: readonly StringMatch[] | undefined,
  negative: readonly StringMatch[] | undefined,
  text: string,
): boolean {
  if (text !== '') return fieldHolds(positive, negative, text);
  return positive === undefined || positive.length === 0;
}

/** "A value is split at its last / into iss and sub; * at one end is for that part alone, which must not be empty." */
function requestPrincipalMatches({ type, value }: StringMatch, token: TokenFacts | undefined): boolean {
  if (token === undefined || token.issuer === '' || token.subject === '') return false;
  if (type === 'presence') return true;
  const parts = /^(?:(?<issuer>.*)\/)?(?<subject>[^/]*)$/s.exec(value)?.groups as { issuer?: string; subject: string };
  const { issuer, subject } = parts;
  if (type === 'exact') return token.issuer === issuer && token.subject === subject;
  if (type === 'prefix') {
    return issuer === undefined
      ? token.issuer.startsWith(subject)
      : token.issuer === issuer && token.subject.startsWith(subject);
  }
  return issuer === undefined
    ? token.subject.endsWith(subject)
    : token.issuer.endsWith(issuer) && token.subject === subject;
}

function notOr<T>(
  positive: readonly T[] | undefined,
  negative: readonly T[] | undefined,
  matches: (value: T) => boolean,
): boolean {
  return (
    (positive === undefined || positive.length === 0 || positive.some(matches)) &&
    (negative === undefined || !negative.some(matches))
  );
}

/** "the client address derived from X-Forwarded-For with numTrustedProxies": the gateway appends the peer's own, so 1 is the one before. */
function remoteIp({ request, sourceIp }: Subject): string {
  const forwarded = request.headers.find(([name]) => name === 'x-forwarded-for')?.[1].split(',') ?? [];
  return forwarded[forwarded.length - 1 - trustedProxies] ?? sourceIp;
}

const trustedProxies = 1;

function sourceMatches(source: PolicySource, subject: Subject): boolean {
  const { principal, token } = subject;
  const namespace = /^[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal)?.[1] ?? '';
  return (
    identityField(source.principals, source.notPrincipals, principal) &&
    identityField(source.namespaces, source.notNamespaces, namespace) &&
    notOr(source.requestPrincipals, source.notRequestPrincipals, (one) => requestPrincipalMatches(one, token)) &&
    notOr(source.remoteIpBlocks, source.notRemoteIpBlocks, (one) => one === remoteIp(subject))
  );
}

function lower(values: readonly StringMatch[] | undefined): StringMatch[] | undefined {
  return values?.map(({ type, value }) => ({ type, value: value.toLowerCase() }));
}

function operationMatches(operation: PolicyOperation, { request }: Subject): boolean {
  const path = request.path.replace(/[?#].*$/s, '');
  return (
    fieldHolds(operation.methods, operation.notMethods, request.method) &&
    fieldHolds(operation.paths as StringMatch[] | undefined, operation.notPaths as StringMatch[] | undefined, path) &&
    fieldHolds(lower(operation.hosts), lower(operation.notHosts), request.authority.toLowerCase()) &&
    (operation.ports === undefined || operation.ports.includes(8080)) &&
    (operation.notPorts === undefined || !operation.notPorts.includes(8080))
  );
}

/** "when matches ⇔ (values empty or any value matches) and (notValues empty or none matches)", on a header sent at most once. */
function conditionMatches({ key, values, notValues }: PolicyCondition, subject: Subject): boolean {
  const { request, sni, token } = subject;
  if (key === 'request.auth.principal') return notOr(values, notValues, (one) => requestPrincipalMatches(one, token));
  if (key === 'remote.ip') return notOr(values, notValues, ({ value }) => value === remoteIp(subject));
  if (key.startsWith('request.auth.')) {
    const texts = textsOf(key, token);
    return notOr(values, notValues, (one) => texts.some((text) => stringMatches(one, text)));
  }
  const text = key === 'connection.sni' ? sni : request.headers.find(([name]) => name === 'x')?.[1];
  if (text === undefined || (text === '' && key === 'connection.sni')) return values.length === 0;
  // "Of a header * asks only that it is there."
  const present = (one: StringMatch): boolean => key !== 'connection.sni' && one.type === 'presence';
  return notOr(values, notValues, (one) => present(one) || stringMatches(one, text));
}

/** "string, list of strings: contains; scope and permission are split at spaces; nested string claims are matched whole" */
function textsOf(key: string, token: TokenFacts | undefined): readonly string[] {
  if (token === undefined) return [];
  const { claims } = token as { readonly claims: Readonly<Record<string, string | Readonly<Record<string, unknown>>>> };
  if (key === 'request.auth.audiences') return token.audiences;
  if (key === 'request.auth.presenter') return token.presenter === '' ? [] : [token.presenter];
  if (key === 'request.auth.claims[scope]')
    return typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : [];
  const nested = typeof claims['realm'] === 'object' ? claims['realm']['scope'] : undefined;
  if (typeof nested === 'string') return [nested];
  return Array.isArray(nested) ? (nested as string[]) : [];
}

function ruleMatches(rule: PolicyRule, subject: Subject): boolean {
  return (
    (rule.from.length === 0 || rule.from.some((source) => sourceMatches(source, subject))) &&
    (rule.to.length === 0 || rule.to.some((operation) => operationMatches(operation, subject))) &&
    rule.when.every((condition) => conditionMatches(condition, subject))
  );
}

/** "any DENY match → deny; no ALLOW policy → allow; any ALLOW match → allow; otherwise → deny", and which rule it was. */
function evaluate(policies: readonly AuthorizationPolicy[], subject: Subject): string {
  const named = (policy: AuthorizationPolicy): string[] =>
    policy.rules.filter((rule) => ruleMatches(rule, subject)).map((rule) => `${policy.name}/${rule.index}`);
  const enforced = policies.filter(({ dryRun }) => !dryRun).sort((a, b) => (a.name < b.name ? -1 : 1));
  const denied = enforced.filter(({ action }) => action === 'DENY').flatMap(named)[0];
  if (denied !== undefined) return `denied by ${denied}`;
  const allowPolicies = enforced.filter(({ action }) => action === 'ALLOW');
  if (allowPolicies.length === 0) return 'allowed';
  const allowed = allowPolicies.flatMap(named)[0];
  return allowed === undefined ? 'denied' : `allowed by ${allowed}`;
}

const texts = ['a', 'A', 'ab', '/a/b', '/a', 'b', 'POST', ''] as const;
const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc
    .constantFrom(...texts.slice(0, -1))
    .chain((value) => fc.constantFrom('exact', 'prefix', 'suffix').map((type) => ({ type, value }))),
  fc.constant<StringMatch>({ type: 'presence', value: '' }),
);
const some = fc.array(stringMatch, { minLength: 1, maxLength: 2 });
const identities = ['', 'td/ns/a/sa/b', 'td/ns/ab/sa/b', 'td2/ns/a/sa/a', 'odd/id'] as const;
const identityMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  stringMatch,
  fc
    .constantFrom('td/ns/a/sa/b', 'td/')
    .chain((value) => fc.constantFrom('exact', 'prefix').map((type) => ({ type, value }))),
);
const someIdentities = fc.array(identityMatch, { minLength: 1, maxLength: 2 });
const ports = fc.array(fc.constantFrom(80, 8080), { minLength: 1, maxLength: 2 });

const requestPrincipals = fc.array(
  fc.oneof(
    stringMatch,
    fc.constantFrom('a/b', 'a/b/c', 'b').map((value) => ({ type: 'exact', value }) as const),
  ),
  { minLength: 1, maxLength: 2 },
);
const addresses = ['10.0.0.1', '10.0.0.2'] as const;
const blocks = fc.array(fc.constantFrom(...addresses), { minLength: 1, maxLength: 2 });
const source: fc.Arbitrary<PolicySource> = fc.record(
  {
    principals: someIdentities,
    notPrincipals: someIdentities,
    namespaces: some,
    notNamespaces: some,
    requestPrincipals,
    notRequestPrincipals: requestPrincipals,
    remoteIpBlocks: blocks,
    notRemoteIpBlocks: blocks,
  },
  { requiredKeys: [] },
);
const operation: fc.Arbitrary<PolicyOperation> = fc.record(
  { hosts: some, notHosts: some, methods: some, notMethods: some, paths: some, notPaths: some, ports, notPorts: ports },
  { requiredKeys: [] },
);
const textCondition = fc.record({
  key: fc.constantFrom(
    'request.headers[X]',
    'connection.sni',
    'request.auth.audiences',
    'request.auth.presenter',
    'request.auth.claims[scope]',
    'request.auth.claims[realm][scope]',
  ),
  values: fc.array(stringMatch, { maxLength: 2 }),
  notValues: fc.array(stringMatch, { maxLength: 2 }),
});
const principalCondition = fc.record({
  key: fc.constant('request.auth.principal'),
  values: requestPrincipals,
  notValues: fc.oneof(requestPrincipals, fc.constant([])),
});
const exactAddresses = blocks.map((all) => all.map((value) => ({ type: 'exact', value }) as const));
const addressCondition = fc.record({
  key: fc.constant('remote.ip'),
  values: exactAddresses,
  notValues: fc.oneof(exactAddresses, fc.constant([])),
});
const condition: fc.Arbitrary<PolicyCondition> = fc
  .oneof(textCondition, principalCondition, addressCondition)
  .filter(({ values, notValues }) => values.length + notValues.length > 0);
const policy = fc.record({
  name: fc.constantFrom('p0', 'p1', 'p2', 'p3'),
  action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
  dryRun: fc.boolean(),
  rules: fc.array(
    fc.record({
      from: fc.array(source, { maxLength: 2 }),
      to: fc.array(operation, { maxLength: 2 }),
      when: fc.array(condition, { maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
});
const policies = fc
  .uniqueArray(policy, { maxLength: 3, selector: ({ name }) => name })
  .map((all) => all.map(({ name, ...rest }) => testPolicy(name, rest)));

const token: fc.Arbitrary<TokenFacts> = fc
  .record({
    issuer: fc.constantFrom('a', 'a/b', ''),
    subject: fc.constantFrom('b', 'b/c', 'c', ''),
    audiences: fc.array(fc.constantFrom('a', 'ab', ''), { maxLength: 2 }),
    presenter: fc.constantFrom('', 'a', 'b'),
    scope: fc.constantFrom(undefined, 'a', 'a b', 'ab b'),
    nested: fc.constantFrom<readonly unknown[]>([undefined], ['a b'], ['a'], [['a', 'b']]),
  })
  .map(({ scope, nested: [inner], ...rest }) => ({
    ...rest,
    claims: { ...(scope === undefined ? {} : { scope }), ...(inner === undefined ? {} : { realm: { scope: inner } }) },
    spaceDelimited: new Set(['scope', 'permission']),
  }));

const subject: fc.Arbitrary<Subject> = fc.record({
  token: fc.option(token, { nil: undefined }),
  sourceIp: fc.constantFrom(...addresses),
  principal: fc.constantFrom(...identities),
  sni: fc.constantFrom('', 'a', 'b'),
  request: fc.record({
    // No port and no final dot: there the readings of a host do not differ, see authorize.test.ts for those.
    authority: fc.constantFrom('a', 'AB', 'b', ''),
    path: fc.constantFrom('/a', '/a/b', '/a?b', '', 'b'),
    method: fc.constantFrom('POST', 'a', 'GET'),
    scheme: fc.constantFrom('http', 'https'),
    headers: fc
      .record(
        {
          x: fc.constantFrom('a', 'ab', ''),
          'x-forwarded-for': fc.constantFrom('10.0.0.1', '10.0.0.1,10.0.0.2', '10.0.0.2,10.0.0.1,10.0.0.2'),
        },
        { requiredKeys: [] },
      )
      .map((headers) => Object.entries(headers)),
  }),
});

test('compiled policies decide as the text says, with every cache in between, and name the same rule', () => {
  fc.assert(
    fc.property(policies, fc.array(subject, { minLength: 1, maxLength: 10 }), (all, subjects) => {
      const proxy = compileProxy(buildPlan({ policies: all, trustedProxies }), testProxyId);
      const port = proxy.ports.get(testPortId) as CompiledPort;
      // Twice over one proxy: a key that missed an input would give one subject the decision of another.
      for (const one of [...subjects, ...subjects]) {
        const { principal, sni, sourceIp } = one;
        const connection = testConnection({ principal, sni, sourceIp });
        const request = testRequest({ ...one.request, token: one.token });
        const decision = decideAuthorization(bindAuthorization(proxy, { port, connection }), request);
        const rule = decision.policy === undefined ? '' : ` by ${decision.policy.name}/${decision.policy.ruleIndex}`;
        assert.equal(`${decision.allowed ? 'allowed' : 'denied'}${rule}`, evaluate(all, one));
        const trial = all.map((each) => ({ ...each, dryRun: !each.dryRun })).filter((each) => !each.dryRun);
        const expected = trial.length === 0 ? undefined : evaluate(trial, one).startsWith('allowed');
        assert.equal(decision.shadow?.allowed, expected);
      }
    }),
    { numRuns: 1_000 },
  );
});
