/** The deciders of authorization against an evaluator written from Istio's text, sentence by sentence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest, type TestRequest } from '../../test/kit/request-facts.ts';
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
import type { CompiledPort } from './types.ts';

interface Subject {
  readonly request: Required<TestRequest>;
  readonly principal: string;
  readonly sni: string;
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

function sourceMatches(source: PolicySource, { principal }: Subject): boolean {
  const namespace = /^[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal)?.[1] ?? '';
  return (
    identityField(source.principals, source.notPrincipals, principal) &&
    identityField(source.namespaces, source.notNamespaces, namespace)
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
function conditionMatches({ key, values, notValues }: PolicyCondition, { request, sni }: Subject): boolean {
  const text = key === 'connection.sni' ? sni : request.headers.find(([name]) => name === 'x')?.[1];
  if (text === undefined || (text === '' && key === 'connection.sni')) return values.length === 0;
  return fieldHolds(values, notValues, text);
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

const source: fc.Arbitrary<PolicySource> = fc.record(
  { principals: someIdentities, notPrincipals: someIdentities, namespaces: some, notNamespaces: some },
  { requiredKeys: [] },
);
const operation: fc.Arbitrary<PolicyOperation> = fc.record(
  { hosts: some, notHosts: some, methods: some, notMethods: some, paths: some, notPaths: some, ports, notPorts: ports },
  { requiredKeys: [] },
);
const condition: fc.Arbitrary<PolicyCondition> = fc
  .record({
    key: fc.constantFrom('request.headers[X]', 'connection.sni'),
    values: fc.array(stringMatch, { maxLength: 2 }),
    notValues: fc.array(stringMatch, { maxLength: 2 }),
  })
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

const subject: fc.Arbitrary<Subject> = fc.record({
  principal: fc.constantFrom(...identities),
  sni: fc.constantFrom('', 'a', 'b'),
  request: fc.record({
    // No port and no final dot: there the readings of a host do not differ, see authorize.test.ts for those.
    authority: fc.constantFrom('a', 'AB', 'b', ''),
    path: fc.constantFrom('/a', '/a/b', '/a?b', '', 'b'),
    method: fc.constantFrom('POST', 'a', 'GET'),
    scheme: fc.constantFrom('http', 'https'),
    headers: fc
      .option(fc.constantFrom('a', 'ab', ''), { nil: undefined })
      .map((value) => (value === undefined ? [] : [['x', value] as const])),
  }),
});

test('compiled policies decide as the text says, with every cache in between, and name the same rule', () => {
  fc.assert(
    fc.property(policies, fc.array(subject, { minLength: 1, maxLength: 10 }), (all, subjects) => {
      const proxy = compileProxy(buildPlan({ policies: all }), testProxyId);
      const port = proxy.ports.get(testPortId) as CompiledPort;
      // Twice over one proxy: a key that missed an input would give one subject the decision of another.
      for (const one of [...subjects, ...subjects]) {
        const connection = testConnection({ principal: one.principal, sni: one.sni });
        const decision = decideAuthorization(bindAuthorization(proxy, { port, connection }), testRequest(one.request));
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
