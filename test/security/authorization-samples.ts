/** Policies and requests that meet each other often: few values, all fields, all keys. */
import * as fc from 'fast-check';
import type { Manifest, Rule, Subject } from './authorization-model.ts';

const some = (...values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });

// No namespace ends with "a": by Istio's expression "*a" would match everybody, through the word "sa".
const principals = some(
  'cluster.local/ns/team/sa/web',
  'old.example/ns/team/sa/web',
  'foreign.org/ns/team/sa/web',
  '*/sa/web',
  'mesh.example/*',
  'mesh.example/ns/t*',
  '*',
  'web',
);
const namespaces = some('team', 'te*', '*m', '*', 't*m', 'sa');
const accounts = some('web', 'team/web', 'default/web', 'team/job');
const trustDomains = some('cluster.local', 'old.example', 'foreign.org', 'mesh');
const requestPrincipals = some(
  'https://a/alice',
  'https://a/*',
  '*/alice',
  '*ice',
  'https*',
  '*',
  'alice',
  'https://b/alice',
);
const blocks = some('10.0.0.1', '10.0.0.0/8', '192.168.0.0/16', '10.0.0.0/31', '0.0.0.0/0', '10.0.0.2/32');
const hosts = some('Web.example.com', 'web.*', '*.COM', '*', 'web.example.com:80', 'other', 'web.example.com:*');
const methods = some('POST', 'GET', 'P*', '*T', '*');
const paths = some('/a.A/Get', '/a.A/*', '*/Get', '*', '/{*}/Get', '/a.A/{**}', '/{**}', '/b.B/{*}', '/a.a/get');
const ports = some('8080', '80');

const both = (pairs: Readonly<Record<string, fc.Arbitrary<string[]>>>): Record<string, fc.Arbitrary<string[]>> =>
  Object.fromEntries(
    Object.entries(pairs).flatMap(([name, values]) => [
      [name, values],
      [`not${name.charAt(0).toUpperCase()}${name.slice(1)}`, values],
    ]),
  );

/** One to three of the fields. */
const listed = (
  all: Readonly<Record<string, fc.Arbitrary<string[]>>>,
): fc.Arbitrary<Readonly<Record<string, string[]>>> =>
  fc
    .uniqueArray(fc.constantFrom(...Object.keys(all)), { minLength: 1, maxLength: 3 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, all[name] as fc.Arbitrary<string[]>]))));

const addressFields = both({ ipBlocks: blocks, remoteIpBlocks: blocks });
const peerFields = both({ trustDomains, requestPrincipals });
// A service account must not stand beside principals or namespaces.
const source = fc.oneof(
  listed({ ...both({ principals, namespaces }), ...peerFields, ...addressFields }),
  listed({ ...both({ serviceAccounts: accounts }), ...peerFields, ...addressFields }),
);
const operation = listed(both({ hosts, methods, paths, ports }));

const texts = some('a', 'a*', '*b', '*', 'ab', 'shop');
const conditionValues: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  'request.headers[X-Tenant]': texts,
  'source.ip': blocks,
  'remote.ip': blocks,
  'source.namespace': namespaces,
  'source.principal': principals,
  'source.serviceAccount': accounts,
  'source.trustDomain': trustDomains,
  'request.auth.principal': requestPrincipals,
  'request.auth.audiences': texts,
  'request.auth.presenter': texts,
  'request.auth.claims[scope]': texts,
  'request.auth.claims[groups]': texts,
  'request.auth.claims[realm][scope]': texts,
  'destination.ip': blocks,
  'destination.port': ports,
  'connection.sni': some('web.example.com', '*.com', '*', 'outbound_*'),
};
const ofCaller = /^source\.(?:namespace|principal|serviceAccount|trustDomain)$|^request\.auth\./;

const conditionOf = (names: readonly string[]): fc.Arbitrary<NonNullable<Rule['when']>[number]> =>
  fc.constantFrom(...names).chain((key) => {
    const values = conditionValues[key] as fc.Arbitrary<string[]>;
    return fc.oneof(
      fc.record({ key: fc.constant(key), values }),
      fc.record({ key: fc.constant(key), notValues: values }),
      fc.record({ key: fc.constant(key), values, notValues: values }),
    );
  });

const ruleOf = (from: fc.Arbitrary<Readonly<Record<string, string[]>>>, names: readonly string[]): fc.Arbitrary<Rule> =>
  fc.record(
    {
      from: fc.array(fc.record({ source: from }), { minLength: 1, maxLength: 2 }),
      to: fc.array(fc.record({ operation }), { minLength: 1, maxLength: 2 }),
      when: fc.array(conditionOf(names), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );

const rule = ruleOf(source, Object.keys(conditionValues));
// Who calls is not known yet when CUSTOM is asked.
const customRule = ruleOf(
  listed(addressFields),
  Object.keys(conditionValues).filter((key) => !ofCaller.test(key)),
);

const placed = fc.record({
  place: fc.constantFrom('default/p0', 'default/p1', 'default/p2', 'istio-system/p0', 'istio-system/p1', 'team/p0'),
  dryRun: fc.option(fc.constantFrom('true', 'false'), { nil: undefined, freq: 2 }),
  selector: fc.option(fc.constantFrom('web', 'other'), { nil: undefined, freq: 2 }),
  spec: fc.oneof(
    { weight: 4, arbitrary: fc.record({ rules: fc.array(rule, { maxLength: 3 }) }, { requiredKeys: [] }) },
    {
      weight: 3,
      arbitrary: fc.record({ action: fc.constant('DENY'), rules: fc.array(rule, { minLength: 1, maxLength: 2 }) }),
    },
    { weight: 1, arbitrary: fc.record({ action: fc.constant('AUDIT'), rules: fc.array(rule, { maxLength: 2 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        action: fc.constant('CUSTOM'),
        provider: fc.constant({ name: 'opa' }),
        rules: fc.array(customRule, { minLength: 1, maxLength: 1 }),
      }),
    },
  ),
});

export const policies: fc.Arbitrary<Manifest[]> = fc
  .uniqueArray(placed, { maxLength: 4, selector: ({ place }) => place })
  .map((all) =>
    all.map(({ place, dryRun, selector, spec }) => {
      const [namespace = '', name = ''] = place.split('/');
      return {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name, namespace, ...(dryRun === undefined ? {} : { annotations: { 'istio.io/dry-run': dryRun } }) },
        spec: { ...spec, ...(selector === undefined ? {} : { selector: { matchLabels: { app: selector } } }) },
      };
    }),
  );

const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', '192.168.1.1', '172.16.0.1');

const token = fc.record(
  {
    iss: fc.constantFrom('https://a', 'https://b', 'http'),
    sub: fc.constantFrom('alice', 'bob', 'ice'),
    aud: fc.oneof(fc.constantFrom('shop', 'a'), fc.array(fc.constantFrom('a', 'ab', 'shop'), { maxLength: 2 })),
    azp: fc.constantFrom('a', 'shop'),
    scope: fc.constantFrom('a', 'a b', 'b shop'),
    groups: fc.oneof(fc.constantFrom('a', 'a b'), fc.array(fc.constantFrom('a', 'shop'), { maxLength: 2 })),
    realm: fc.record({ scope: fc.constantFrom<string | string[]>('a b', 'a', ['ab', 'shop']) }),
  },
  { requiredKeys: [] },
);

export const subject: fc.Arbitrary<Subject> = fc.record({
  token: fc.option(token, { nil: undefined }),
  principal: fc.constantFrom(
    '',
    'mesh.example/ns/team/sa/web',
    'old.example/ns/team/sa/web',
    'mesh.example/ns/default/sa/web',
    'foreign.org/ns/team/sa/web',
    'mesh.example/ns/team/sa/job',
  ),
  sni: fc.constantFrom('', 'web.example.com', 'outbound_.80_._.web'),
  sourceIp: addresses,
  destinationIp: addresses,
  request: fc.record({
    authority: fc.constantFrom(
      'web.example.com',
      'WEB.example.com',
      'web.example.com:80',
      'other',
      'web.internal:8080',
    ),
    path: fc.constantFrom('/a.A/Get', '/a.A/Put', '/b.B/Get', '/b.B/c/Get', '/a.A/Get?x=/b', '/'),
    method: fc.constantFrom('POST', 'GET', 'post'),
    scheme: fc.constantFrom('http', 'https'),
    headers: fc
      .tuple(
        fc.array(fc.constantFrom('a', 'ab', '', 'shop'), { maxLength: 2 }),
        fc.option(fc.constantFrom('10.0.0.1', '192.168.1.1, 10.0.0.2', '10.0.0.1,172.16.0.1'), { nil: undefined }),
      )
      .map(([tenants, forwarded]) => [
        ...tenants.map((value) => ['x-tenant', value] as const),
        ...(forwarded === undefined ? [] : [['x-forwarded-for', forwarded] as const]),
      ]),
  }),
});
