/** TLS that ends at the backend itself, with real servers: who is accepted, what is sent, what is presented. */
import assert from 'node:assert/strict';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { issueSvid, makeCa, type TestCa, type TestSvid } from '../../test/kit/cert-kit.ts';
import type { SanName } from '../../test/kit/cert-der.ts';
import { startClusterMesh, type ClusterMesh, type ClusterSpec } from '../../test/kit/cluster-mesh.ts';
import { echoClient } from '../../test/kit/proxy-client.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import { Secret } from '../base/index.ts';
import type { OriginatedTls } from '../plan/index.ts';
import { renewedTls } from './backend-tls.ts';
import type { Address } from './index.ts';

const authority = makeCa();
const stranger = makeCa();

interface TlsBackend {
  readonly address: Address;
  /** Of each connection: server name, ALPN, and the client certificate's fingerprint, if any. */
  readonly handshakes: { readonly sni: string; readonly alpn: string; readonly client: string }[];
}

async function startTlsBackend(
  context: TestContext,
  spec: { readonly names: readonly SanName[]; readonly ca?: TestCa; readonly wantsClient?: boolean },
): Promise<TlsBackend> {
  const { keyPem, chainPem } = issueSvid(spec.ca ?? authority, { names: spec.names });
  const server: Http2SecureServer = createSecureServer({
    key: keyPem,
    cert: chainPem,
    ca: authority.pem,
    requestCert: spec.wantsClient === true,
    rejectUnauthorized: spec.wantsClient === true,
  });
  const handshakes: TlsBackend['handshakes'] = [];
  server.on('secureConnection', (socket: TLSSocket) => {
    const client = socket.getPeerX509Certificate()?.fingerprint256 ?? '';
    handshakes.push({ sni: socket.servername || '', alpn: String(socket.alpnProtocol), client });
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
  });
  server.on('sessionError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return { address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, handshakes };
}

const origin = proxyOrigin('DestinationRule', 'echo', 9);

interface Client {
  readonly tls?: Partial<OriginatedTls>;
  readonly authorities?: TestCa;
  readonly certificate?: TestSvid;
  readonly hostname?: string;
}

function specOf({ tls = {}, authorities = authority, certificate, hostname = '*' }: Client): ClusterSpec {
  const security: OriginatedTls = {
    mode: 'tls',
    origin,
    sni: 'backend.example.com',
    authorities: 'authorities/Secret/default/ca',
    subjectAltNames: [],
    ...(certificate === undefined ? {} : { clientCertificate: 'certificate/default/client' }),
    ...tls,
  };
  const part = (id: string, chainPem: string) => [id, { id, origin: proxyOrigin('Test', id, 1), chainPem }] as const;
  return {
    hostname,
    endpoint: () => ({ security }),
    certificates: Object.fromEntries([
      part('authorities/Secret/default/ca', authorities.pem),
      ...(certificate === undefined ? [] : [part('certificate/default/client', certificate.chainPem)]),
    ]),
    secrets: new Map(
      certificate === undefined ? [] : [['certificate/default/client', { reveal: () => certificate.keyPem }]],
    ),
  };
}

async function meshTo(context: TestContext, backend: TlsBackend, client: Client = {}): Promise<ClusterMesh> {
  return startClusterMesh(context, [backend.address], specOf(client));
}

const forBackend = [{ dns: 'backend.example.com' }];

async function refusal(mesh: ClusterMesh): Promise<string> {
  const { code, details } = await mesh.client.unary('x');
  assert.equal(code, 14);
  assert.doesNotMatch(details, /certificate|example/, 'the caller is told nothing of it');
  await mesh.gateway.logged(() => mesh.gateway.accessLines.length > 0);
  assert.match(mesh.gateway.accessLines.at(-1) ?? '', / UF /);
  return mesh.gateway.logLines.join('\n');
}

describe('SIMPLE', () => {
  test('the chain leads to the authorities, the server name is in the certificate: HTTP/2', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend });
    const { client } = await meshTo(t, backend);
    for (let i = 0; i < 5; i++) assert.equal((await client.unary('x')).code, 0);
    assert.deepEqual(backend.handshakes, [{ sni: 'backend.example.com', alpn: 'h2', client: '' }]);
  });

  test('a wildcard stands for one label', async (t) => {
    const backend = await startTlsBackend(t, { names: [{ dns: '*.example.com' }] });
    assert.equal((await (await meshTo(t, backend)).client.unary('x')).code, 0);
    const deeper = await meshTo(t, backend, { tls: { sni: 'a.backend.example.com' } });
    assert.match(await refusal(deeper), /the certificate is not for "a\.backend\.example\.com"/);
  });

  test('a certificate of another authority is refused', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend, ca: stranger });
    assert.match(await refusal(await meshTo(t, backend)), /the certificate chain is not trusted/);
  });

  test('an authority that the operating system does not know is refused where none is named', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend });
    const security = { mode: 'tls', origin, sni: 'backend.example.com', subjectAltNames: [] } as const;
    const mesh = await startClusterMesh(t, [backend.address], { endpoint: () => ({ security }) });
    assert.match(await refusal(mesh), /the certificate chain is not trusted/);
  });

  test('subjectAltNames: one of them must be there, and the server name need not', async (t) => {
    const uri = 'spiffe://example.com/backend';
    const backend = await startTlsBackend(t, { names: [{ uri }, { dns: 'other.example.com' }] });
    const names = (...subjectAltNames: OriginatedTls['subjectAltNames']): Client => ({ tls: { subjectAltNames } });
    const any = (value: string) => ({ type: 'any', value }) as const;
    for (const good of [
      names(any('nobody'), any(uri)),
      names(any('other.example.com')),
      names({ type: 'uri', value: uri }),
      names({ type: 'dns', value: 'other.example.com' }),
    ]) {
      assert.equal((await (await meshTo(t, backend, good)).client.unary('x')).code, 0);
    }
    assert.match(await refusal(await meshTo(t, backend, names(any('spiffe://example.com/back')))), /is not for/);
    assert.match(await refusal(await meshTo(t, backend, names({ type: 'dns', value: uri }))), /is not for/);
    assert.match(await refusal(await meshTo(t, backend)), /is not for "backend\.example\.com"/);
  });

  test('insecureSkipVerify takes any', async (t) => {
    const backend = await startTlsBackend(t, { names: [{ dns: 'other' }], ca: stranger });
    const mesh = await meshTo(t, backend, { tls: { insecureSkipVerify: true } });
    assert.equal((await mesh.client.unary('x')).code, 0);
  });

  test('without sni each host that is called has its own server name, check and connections', async (t) => {
    const backend = await startTlsBackend(t, { names: [{ dns: 'a.example.com' }, { dns: 'b.example.com' }] });
    const mesh = await meshTo(t, backend, { tls: { sni: '' } });
    const codes: number[] = [];
    for (const host of ['a.example.com', 'B.example.com:8080', 'c.example.com', 'a.example.com']) {
      const client = echoClient(mesh.address, host);
      t.after(() => client.close());
      codes.push((await client.unary('x')).code);
    }
    assert.deepEqual(codes, [0, 0, 14, 0]);
    // The one that was refused may be gone before the server has noticed it.
    const served = backend.handshakes.map(({ sni }) => sni).filter((sni) => sni !== 'c.example.com');
    assert.deepEqual(served, ['a.example.com', 'b.example.com']);
  });

  test('a backend that wants TLS where none is asked for', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend });
    const { client } = await startClusterMesh(t, [backend.address], {});
    assert.equal((await client.unary('x')).code, 14);
  });
});

describe('MUTUAL', () => {
  const certificate = issueSvid(authority, { names: [{ dns: 'client.example.com' }] });

  test('the client certificate is presented', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend, wantsClient: true });
    const mesh = await meshTo(t, backend, { certificate });
    assert.equal((await mesh.client.unary('x')).code, 0);
    assert.notEqual(backend.handshakes[0]?.client, '');
  });

  test('without it the backend refuses', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend, wantsClient: true });
    assert.equal((await (await meshTo(t, backend)).client.unary('x')).code, 14);
  });

  test('a key that is missing is no reason to go without', async (t) => {
    const backend = await startTlsBackend(t, { names: forBackend });
    const { secrets: _, ...spec } = specOf({ certificate });
    const mesh = await startClusterMesh(t, [backend.address], spec);
    assert.match(await refusal(mesh), /the plan has no certificate\/default\/client/);
    assert.deepEqual(backend.handshakes, []);
  });
});

test('other authorities in the plan count from the next connection on', async (t) => {
  const backend = await startTlsBackend(t, { names: forBackend, ca: stranger });
  const mesh = await meshTo(t, backend);
  await refusal(mesh);
  await mesh.apply([backend.address], specOf({ authorities: stranger }));
  let code = 14;
  while (code !== 0) ({ code } = await mesh.client.unary('x'));
  assert.equal(code, 0);
});

test('TLS is renewed by other authorities, another certificate or another key under the same ids, and by nothing else', () => {
  const security = {
    mode: 'tls',
    origin: proxyOrigin('Test', 'tls', 1),
    sni: 'a.example.com',
    subjectAltNames: [],
    authorities: 'ca',
    clientCertificate: 'own',
  } as const;
  const certificate = (id: string, chainPem: string) =>
    [id, { id, origin: proxyOrigin('Test', id, 1), chainPem }] as const;
  const material = (ca: string, own: string, key: string) => ({
    certificates: Object.fromEntries([certificate('ca', ca), certificate('own', own), certificate('other', ca + own)]),
    secrets: new Map([['own', new Secret(key)]]),
  });
  const before = material('1', '1', '1');
  assert.equal(renewedTls(before, { ...before }), undefined);
  const isRenewed = (now: typeof before): boolean | undefined => renewedTls(before, now)?.(security);
  assert.equal(isRenewed(material('1', '1', '1')), false);
  assert.equal(isRenewed(material('2', '1', '1')), true);
  assert.equal(isRenewed(material('1', '2', '1')), true);
  assert.equal(isRenewed(material('1', '1', '2')), true);
  assert.equal(isRenewed({ ...before, secrets: new Map() }), true);
  const { authorities: _, clientCertificate: __, ...bare } = security;
  assert.equal(renewedTls(before, material('2', '2', '2'))?.(bare), false);
});
