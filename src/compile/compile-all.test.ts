import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { bindingsOf, compileText, testOptions } from '../../test/kit/compile-kit.ts';
import { companionFiles, documentFiles, documentManifest, exampleManifest } from '../../test/kit/manifests.ts';
import { parseManifest } from '../manifest/index.ts';
import { stableJson, validatePlan, type Plan, type Route } from '../plan/index.ts';
import { compileAll } from './compile-all.ts';
import type { CompileResult } from './snapshot.ts';

const bindings = bindingsOf(['default/asset-management=127.0.0.1:50051']);

/** What the example's start makes for its HTTPS listener. */
const listenerSecret = `
apiVersion: v1
kind: Secret
metadata: { name: public-api-gateway-tls, namespace: gateway }
type: kubernetes.io/tls
stringData:
  tls.crt: "-----BEGIN CERTIFICATE-----\\nZm9y\\n-----END CERTIFICATE-----"
  tls.key: "-----BEGIN PRIVATE KEY-----\\ndGVzdHM=\\n-----END PRIVATE KEY-----"
`;

function compileFiles(paths: readonly string[], addMissing: boolean): CompileResult {
  const written = paths.flatMap((path) => parseManifest(readFileSync(path, 'utf8'), path).documents);
  const documents = [...written, ...parseManifest(listenerSecret, 'secret.yaml').documents];
  return compileAll({ documents, bindings, placements: {}, options: { ...testOptions, addMissing } });
}

const gateway = 'gateway/gateway/public-api-gateway';
const account = 'istio-ingressgateway-service-account';

function assertDocumentedPath({ plan, diagnostics }: CompileResult): void {
  assert.deepEqual(
    diagnostics.filter(({ severity }) => severity !== 'info'),
    [],
  );
  assert.deepEqual(validatePlan(plan), []);
  assert.equal(plan.proxies[gateway]?.serviceAccount, account);
  const cluster = plan.clusters[`${gateway}/outbound|8080||asset-management.default.svc.cluster.local`];
  assert.equal(cluster?.connectionPool.http2MaxRequests, 1000);
  assert.equal(cluster?.connectionPool.maxRequestsPerConnection, 100);
  const sidecarPort = Object.values(plan.ports).find(({ direction }) => direction === 'inbound');
  assert.ok(sidecarPort?.security.mode === 'mtls');
  assert.equal(sidecarPort.security.peerAuthentication, 'STRICT');
  const [policy] = Object.values(plan.policies);
  assert.deepEqual(policy?.rules[0]?.from[0]?.principals, [
    { type: 'exact', value: `cluster.local/ns/gateway/sa/${account}` },
  ]);
}

describe('the documented path', () => {
  test('the three files alone, with what is missing supplied', () => {
    assertDocumentedPath(compileFiles(documentFiles.map(documentManifest), true));
  });

  test('the three files with the rest of the example', () => {
    const files = [...companionFiles.map(exampleManifest), ...documentFiles.map(documentManifest)];
    assertDocumentedPath(compileFiles(files, false));
  });

  test('with the whole example nothing is missing', () => {
    const files = [...companionFiles.map(exampleManifest), ...documentFiles.map(documentManifest)];
    assert.deepEqual(compileFiles(files, true).added, []);
  });
});

test('the same snapshot gives the same bytes, and is not changed', () => {
  const documents = documentFiles.map(documentManifest).flatMap((path) => {
    return parseManifest(readFileSync(path, 'utf8'), path).documents;
  });
  const snapshot = { documents, bindings, placements: {}, options: { ...testOptions, addMissing: true } };
  const before = JSON.stringify(snapshot);
  assert.equal(JSON.stringify(compileAll(snapshot)), JSON.stringify(compileAll(snapshot)));
  assert.equal(JSON.stringify(snapshot), before);
});

test('the order of documents does not matter', () => {
  const texts = [...companionFiles.map(exampleManifest), ...documentFiles.map(documentManifest)];
  const forth = compileFiles(texts, false);
  const back = compileFiles(texts.toReversed(), false);
  assert.equal(stableJson(back.plan), stableJson(forth.plan));
  assert.deepEqual(back.diagnostics, forth.diagnostics);
});

const around = (route: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: default }
spec:
  gatewayClassName: istio
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
apiVersion: v1
kind: Service
metadata: { name: s, namespace: default }
spec: { ports: [{ name: grpc, port: 80 }] }
---
${route}`;

const httpRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: default }
spec:
  parentRefs: [{ name: gw }]
  hostnames: [api.example.com]
  rules:
    - matches:
        - { path: { type: PathPrefix, value: /asset.AssetService } }
        - { path: { type: Exact, value: /asset.AssetService/GetAsset }, headers: [{ name: tenant, value: a }] }
      backendRefs: [{ name: s, port: 80 }]
    - backendRefs: [{ name: s, port: 80, weight: 2 }]
`;

const grpcRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: r, namespace: default }
spec:
  parentRefs: [{ name: gw }]
  hostnames: [api.example.com]
  rules:
    - matches:
        - { method: { service: asset.AssetService } }
        - { method: { service: asset.AssetService, method: GetAsset }, headers: [{ name: tenant, value: a }] }
      backendRefs: [{ name: s, port: 80 }]
    - backendRefs: [{ name: s, port: 80, weight: 2 }]
`;

function meaning(plan: Plan): readonly Pick<Route, 'match' | 'action' | 'order'>[] {
  return Object.values(plan.routes)
    .map(({ match, action, order }) => ({ match, action, order }))
    .sort((a, b) => a.order - b.order);
}

test('HTTPRoute and GRPCRoute of the same meaning compile to the same routes', () => {
  const http = compileText(around(httpRoute)).plan;
  const grpc = compileText(around(grpcRoute)).plan;
  assert.equal(meaning(http).length, 3);
  assert.deepEqual(meaning(grpc), meaning(http));
  assert.deepEqual(
    Object.values(grpc.virtualHosts).map(({ hostname }) => hostname),
    Object.values(http.virtualHosts).map(({ hostname }) => hostname),
  );
  assert.deepEqual(Object.keys(grpc.clusters), Object.keys(http.clusters));
});

test('ids do not depend on other objects', () => {
  const alone = compileText(around(httpRoute)).plan;
  const other = httpRoute.replace('name: r,', 'name: another,').replace('api.example.com', 'other.example.com');
  const both = compileText(`${around(httpRoute)}\n---\n${other}`).plan;
  for (const id of Object.keys(alone.routes)) assert.deepEqual(both.routes[id]?.match, alone.routes[id]?.match);
  assert.equal(Object.keys(both.routes).length, 2 * Object.keys(alone.routes).length);
});

test('1,000 HTTPRoutes on one host compile, in the order of their names', () => {
  const documents = parseManifest(
    around(
      Array.from({ length: 1000 }, (_, index) =>
        httpRoute
          .replace('name: r,', `name: route-${String(index).padStart(4, '0')},`)
          .replace('/asset.AssetService }', `/asset.AssetService${index} }`),
      ).join('\n---\n'),
    ),
    'many.yaml',
  ).documents;
  const { plan, status } = compileAll({ documents, bindings: [], placements: {}, options: testOptions });
  assert.equal(Object.keys(plan.routes).length, 3000);
  assert.deepEqual(validatePlan(plan), []);
  const last = Object.values(plan.routes).find(({ order }) => order === 2999);
  assert.match(last?.id ?? '', /route-0999\/1\/0$/);
  const gatewayStatus = status.find(({ kind }) => kind === 'Gateway');
  assert.equal(gatewayStatus?.listeners?.[0]?.attachedRoutes, 1000);
});
