/** DestinationRule and BackendTLSPolicy from manifests to calls: a Gateway in front of real backends. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { ServerCredentials } from '@grpc/grpc-js';
import { stringify } from 'yaml';
import { issueSvid, makeCa, type TestCa } from '../kit/cert-kit.ts';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startEchoBackend, type EchoBackend } from '../kit/proxy-backend.ts';
import { echoClient, type EchoClient } from '../kit/proxy-client.ts';

const names = ['a', 'b', 'c'] as const;

/** Each backend is a pod without a proxy, so that what the gateway does towards it can be watched. */
function pod(name: string, labels: Readonly<Record<string, string>> = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels: { app: 'echo', 'sidecar.istio.io/inject': 'false', ...labels } },
    spec: { containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 50_051 }] }] },
  };
}

const base: readonly object[] = [
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'gw', namespace: 'shop', labels: { 'istio-locality': 'eu.a' } },
    spec: { gatewayClassName: 'istio', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: { name: 'echo', namespace: 'shop' },
    spec: { parentRefs: [{ name: 'gw' }], rules: [{ backendRefs: [{ name: 'echo', port: 80 }] }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'echo', namespace: 'shop' },
    spec: { selector: { app: 'echo' }, ports: [{ name: 'grpc', port: 80, targetPort: 50_051 }] },
  },
];

function rule(trafficPolicy: object): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'echo', namespace: 'shop' },
    spec: { host: 'echo', trafficPolicy },
  };
}

/** The Gateway written again, which counts, with a client certificate for backends. */
function withClientCertificate(name: string): object {
  const [gateway] = base as readonly [{ readonly spec: object }];
  return { ...gateway, spec: { ...gateway.spec, tls: { backend: { clientCertificateRef: { name } } } } };
}

interface Running {
  readonly mesh: CompiledMesh;
  readonly client: EchoClient;
  /** Calls that each backend got. */
  readonly counts: () => readonly number[];
  readonly change: (...more: readonly object[]) => Promise<void>;
}

function manifests(objects: readonly object[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

async function run(
  context: TestContext,
  backends: readonly EchoBackend[],
  { pods, more }: { readonly pods: readonly object[]; readonly more: readonly object[] },
): Promise<Running> {
  for (const backend of backends) context.after(() => backend.close());
  const apps = Object.fromEntries(backends.map(({ address }, index) => [`shop/${names[index]}`, address]));
  const mesh = await startCompiledMesh({ manifests: manifests([...base, ...pods, ...more]), apps });
  context.after(() => mesh.close());
  const client = echoClient(mesh.addressOf('gateway/shop/gw/80'));
  context.after(() => client.close());
  return {
    mesh,
    client,
    counts: () => backends.map(({ calls }) => calls.get('Unary') ?? 0),
    change: (...changed) => mesh.change(manifests([...base, ...pods, ...changed])),
  };
}

const ascending = (a: number, b: number): number => a - b;

async function call(client: EchoClient, times: number, metadata: Record<string, string> = {}): Promise<void> {
  for (let i = 0; i < times; i++) assert.equal((await client.unary('x', { metadata })).code, 0);
}

async function three(context: TestContext, trafficPolicy: object, pods: readonly object[]): Promise<Running> {
  const backends = await Promise.all(names.map(() => startEchoBackend()));
  return run(context, backends, { pods, more: [rule(trafficPolicy)] });
}

describe('loadBalancer', () => {
  test('consistentHash by header sticks, with ring and with Maglev; another rule takes effect at once', async (t) => {
    const pods = names.map((name) => pod(name));
    const hash = { consistentHash: { httpHeaderName: 'X-User' } };
    const { client, counts, change } = await three(t, { loadBalancer: hash }, pods);
    await call(client, 9, { 'x-user': 'ada' });
    assert.deepEqual([...counts()].sort(ascending), [0, 0, 9]);
    await change(rule({ loadBalancer: { consistentHash: { httpHeaderName: 'X-User', maglev: { tableSize: 251 } } } }));
    const before = counts();
    await call(client, 9, { 'x-user': 'bob' });
    assert.deepEqual(
      counts()
        .map((count, index) => count - (before[index] ?? 0))
        .sort(ascending),
      [0, 0, 9],
    );
    await change(rule({ loadBalancer: { simple: 'ROUND_ROBIN' } }));
    const middle = counts();
    await call(client, 9);
    assert.deepEqual(
      counts().map((count, index) => count - (middle[index] ?? 0)),
      [3, 3, 3],
    );
  });

  test('localityLbSetting.distribute by the labels of pods', async (t) => {
    const pods = ['eu.a', 'eu.b', 'us.c'].map((place, index) => pod(names[index] ?? '', { 'istio-locality': place }));
    const localityLbSetting = { distribute: [{ from: 'eu/a', to: { 'eu/a': 50, 'eu/b': 30, '*': 20 } }] };
    const { client, counts } = await three(t, { loadBalancer: { localityLbSetting } }, pods);
    await call(client, 20);
    assert.deepEqual(counts(), [10, 6, 4]);
  });

  test('the nearest alone, where outlier detection would notice that it fails', async (t) => {
    const pods = ['us.c', 'eu.a', 'eu.b'].map((place, index) => pod(names[index] ?? '', { 'istio-locality': place }));
    const { client, counts } = await three(t, { outlierDetection: { maxEjectionPercent: 100 } }, pods);
    await call(client, 10);
    assert.deepEqual(counts(), [0, 10, 0]);
  });
});

test('portLevelSettings stand for the whole policy of their port', async (t) => {
  const portLevelSettings = [{ port: { number: 80 }, connectionPool: { http: { maxRequestsPerConnection: 1 } } }];
  const trafficPolicy = { tls: { mode: 'ISTIO_MUTUAL' }, portLevelSettings };
  const backend = await startEchoBackend();
  const { client, counts } = await run(t, [backend], { pods: [pod('a')], more: [rule(trafficPolicy)] });
  await call(client, 3);
  assert.deepEqual(counts(), [3], 'plaintext: the tls of the host does not hold here');
  assert.equal(backend.peers.size, 3);
});

const authority = makeCa();
const stranger = makeCa();

/** A backend that speaks TLS with a certificate of `ca` for `echo.example.com`. */
function tlsBackend(ca: TestCa, wantsClient = false): Promise<EchoBackend> {
  const { keyPem, chainPem } = issueSvid(ca, { names: [{ dns: 'echo.example.com' }, { uri: 'spiffe://shop/echo' }] });
  const pair = { private_key: Buffer.from(keyPem), cert_chain: Buffer.from(chainPem) };
  return startEchoBackend(ServerCredentials.createSsl(Buffer.from(authority.pem), [pair], wantsClient));
}

describe('DestinationRule tls', () => {
  const client = issueSvid(authority, { names: [{ dns: 'gateway.example.com' }] });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'backend', namespace: 'shop' },
    stringData: { 'tls.crt': client.chainPem, 'tls.key': client.keyPem, 'ca.crt': authority.pem },
  };

  test('SIMPLE and MUTUAL with credentialName', async (t) => {
    const backend = await tlsBackend(authority, true);
    const tls = { credentialName: 'backend', sni: 'echo.example.com' };
    const mutual = [secret, rule({ tls: { mode: 'MUTUAL', ...tls } })];
    const running = await run(t, [backend], { pods: [pod('a')], more: mutual });
    await call(running.client, 3);
    await running.change(secret, rule({ tls: { mode: 'SIMPLE', ...tls } }));
    assert.equal((await running.client.unary('x')).code, 14, 'the backend wants a certificate');
    const otherName = { ...tls, sni: 'other.example.com' };
    await running.change(secret, rule({ tls: { mode: 'MUTUAL', ...otherName } }));
    assert.equal((await running.client.unary('x')).code, 14, 'the certificate is for another name');
    const named = { ...otherName, subjectAltNames: ['spiffe://shop/echo'] };
    await running.change(secret, rule({ tls: { mode: 'MUTUAL', ...named } }));
    await call(running.client, 1);
  });

  test('a credential that is missing closes the way, rather than leaving TLS out', async (t) => {
    const backend = await startEchoBackend();
    const more = [rule({ tls: { mode: 'SIMPLE', credentialName: 'nowhere' } })];
    const { client: caller, counts, mesh } = await run(t, [backend], { pods: [pod('a')], more });
    assert.equal((await caller.unary('x')).code, 14);
    assert.deepEqual(counts(), [0]);
    assert.ok(mesh.result().diagnostics.some(({ code }) => code === 'SP0330'));
  });
});

describe('BackendTLSPolicy', () => {
  function policy(validation: object): object {
    return {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'BackendTLSPolicy',
      metadata: { name: 'echo', namespace: 'shop' },
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: 'echo', sectionName: 'grpc' }],
        validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }], ...validation },
      },
    };
  }

  function authorities(ca: TestCa): object {
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'ca', namespace: 'shop' },
      data: { 'ca.crt': ca.pem },
    };
  }

  test('gRPC over TLS; another host, other names and other authorities fail', async (t) => {
    const backend = await tlsBackend(authority);
    const good = policy({ hostname: 'echo.example.com' });
    const { client, change, counts } = await run(t, [backend], {
      pods: [pod('a')],
      more: [good, authorities(authority)],
    });
    await call(client, 3);
    await change(policy({ hostname: 'other.example.com' }), authorities(authority));
    assert.equal((await client.unary('x')).code, 14);
    const byUri = { hostname: 'other.example.com', subjectAltNames: [{ type: 'URI', uri: 'spiffe://shop/echo' }] };
    await change(policy(byUri), authorities(authority));
    await call(client, 1);
    const wrongUri = { ...byUri, subjectAltNames: [{ type: 'URI', uri: 'spiffe://shop/other' }] };
    await change(policy(wrongUri), authorities(authority));
    assert.equal((await client.unary('x')).code, 14);
    assert.deepEqual(counts(), [4]);
  });

  test('the Gateway’s tls.backend.clientCertificateRef is presented; one that is missing closes the way', async (t) => {
    const backend = await tlsBackend(authority, true);
    const good = policy({ hostname: 'echo.example.com' });
    const own = issueSvid(authority, { names: [{ dns: 'gateway.example.com' }] });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'own', namespace: 'shop' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': own.chainPem, 'tls.key': own.keyPem },
    };
    const more = [good, authorities(authority), withClientCertificate('own')];
    const { client, change, mesh } = await run(t, [backend], { pods: [pod('a')], more: [secret, ...more] });
    await call(client, 2);
    await change(...more);
    assert.equal((await client.unary('x')).code, 14);
    const conditions = mesh.result().status.find(({ kind }) => kind === 'Gateway')?.conditions ?? [];
    assert.deepEqual(
      conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
      ['Accepted True Accepted', 'Programmed True Programmed', 'ResolvedRefs False InvalidClientCertificateRef'],
    );
  });

  test('the ConfigMap is followed: no certificate in it, one of a stranger, the right one', async (t) => {
    const backend = await tlsBackend(stranger);
    const good = policy({ hostname: 'echo.example.com' });
    const broken = { ...authorities(authority), data: { 'ca.crt': 'none' } };
    const { client, change, mesh } = await run(t, [backend], { pods: [pod('a')], more: [good, broken] });
    const conditions = (): readonly string[] =>
      mesh
        .result()
        .status.filter(({ kind }) => kind === 'BackendTLSPolicy')
        .flatMap(({ ancestors = [] }) => ancestors.flatMap((ancestor) => ancestor.conditions))
        .map(({ type, reason }) => `${type} ${reason}`);
    assert.deepEqual(conditions(), ['Accepted NoValidCACertificate', 'ResolvedRefs InvalidCACertificateRef']);
    assert.equal((await client.unary('x')).code, 14);
    await change(good, authorities(authority));
    assert.equal((await client.unary('x')).code, 14);
    assert.deepEqual(conditions(), ['Accepted Accepted', 'ResolvedRefs ResolvedRefs']);
    await change(good, authorities(stranger));
    let code = 14;
    // The pool waits a moment after a failure.
    while (code !== 0) ({ code } = await client.unary('x'));
    assert.equal(code, 0);
  });
});
