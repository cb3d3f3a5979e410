/** What must not pass: each refusal with its gRPC status, and a log line that names the YAML that decided. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { CertificateAuthority, SvidHolder } from '../../src/identity/index.ts';
import { systemClock } from '../../src/base/index.ts';
import { assetClient, refused, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { issueSvid, makeCa, type TestSvid } from '../kit/cert-kit.ts';
import { wholeExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const authority = 'sit-gateway.tcex.com.vn';
const gatewayId = 'spiffe://cluster.local/ns/gateway/sa/istio-ingressgateway-service-account';
const routeLine = /HTTPRoute default\/asset-management-grpc-route \S*10-httproute\.yaml:\d+/;
const policyLine = /AuthorizationPolicy default\/asset-management-policy \S*30-authorizationpolicy\.yaml:\d+/;
const strictLine = /PeerAuthentication \S+ \S*05-peer-authentication\.yaml:\d+/;

let mesh: SallyportProcess;
let backend: AssetBackend;
let gateway: string;
let sidecar: string;
let meshCa: CertificateAuthority;

before(async () => {
  backend = await startAssetBackend();
  mesh = new SallyportProcess(['run', ...wholeExample(), '--workload', `default/asset-management=${backend.address}`]);
  await mesh.ready();
  gateway = mesh.listener('gateway/public-api-gateway');
  const proxy = mesh.run.proxies.find(({ id }) => id === 'sidecar/default/asset-management');
  sidecar = Object.values(proxy?.ports ?? {})[0] ?? assert.fail(`no sidecar port in ${JSON.stringify(mesh.run)}`);
  const opened = await CertificateAuthority.open(mesh.stateDir);
  meshCa = opened.authority ?? assert.fail(opened.error);
});

after(async () => {
  await mesh.stop();
  backend.close();
});

test('another host: UNIMPLEMENTED, and the log names the nearest route', async () => {
  const from = mesh.stdout.length;
  const error = await throughGateway({ authority: 'other.example' });
  assert.equal(error.code, status.UNIMPLEMENTED);
  await logged(from, routeLine, /other\.example/);
});

test('another path: UNIMPLEMENTED, and the log names the nearest route', async () => {
  const from = mesh.stdout.length;
  const error = await throughGateway({ path: '/asset.OtherService/GetAsset' });
  assert.equal(error.code, status.UNIMPLEMENTED);
  await logged(from, routeLine, /asset\.OtherService/);
});

test('another principal: PERMISSION_DENIED "RBAC: access denied", and the log names the policy and its line', async () => {
  const from = mesh.stdout.length;
  const error = await atSidecar(await svidOf('spiffe://cluster.local/ns/gateway/sa/somebody-else'));
  assert.equal(error.code, status.PERMISSION_DENIED);
  assert.equal(error.details, 'RBAC: access denied');
  await logged(from, policyLine, /somebody-else/, /rbac_access_denied_matched_policy\[none\]/);
});

test('another namespace: PERMISSION_DENIED', async () => {
  const from = mesh.stdout.length;
  const error = await atSidecar(
    await svidOf('spiffe://cluster.local/ns/elsewhere/sa/istio-ingressgateway-service-account'),
  );
  assert.equal(error.code, status.PERMISSION_DENIED);
  await logged(from, policyLine, /ns\/elsewhere/);
});

test('the right principal on a path that the policy does not name: PERMISSION_DENIED', async () => {
  const from = mesh.stdout.length;
  const error = await atSidecar(await svidOf(gatewayId), '/asset.OtherService/GetAsset');
  assert.equal(error.code, status.PERMISSION_DENIED);
  await logged(from, policyLine, /asset\.OtherService/);
});

test('the right principal on the right path passes, so the refusals above are the policy’s', async () => {
  const client = assetClient(sidecar, { authority, credentials: clientCredentials(await svidOf(gatewayId)) });
  try {
    assert.equal((await client.unary('GetAsset', { asset_id: 'y' })).asset_id, 'y');
  } finally {
    client.close();
  }
});

test('another method than POST: refused before the service', async () => {
  const answer = await rawRequest(gateway, { ':method': 'GET', 'content-type': 'application/grpc' });
  assert.notEqual(answer['grpc-status'], '0');
  assert.ok(answer['grpc-status'] !== undefined || Number(answer[':status']) >= 400, JSON.stringify(answer));
});

test('no client certificate: the sidecar closes the connection, and says who knocked', async () => {
  const from = mesh.stderr.length;
  const socket = tlsConnect({ ...hostAndPort(sidecar), ALPNProtocols: ['h2'], rejectUnauthorized: false });
  await closed(socket);
  await knocked(from, /peer sent no certificate/, strictLine);
});

test('a certificate of another CA: the sidecar closes the connection', async () => {
  const other = makeCa();
  await refusedHandshake(issueSvid(other, { uri: gatewayId }), /certificate was not issued by a trusted root/);
});

test('a certificate of another trust domain: the sidecar closes the connection', async () => {
  await refusedHandshake(
    await svidOf('spiffe://elsewhere.example/ns/gateway/sa/istio-ingressgateway-service-account'),
    /trust domain elsewhere\.example is not cluster\.local/,
  );
});

test('plaintext at a STRICT sidecar: connection closed without an answer, and a log line that names the setting', async () => {
  const from = mesh.stderr.length;
  const socket = createConnection(hostAndPort(sidecar));
  let bytes = 0;
  socket.on('data', (data) => (bytes += data.length));
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await closed(socket);
  assert.equal(bytes, 0);
  await knocked(from, strictLine);
});

async function throughGateway({ authority: name = authority, path }: { authority?: string; path?: string }) {
  const client = assetClient(gateway, { authority: name });
  try {
    return await refused(path === undefined ? client.unary('GetAsset', {}) : client.raw(path));
  } finally {
    client.close();
  }
}

async function atSidecar(svid: Credential, path?: string) {
  const client = assetClient(sidecar, { authority, credentials: clientCredentials(svid) });
  try {
    return await refused(path === undefined ? client.unary('GetAsset', {}) : client.raw(path));
  } finally {
    client.close();
  }
}

interface Credential {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** A certificate that the mesh's own CA signs, for any identity. */
async function svidOf(spiffeId: string): Promise<Credential> {
  const holder = new SvidHolder({ clock: systemClock, random: Math.random });
  const issued = await meshCa.issue({ csrPem: holder.csr(), spiffeId });
  const chainPem = issued.chainPem ?? assert.fail(issued.error);
  const accepted = holder.accept(chainPem, meshCa.rootPem);
  assert.equal(accepted.error, undefined);
  const svid = holder.current() ?? assert.fail('no certificate');
  return { keyPem: svid.keyPem.reveal(), chainPem };
}

function clientCredentials({ keyPem, chainPem }: Credential) {
  return credentials.createSsl(Buffer.from(meshCa.rootPem), Buffer.from(keyPem), Buffer.from(chainPem), {
    checkServerIdentity: () => undefined,
  });
}

async function refusedHandshake({ keyPem, chainPem }: TestSvid | Credential, reason: RegExp): Promise<void> {
  const from = mesh.stderr.length;
  const socket = tlsConnect({
    ...hostAndPort(sidecar),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
    key: keyPem,
    cert: chainPem,
  });
  await closed(socket);
  await knocked(from, reason, strictLine);
}

function closed(socket: {
  on(event: 'close' | 'error', listener: () => void): unknown;
  resume(): unknown;
}): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.resume();
  });
}

/** The sidecar's log names the address that knocked. */
async function knocked(from: number, ...patterns: RegExp[]): Promise<void> {
  const line = /\[sidecar\/default\/asset-management\].*127\.0\.0\.1:\d+/;
  await mesh.until(
    () => [line, ...patterns].every((pattern) => pattern.test(mesh.stderr.slice(from))),
    `to log ${patterns.join(' and ') || line}`,
  );
}

async function logged(from: number, ...patterns: RegExp[]): Promise<void> {
  await mesh.until(
    () =>
      mesh.stdout
        .slice(from)
        .split('\n')
        .some((line) => patterns.every((pattern) => pattern.test(line))),
    `to log one line with ${patterns.join(' and ')}`,
  );
}

function hostAndPort(address: string): { host: string; port: number } {
  const [host = '', port = ''] = address.split(':');
  return { host, port: Number(port) };
}

async function rawRequest(
  address: string,
  headers: Record<string, string>,
): Promise<Record<string, string | undefined>> {
  const { connect } = await import('node:http2');
  const session = connect(`http://${address}`);
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const request = session.request({
      ':path': '/asset.AssetService/GetAsset',
      ':authority': authority,
      te: 'trailers',
      ...headers,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      session.close();
      resolve(response as Record<string, string>);
    });
    request.resume();
    request.end();
  });
}
