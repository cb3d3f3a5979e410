/** TLS at an Istio Gateway: server names, client certificates, mutual TLS of the mesh, redirects. Real proxies and sockets. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeListenerCertificate } from '../../src/identity/index.ts';
import { issueSvid, makeCa, type TestSvid } from '../kit/cert-kit.ts';
import { startCompiledMesh, type CompiledMesh } from '../kit/compiled-mesh.ts';
import { startDescribingApp, type DescribingApp } from '../kit/describing-app.ts';
import { gatewayManifest, requester, workloadManifest, type Requester } from '../kit/virtual-mesh.ts';

const gateway = 'gateway/istio-system/istio-ingressgateway';

const servers = `
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example.com], tls: { httpsRedirect: true } }
    - { port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.example.com, b.example.com], tls: { mode: SIMPLE, credentialName: cert } }
    - { port: { number: 443, name: other, protocol: HTTPS }, hosts: [c.example.com], tls: { mode: SIMPLE, credentialName: cert, minProtocolVersion: TLSV1_3 } }
    - { port: { number: 444, name: mutual, protocol: HTTPS }, hosts: ["*"], tls: { mode: MUTUAL, credentialName: cert } }
    - { port: { number: 445, name: optional, protocol: HTTPS }, hosts: ["*"], tls: { mode: OPTIONAL_MUTUAL, credentialName: cert } }
    - { port: { number: 15443, name: mesh, protocol: HTTPS }, hosts: ["*"], tls: { mode: ISTIO_MUTUAL } }
`;

function secretManifest(name: string, data: Readonly<Record<string, string>>): string {
  return `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: istio-system }
stringData: ${JSON.stringify(data)}
---
`;
}

const virtualService = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all, namespace: shop }
spec:
  hosts: [a.example.com, b.example.com, c.example.com]
  gateways: [edge/public]
  http: [{ route: [{ destination: { host: web } }] }]
---
`;

describe('TLS at an Istio Gateway', () => {
  const open: Requester[] = [];
  const clientCa = makeCa();
  let app: DescribingApp;
  let mesh: CompiledMesh;

  before(async () => {
    app = await startDescribingApp('web');
    const made = await makeListenerCertificate(['*.example.com'], { nowMs: Date.now() });
    assert.ok(made.listener !== undefined);
    const { certificatePem, keyPem } = made.listener;
    mesh = await startCompiledMesh({
      manifests:
        gatewayManifest({ servers }) +
        secretManifest('cert', { 'tls.crt': certificatePem, 'tls.key': keyPem.reveal() }) +
        secretManifest('cert-cacert', { 'ca.crt': clientCa.pem }) +
        virtualService +
        workloadManifest({ namespace: 'shop', name: 'web', app: 'web', version: 'v1' }),
      apps: { 'shop/web': app.address },
    });
  });

  after(async () => {
    for (const one of open) one.close();
    await mesh.close();
    await app.close();
  });

  interface Caller {
    readonly servername?: string;
    readonly client?: Pick<TestSvid, 'chainPem' | 'keyPem'>;
    readonly maxVersion?: 'TLSv1.2';
  }

  function connectTo(port: number, { servername = 'a.example.com', client, maxVersion }: Caller = {}): Requester {
    const made = requester(mesh.addressOf(`${gateway}/${port}`), servername, {
      servername,
      rejectUnauthorized: false,
      ...(maxVersion === undefined ? {} : { maxVersion }),
      ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
    });
    open.push(made);
    return made;
  }

  test('the hosts of one server share a connection, those of another are misdirected', async () => {
    const http = connectTo(443);
    assert.equal((await http.call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await http.call('/a.A/B', { ':authority': 'b.example.com' })).headers['x-app'], 'web');
    const misdirected = await http.call('/a.A/B', { ':authority': 'c.example.com' });
    assert.deepEqual([misdirected.headers['x-app'], misdirected.headers['grpc-status']], [undefined, '14']);
  });

  test('minProtocolVersion holds for its server alone', async () => {
    const old = { maxVersion: 'TLSv1.2' } as const;
    assert.equal((await connectTo(443, old).call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await connectTo(443, { ...old, servername: 'c.example.com' }).call('/a.A/B')).status, 0);
    assert.equal((await connectTo(443, { servername: 'c.example.com' }).call('/a.A/B')).headers['x-app'], 'web');
  });

  test('MUTUAL wants a certificate of its authorities, OPTIONAL_MUTUAL none or a good one', async () => {
    const good = issueSvid(clientCa, { uri: 'spiffe://partner.example/client' });
    const stranger = issueSvid(makeCa(), { uri: 'spiffe://partner.example/client' });
    assert.equal((await connectTo(444, { client: good }).call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await connectTo(444).call('/a.A/B')).status, 0);
    assert.equal((await connectTo(444, { client: stranger }).call('/a.A/B')).status, 0);
    assert.equal((await connectTo(445).call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await connectTo(445, { client: good }).call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await connectTo(445, { client: stranger }).call('/a.A/B')).status, 0);
  });

  test('ISTIO_MUTUAL takes members of the mesh, and nobody from outside', async () => {
    const stranger = issueSvid(clientCa, { uri: 'spiffe://cluster.local/ns/shop/sa/web' });
    const svid = mesh.proxy('sidecar/shop/web').identity.current();
    assert.ok(svid !== undefined);
    const member = { chainPem: svid.chainPem, keyPem: svid.keyPem.reveal() };
    assert.equal((await connectTo(15443, { client: member }).call('/a.A/B')).headers['x-app'], 'web');
    assert.equal((await connectTo(15443).call('/a.A/B')).status, 0);
    assert.equal((await connectTo(15443, { client: stranger }).call('/a.A/B')).status, 0);
  });

  test('httpsRedirect sends everything to https', async () => {
    const http = requester(mesh.addressOf(`${gateway}/80`), 'a.example.com');
    open.push(http);
    const answer = await http.get('/a.A/B');
    assert.deepEqual([answer.status, answer.headers.location], [301, 'https://a.example.com/a.A/B']);
  });
});
