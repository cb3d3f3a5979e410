import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { startEchoBackend } from '../../test/kit/proxy-backend.ts';
import { echoClient, type Answer } from '../../test/kit/proxy-client.ts';
import { startMesh, type MeshSpec, type TestMesh } from '../../test/kit/proxy-mesh.ts';
import { allowPolicy, gatewayId, gatewaySpiffeId, sidecarId, sidecarPortId } from '../../test/kit/proxy-plan.ts';
import { enroll } from '../../test/kit/proxy-process.ts';
import { CertificateAuthority } from '../identity/index.ts';
import type { Address } from './index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function meshOf(spec: Partial<MeshSpec> = {}): Promise<TestMesh> {
  const backend = await startEchoBackend();
  const mesh = await startMesh({ application: backend.address, ...spec });
  cleanups.push(
    () => backend.close(),
    () => mesh.close(),
  );
  return mesh;
}

async function callOnce({ gatewayAddress }: TestMesh): Promise<Answer> {
  const client = echoClient(gatewayAddress);
  cleanups.push(() => client.close());
  return client.unary('x');
}

async function gatewayLine(mesh: TestMesh): Promise<string> {
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 0);
  return mesh.gateway.accessLines[0] ?? '';
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Sends plaintext HTTP/2 and gives everything that came back until the connection was closed. */
async function knock({ host, port }: Address): Promise<{ readonly received: number; readonly localPort: number }> {
  const socket = connect(port, host);
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const localPort = socket.localPort ?? 0;
  socket.write(preface);
  await once(socket, 'close');
  return { received, localPort };
}

describe('a STRICT sidecar', () => {
  test('closes plaintext connections without a word, and says who knocked', async () => {
    const mesh = await meshOf();
    const { received, localPort } = await knock(mesh.sidecarAddress);
    assert.equal(received, 0);
    const line = mesh.sidecar.logLines.find((one) => one.includes(`127.0.0.1:${localPort}`)) ?? '';
    assert.match(line, /plaintext-refused/);
    assert.match(line, /STRICT by PeerAuthentication default\/default peerauthentication\.yaml:5/);
    const counter = mesh.sidecar.counters.snapshot().find(({ name }) => name === 'sallyport_plaintext_refused_total');
    assert.deepEqual(counter?.labels, [['port', sidecarPortId]]);
    assert.equal(counter?.value, 1);
  });

  test('closes TLS connections without a client certificate, and says who knocked', async () => {
    const mesh = await meshOf();
    const { host, port } = mesh.sidecarAddress;
    const socket = connectTls({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    socket.on('error', () => undefined);
    await once(socket, 'close');
    const refusal = /closed connection from 127\.0\.0\.1:\d+: /;
    await mesh.sidecar.logged(() => mesh.sidecar.logLines.some((line) => refusal.test(line)));
    const names = mesh.sidecar.counters.snapshot().map(({ name }) => name);
    assert.deepEqual(names, ['sallyport_handshake_failures_total']);
  });
});

describe('a PERMISSIVE sidecar', () => {
  test('takes plaintext and mutual TLS on one port', async () => {
    const mesh = await meshOf({ peerAuthentication: 'PERMISSIVE' });
    assert.equal((await callOnce(mesh)).code, 0);
    const direct = echoClient(mesh.sidecarAddress);
    cleanups.push(() => direct.close());
    assert.equal((await direct.unary('x', { metadata: { 'x-forwarded-client-cert': 'By=spiffe://evil' } })).code, 0);
    await mesh.sidecar.logged(() => mesh.sidecar.accessLines.length === 2);
    const securities = mesh.sidecar.metrics.snapshot().series.map(({ labels }) => labels.at(-1));
    assert.deepEqual(new Set(securities), new Set(['mutual_tls', 'none']));
  });
});

describe('a sidecar with mTLS disabled', () => {
  test('takes plaintext only', async () => {
    const mesh = await meshOf({ peerAuthentication: 'DISABLE' });
    const direct = echoClient(mesh.sidecarAddress);
    cleanups.push(() => direct.close());
    assert.equal((await direct.unary('x')).code, 0);
    assert.equal((await callOnce(mesh)).code, 14);
  });
});

describe('identities that do not fit', () => {
  test('a gateway certified by another authority is refused by the sidecar', async () => {
    const mesh = await meshOf({ gatewayAuthority: await CertificateAuthority.ephemeral() });
    assert.equal((await callOnce(mesh)).code, 14);
    assert.match(await gatewayLine(mesh), / U[FC] /);
  });

  test('a sidecar certified by another authority is refused by the gateway', async () => {
    const mesh = await meshOf({ sidecarAuthority: await CertificateAuthority.ephemeral() });
    assert.equal((await callOnce(mesh)).code, 14);
    assert.match(await gatewayLine(mesh), / UF /);
  });

  test('a sidecar with another service account than the service has is refused by the gateway', async () => {
    const mesh = await meshOf({ sidecarSpiffe: 'spiffe://cluster.local/ns/default/sa/other' });
    const { code, details } = await callOnce(mesh);
    assert.equal(code, 14);
    assert.ok(!details.includes('other'), 'the client is told nothing of the certificate');
    const line = await gatewayLine(mesh);
    assert.match(line, / UF /);
    assert.ok(line.includes('sa/other'), line);
  });

  test('a gateway of another trust domain is refused by the sidecar, which names it', async () => {
    const mesh = await meshOf({ gatewaySpiffe: 'spiffe://elsewhere.example/ns/gateway/sa/public' });
    assert.equal((await callOnce(mesh)).code, 14);
    const refused = (): string => mesh.sidecar.logLines.find((line) => line.includes('closed connection')) ?? '';
    await mesh.sidecar.logged(() => refused() !== '');
    assert.ok(refused().includes('elsewhere.example'), refused());
  });
});

describe('AuthorizationPolicy', () => {
  test('at the workload lets only the principal of the policy in', async () => {
    const principal = gatewaySpiffeId.slice('spiffe://'.length);
    const allowed = await meshOf({ sidecarPolicies: [allowPolicy(sidecarId, principal)] });
    assert.equal((await callOnce(allowed)).code, 0);
    const denied = await meshOf({ sidecarPolicies: [allowPolicy(sidecarId, 'cluster.local/ns/default/sa/other')] });
    const { code, details } = await callOnce(denied);
    assert.equal(code, 7);
    assert.equal(details, 'RBAC: access denied');
    await denied.sidecar.logged(() => denied.sidecar.accessLines.length > 0);
    const line = denied.sidecar.accessLines[0] ?? '';
    assert.match(line, / 200 7 - /);
    assert.ok(line.includes('rbac_access_denied_matched_policy[none]'), line);
    assert.ok(line.includes('authorizationpolicy.yaml:'), line);
  });

  test('at the gateway decides before the route, by path', async () => {
    const policy = { ...allowPolicy(gatewayId, '', '/test.Echo/Unary') };
    const [rule] = policy.rules;
    assert.ok(rule !== undefined);
    const anyone = { ...policy, rules: [{ ...rule, from: [] }] };
    const mesh = await meshOf({ gatewayPolicies: [anyone] });
    const client = echoClient(mesh.gatewayAddress);
    cleanups.push(() => client.close());
    assert.equal((await client.unary('x')).code, 0);
    assert.equal((await client.start('Fail').answer).code, 7);
  });
});

describe('a new certificate', () => {
  test('serves new connections while a stream on the old one goes on', async () => {
    const mesh = await meshOf();
    const client = echoClient(mesh.gatewayAddress);
    cleanups.push(() => client.close());
    const stream = client.raw.Bidi();
    stream.write(Buffer.from('before'));
    await once(stream, 'data');
    await enroll(mesh.gateway.identity, mesh.authority, gatewaySpiffeId);
    await enroll(mesh.sidecar.identity, mesh.authority, 'spiffe://cluster.local/ns/default/sa/echo');
    assert.equal((await client.unary('x')).code, 0);
    stream.write(Buffer.from('after'));
    const [message] = (await once(stream, 'data')) as [Buffer];
    assert.equal(message.toString(), 'after');
    const opened = mesh.gateway.proxy.snapshot().clusters[0]?.endpoints[0]?.connectionsOpened ?? 0;
    assert.ok(opened >= 2, `${opened}`);
    stream.end();
    const [{ code }] = (await once(stream, 'status')) as [{ code: number }];
    assert.equal(code, 0);
  });
});
