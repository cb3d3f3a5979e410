import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingsOf, compileText } from '../../test/kit/compile-kit.ts';

const count = 30;

function mesh(more = ''): { readonly scopes: number; readonly clusters: number } {
  const objects = Array.from({ length: count }, (_, index) => {
    const namespace = `n${index % 5}`;
    return `
apiVersion: v1
kind: Pod
metadata: { name: app-${index}, namespace: ${namespace}, labels: { app: app-${index}, odd: "${index % 2}" } }
spec: { containers: [{ name: app, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: app-${index}, namespace: ${namespace} }
spec: { selector: { app: app-${index} }, ports: [{ name: grpc, port: 80, targetPort: 8080 }] }
`;
  });
  const names = Array.from({ length: count }, (_, index) => `n${index % 5}/app-${index}=127.0.0.1:${1000 + index}`);
  const { plan } = compileText([...objects, ...(more === '' ? [] : [more])].join('---'), {
    bindings: bindingsOf(names),
    options: { outbound: true },
  });
  const scopes = new Set(Object.values(plan.proxies).map(({ outbound }) => outbound?.scope));
  return {
    scopes: scopes.size,
    clusters: Object.values(plan.clusters).filter(({ proxy }) => scopes.has(proxy)).length,
  };
}

function destinationRule(spec: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: r, namespace: n0 }
spec: ${spec}
`;
}

test('workloads that nothing tells apart share a scope, however many they are', () => {
  assert.deepEqual(mesh(), { scopes: 1, clusters: count });
});

test('a namespace with a DestinationRule has a scope of its own', () => {
  const rule = destinationRule(
    '{ host: "*.n1.svc.cluster.local", trafficPolicy: { loadBalancer: { simple: RANDOM } } }',
  );
  assert.deepEqual(mesh(rule), { scopes: 2, clusters: 2 * count });
});

test('a rule that asks for the labels of the client separates workloads by their labels', () => {
  const rule = destinationRule('{ host: app-1.n1.svc.cluster.local, workloadSelector: { matchLabels: { odd: "1" } } }');
  assert.equal(mesh(rule).scopes, count);
});
