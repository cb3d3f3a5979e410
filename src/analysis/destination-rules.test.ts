/** Which DestinationRule a client gets, and what of it holds for a port or a subset (istio.md 3.5, "Merging and lookup"). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDiagnostic } from '../base/index.ts';
import { testOptions } from '../../test/kit/compile-kit.ts';
import { parseManifest } from '../manifest/index.ts';
import { decodeAll } from '../resource/index.ts';
import { analyze } from './analyze.ts';
import type { Analysis, ClientModel, TrafficPolicyModel } from './model.ts';

interface Rule {
  readonly name: string;
  readonly namespace: string;
  /** The whole `spec` in YAML's flow style. */
  readonly spec: string;
  /** Seconds after midnight; default: by the order of the list. */
  readonly age?: number;
}

function analyzeRules(rules: readonly Rule[]): Analysis {
  const documents = rules.map(({ name, namespace, spec, age }, index) =>
    [
      'apiVersion: networking.istio.io/v1',
      'kind: DestinationRule',
      `metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "2026-01-01T00:00:${String(age ?? index).padStart(2, '0')}Z" }`,
      `spec: ${spec}`,
    ].join('\n'),
  );
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: { name: app, namespace: shop }\nspec: { ports: [{ name: grpc, port: 80 }, { name: grpc-b, port: 81 }] }';
  const parsed = parseManifest([service, ...documents].join('\n---\n'), 'in.yaml');
  const { resources, diagnostics } = decodeAll(parsed.documents);
  assert.deepEqual([...parsed.diagnostics, ...diagnostics].map(formatDiagnostic), []);
  return analyze({ resources, bindings: [], options: testOptions });
}

interface Asked {
  readonly client?: Partial<ClientModel>;
  readonly port?: number;
  readonly subset?: string;
}

function policyFor(rules: readonly Rule[] | Analysis, asked: Asked = {}): TrafficPolicyModel {
  const analysis = 'trafficPolicy' in rules ? rules : analyzeRules(rules);
  const service = { namespace: 'shop', name: 'app', host: 'app.shop.svc.cluster.local', port: asked.port ?? 80 };
  const client = { namespace: 'web', labels: {}, ...asked.client };
  return analysis.trafficPolicy(client, { service, ...(asked.subset === undefined ? {} : { subset: asked.subset }) });
}

const host = 'host: app.shop.svc.cluster.local';
const maxRequests = (most: number): string => `{ connectionPool: { http: { http2MaxRequests: ${most} } } }`;

/** A rule whose pool allows this many requests, by which its effect is told. */
function rule(name: string, namespace: string, most: number, more = ''): Rule {
  return { name, namespace, spec: `{ ${host}, trafficPolicy: ${maxRequests(most)}${more} }` };
}

function requestsFor(rules: readonly Rule[] | Analysis, asked?: Asked): number | undefined {
  return policyFor(rules, asked).connectionPool.http2MaxRequests;
}

describe('which namespace', () => {
  const everywhere = [rule('root', 'istio-system', 1), rule('server', 'shop', 2), rule('client', 'web', 3)];

  test('the client’s own, then the Service’s, then the root namespace', () => {
    assert.equal(requestsFor(everywhere), 3);
    assert.equal(requestsFor(everywhere.slice(0, 2)), 2);
    assert.equal(requestsFor(everywhere.slice(0, 1)), 1);
    assert.equal(requestsFor([rule('other', 'other', 9)]), undefined);
  });

  test('a client in the root namespace takes the Service’s before the mesh’s defaults, but its private ones first', () => {
    const client = { namespace: 'istio-system' };
    assert.equal(requestsFor(everywhere, { client }), 2);
    assert.equal(requestsFor([...everywhere, rule('own', 'istio-system', 4, ', exportTo: ["."]')], { client }), 4);
  });

  test('a less specific match nearer by goes before a more specific one farther away', () => {
    const wide: Rule = { name: 'wide', namespace: 'web', spec: `{ host: "*", trafficPolicy: ${maxRequests(5)} }` };
    assert.equal(requestsFor([...everywhere.slice(0, 2), wide]), 5);
  });

  test('exportTo: "." hides it from other namespaces, a list shows it to those in it', () => {
    const hidden = rule('hidden', 'shop', 7, ', exportTo: ["."]');
    assert.equal(requestsFor([hidden]), undefined);
    assert.equal(requestsFor([hidden], { client: { namespace: 'shop' } }), 7);
    assert.equal(requestsFor([rule('root', 'istio-system', 1), hidden]), 1, 'as if it were not there');
    const named = rule('named', 'shop', 8, ', exportTo: ["web", "."]');
    assert.equal(requestsFor([named]), 8);
    assert.equal(requestsFor([named], { client: { namespace: 'other' } }), undefined);
  });
});

describe('workloadSelector', () => {
  const selected = rule('selected', 'web', 2, ', workloadSelector: { matchLabels: { app: cart } }');

  test('goes before a rule for all clients, which it replaces', () => {
    const rules = analyzeRules([
      { name: 'all', namespace: 'web', spec: `{ ${host}, subsets: [{ name: v1, labels: { version: v1 } }] }` },
      selected,
    ]);
    const cart = { labels: { app: 'cart', version: 'v9' } };
    assert.equal(requestsFor(rules, { client: cart }), 2);
    assert.equal(policyFor(rules, { client: cart, subset: 'v1' }).undefinedSubset, true, 'nothing is merged');
    assert.equal(requestsFor(rules), undefined);
    assert.equal(policyFor(rules, { subset: 'v1' }).undefinedSubset, undefined);
  });

  test('of a rule for others the namespace still has a match: nothing farther away is looked for', () => {
    const server = rule('server', 'shop', 7);
    assert.equal(requestsFor([server, selected]), undefined);
    assert.equal(requestsFor([server, selected], { client: { namespace: 'web2' } }), 7);
  });

  test('never crosses namespaces', () => {
    const labels = { app: 'cart' };
    assert.equal(requestsFor([{ ...selected, namespace: 'shop' }], { client: { labels } }), undefined);
    assert.equal(requestsFor([{ ...selected, namespace: 'istio-system' }], { client: { labels } }), undefined);
  });
});

describe('visibility', () => {
  test('a host whose rules are for others hides wider ones of its namespace, not those of the root', () => {
    const wide: Rule = { name: 'wide', namespace: 'shop', spec: `{ host: "*", trafficPolicy: ${maxRequests(5)} }` };
    const forX = rule('for-x', 'shop', 6, ', exportTo: ["x"]');
    assert.equal(requestsFor([wide]), 5);
    assert.equal(requestsFor([wide, forX]), undefined);
    assert.equal(requestsFor([wide, forX], { client: { namespace: 'x' } }), 6);
    assert.equal(requestsFor([wide, forX, rule('root', 'istio-system', 1)]), 1);
    assert.equal(
      requestsFor([wide, rule('own', 'shop', 6, ', exportTo: ["."]')]),
      5,
      'a private one is not among them',
    );
  });

  test('rules of different exportTo are not merged, and the last one that is seen counts', () => {
    const rules = [
      { ...rule('first', 'shop', 1), age: 1 },
      { ...rule('second', 'shop', 2, ', exportTo: ["*"]'), age: 2 },
      { ...rule('third', 'shop', 3, ', exportTo: ["x"]'), age: 3 },
    ];
    assert.equal(requestsFor(rules), 2);
    assert.equal(requestsFor(rules, { client: { namespace: 'x' } }), 3);
  });
});

describe('several rules for one host in one namespace', () => {
  test('the oldest trafficPolicy counts alone, all subsets count, of equal names the oldest', () => {
    const rules = analyzeRules([
      { name: 'newest', namespace: 'shop', age: 9, spec: `{ host: app, trafficPolicy: ${maxRequests(9)} }` },
      {
        name: 'second',
        namespace: 'shop',
        age: 5,
        spec: `{ ${host}, trafficPolicy: ${maxRequests(5)}, subsets: [{ name: v1, labels: { a: one } }, { name: v2, labels: { a: two } }] }`,
      },
      {
        name: 'oldest',
        namespace: 'shop',
        age: 1,
        spec: '{ host: app, subsets: [{ name: v1, labels: { a: three } }] }',
      },
    ]);
    assert.equal(requestsFor(rules), 5);
    assert.equal(policyFor(rules).origin?.name, 'second');
    assert.deepEqual(policyFor(rules, { subset: 'v1' }).subset?.labels, { a: 'three' });
    assert.deepEqual(policyFor(rules, { subset: 'v2' }).subset?.labels, { a: 'two' });
    const shadowed = rules.diagnostics.filter(({ code }) => code === 'SP0314').map(({ origin }) => origin.name);
    assert.deepEqual(shadowed, ['newest', 'second']);
  });

  test('a subset that nobody defines', () => {
    const policy = policyFor([rule('server', 'shop', 2)], { subset: 'v1' });
    assert.equal(policy.undefinedSubset, true);
    assert.equal(policyFor([], { subset: 'v1' }).undefinedSubset, true);
  });
});

describe('what holds for a port and for a subset', () => {
  const policy = `{
    loadBalancer: { simple: RANDOM },
    connectionPool: { http: { http2MaxRequests: 1, maxRequestsPerConnection: 2 } },
    outlierDetection: { consecutive5xxErrors: 7 },
    portLevelSettings: [{ port: { number: 81 }, connectionPool: { http: { http2MaxRequests: 3 } } }] }`;
  const subsets = `[
    { name: plain, labels: {} },
    { name: pool, labels: {}, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 4 } } } },
    { name: port, labels: {}, trafficPolicy: {
        loadBalancer: { simple: ROUND_ROBIN },
        portLevelSettings: [{ port: { number: 80 }, outlierDetection: { consecutive5xxErrors: 9 } }] } }]`;
  const rules = analyzeRules([
    { name: 'server', namespace: 'shop', spec: `{ ${host}, trafficPolicy: ${policy}, subsets: ${subsets} }` },
  ]);
  const shape = (asked: Asked): unknown => {
    const { loadBalancer, connectionPool, outlierDetection } = policyFor(rules, asked);
    const { http2MaxRequests, maxRequestsPerConnection } = connectionPool;
    return [loadBalancer, http2MaxRequests, maxRequestsPerConnection, outlierDetection?.consecutive5xxErrors];
  };

  test('a port’s entry stands for the whole policy: what it leaves out has its default', () => {
    assert.deepEqual(shape({}), ['RANDOM', 1, 2, 7]);
    assert.deepEqual(shape({ port: 81 }), ['LEAST_REQUEST', 3, undefined, undefined]);
  });

  test('a subset replaces blocks, and within a block nothing is merged', () => {
    assert.deepEqual(shape({ subset: 'plain' }), ['RANDOM', 1, 2, 7]);
    assert.deepEqual(shape({ subset: 'pool' }), ['RANDOM', 4, undefined, 7]);
    assert.deepEqual(shape({ subset: 'pool', port: 81 }), ['LEAST_REQUEST', 4, undefined, undefined]);
  });

  test('a subset’s entry for a port stands for everything', () => {
    assert.deepEqual(shape({ subset: 'port' }), ['LEAST_REQUEST', undefined, undefined, 9]);
    assert.deepEqual(shape({ subset: 'port', port: 81 }), ['ROUND_ROBIN', 3, undefined, undefined]);
  });
});
