import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffPlans } from './diff.ts';
import type { Plan } from './types.ts';
import { validatePlan } from './validate.ts';

const origin = { kind: 'Gateway', namespace: 'gateway', name: 'public', file: 'gateway.yaml', line: 1 };
const labels = {
  workload: 'public-istio',
  namespace: 'gateway',
  app: 'unknown',
  version: 'unknown',
  canonicalService: 'public-istio',
  canonicalRevision: 'latest',
  cluster: 'Kubernetes',
  principal: 'unknown',
};

function smallPlan(): Plan {
  return {
    mesh: { trustDomain: 'cluster.local', trustDomainAliases: [] },
    proxies: {
      g: {
        id: 'g',
        origin,
        role: 'gateway',
        namespace: 'gateway',
        serviceAccount: 'public-istio',
        labels,
        reflection: true,
      },
    },
    ports: {
      'g/80': {
        id: 'g/80',
        origin,
        proxy: 'g',
        direction: 'gateway',
        number: 80,
        bind: { host: '127.0.0.1', port: 0 },
        security: { mode: 'plaintext' },
      },
    },
    listeners: {
      'g/80/http': { id: 'g/80/http', origin, port: 'g/80', name: 'http', hostname: '*', certificates: [] },
    },
    virtualHosts: { v: { id: 'v', origin, listener: 'g/80/http', hostname: '*' } },
    routes: {
      r: {
        id: 'r',
        origin,
        virtualHost: 'v',
        order: 0,
        match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
        action: { type: 'forward', backends: [{ weight: 1, cluster: 'c' }] },
      },
    },
    clusters: {
      c: {
        id: 'c',
        origin,
        proxy: 'g',
        name: 'outbound|80||a.b.svc.cluster.local',
        service: { host: 'a.b.svc.cluster.local', name: 'a', namespace: 'b' },
        port: 80,
        loadBalancer: 'LEAST_REQUEST',
        connectionPool: { connectTimeoutMs: 10_000 },
      },
    },
    endpoints: {
      e: {
        id: 'e',
        origin,
        cluster: 'c',
        address: { host: '127.0.0.1', port: 9 },
        weight: 1,
        security: { mode: 'plaintext' },
        labels,
      },
    },
    policies: {},
    requestAuthentications: {},
    certificates: {},
    peers: {},
  };
}

test('a whole plan has no faults', () => {
  assert.deepEqual(validatePlan(smallPlan()), []);
});

test('missing parents, wrong keys and impossible numbers are named', () => {
  const plan = smallPlan();
  const { r } = plan.routes;
  const { e } = plan.endpoints;
  const port = plan.ports['g/80'];
  assert.ok(r && e && port);
  const broken: Plan = {
    ...plan,
    ports: { 'g/80': { ...port, number: 0, security: { mode: 'tls' } } },
    virtualHosts: {},
    routes: { r, r2: { ...r, action: { type: 'forward', backends: [{ weight: 0, cluster: 'x' }] } } },
    endpoints: { e: { ...e, weight: 0, address: { host: 'h', port: 70_000 } } },
  };
  assert.deepEqual(validatePlan(broken), [
    'routes: key "r2" holds the element with id "r"',
    'routes "r": virtualHost "v" does not exist',
    'routes "r2": virtualHost "v" does not exist',
    'ports "g/80": number 0 is not a port',
    'listeners "g/80/http": no certificate on a tls port',
    'routes "r": cluster "c" is not of proxy "undefined"',
    'routes "r": order 0 is taken in its virtual host',
    'routes "r": the weights of its backends sum to 0',
    'routes "r": cluster "x" is not of proxy "undefined"',
    'endpoints "e": port 70000 is not a port',
    'endpoints "e": weight 0 is not a positive integer',
  ]);
});

test('equal plans do not differ, whatever the order of their keys', () => {
  const plan = smallPlan();
  const turned = Object.fromEntries(Object.entries(smallPlan()).toReversed()) as unknown as Plan;
  assert.deepEqual(diffPlans(plan, turned), { meshChanged: false, collections: {} });
});

test('a difference names the element', () => {
  const before = smallPlan();
  const { r } = before.routes;
  assert.ok(r);
  const after: Plan = {
    ...before,
    mesh: { trustDomain: 'other', trustDomainAliases: [] },
    routes: { r: { ...r, timeoutMs: 5 }, added: { ...r, id: 'added' } },
    endpoints: {},
  };
  const diff = diffPlans(before, after);
  assert.deepEqual(diff, {
    meshChanged: true,
    collections: {
      routes: { added: ['added'], removed: [], changed: ['r'] },
      endpoints: { added: [], removed: ['e'], changed: [] },
    },
  });
  assert.notDeepEqual(diff.collections, {});
});
