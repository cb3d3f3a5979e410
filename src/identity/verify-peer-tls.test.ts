/** The rows of the matrix that matter most, over real TLS 1.3 handshakes: what arrives there is what is judged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, createServer, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { issueSvid, makeCa, selfSignedSvid, type SvidOptions, type TestSvid } from '../../test/kit/cert-kit.ts';
import { verifyPeer, type PeerVerdict, type VerifyPeerOptions } from './verify-peer.ts';

const gatewayId = 'spiffe://cluster.local/ns/gateway/sa/public-api-gateway';
const appId = 'spiffe://cluster.local/ns/default/sa/app';
const root = makeCa();
const intermediate = makeCa({ commonName: 'Intermediate', signedBy: root });
const gateway = issueSvid(root, { uri: gatewayId });
const app = issueSvid(root, { uri: appId });
const trust = { trustDomain: 'cluster.local', bundlePem: root.pem };

interface Outcome {
  /** What the server makes of the client. */
  readonly client: PeerVerdict;
  /** What the client makes of the server. */
  readonly server: PeerVerdict;
}

function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined) {
    chain.push(certificate.raw);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return chain;
}

function identityOf(svid: TestSvid | undefined): { cert?: string; key?: string } {
  return svid === undefined ? {} : { cert: svid.chainPem, key: svid.keyPem };
}

/** One mutual TLS 1.3 handshake; both sides judge what the other sent. */
async function handshake(
  peers: { readonly client?: TestSvid; readonly server: TestSvid },
  options: Partial<VerifyPeerOptions> = {},
): Promise<Outcome> {
  const common = { minVersion: 'TLSv1.3', rejectUnauthorized: false, ALPNProtocols: ['h2'] } as const;
  const server = createServer({ ...common, ...identityOf(peers.server), requestCert: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const accepted = once(server, 'secureConnection');
  const socket = connect({ ...common, ...identityOf(peers.client), host: '127.0.0.1', port: address.port });
  try {
    const [[serverSide]] = await Promise.all([accepted, once(socket, 'secureConnect')]);
    const judge = { ...trust, nowMs: Date.now() };
    const client = verifyPeer(chainOf(serverSide), { ...judge, role: 'client' });
    return { client, server: verifyPeer(chainOf(socket), { ...judge, role: 'server', ...options }) };
  } finally {
    socket.destroy();
    server.close();
  }
}

test('both sides know each other', async () => {
  const outcome = await handshake({ client: gateway, server: app }, { allowed: [appId] });
  assert.deepEqual(outcome, { client: { spiffeId: gatewayId }, server: { spiffeId: appId } });
});

test('chains with an intermediate arrive whole', async () => {
  const client = issueSvid(intermediate, { uri: gatewayId });
  const outcome = await handshake({ client, server: issueSvid(intermediate, { uri: appId }) });
  assert.deepEqual(outcome, { client: { spiffeId: gatewayId }, server: { spiffeId: appId } });
});

test('a server with another identity than the Service has', async () => {
  const outcome = await handshake({ client: gateway, server: app }, { allowed: [gatewayId] });
  assert.match(outcome.server.error ?? 'accepted', /is not the expected/);
});

test("one's own certificate reflected back", async () => {
  const outcome = await handshake({ client: gateway, server: gateway }, { allowed: [appId] });
  assert.match(outcome.server.error ?? 'accepted', /is not the expected/);
});

const bad: readonly (readonly [string, TestSvid | undefined, RegExp])[] = [
  ['no certificate', undefined, /sent no certificate/],
  ['self-signed', selfSignedSvid({ uri: gatewayId, commonName: 'me' }), /not issued by/],
  ['another CA', issueSvid(makeCa(), { uri: gatewayId }), /not issued by/],
  ['another trust domain', clientWith({ uri: 'spiffe://evil.org/ns/gateway/sa/x' }), /trust domain evil\.org is not/],
  ['expired', clientWith({ notAfterMs: Date.now() - 1000 }), /expired at/],
  ['not yet valid', clientWith({ notBeforeMs: Date.now() + 60_000 }), /not valid before/],
  ['two SPIFFE ids', clientWith({ names: [{ uri: gatewayId }, { uri: appId }] }), /2 URI names/],
  ['no URI name', clientWith({ names: [{ dns: 'gateway' }] }), /no URI name/],
  ['NUL in the name', clientWith({ uri: `${gatewayId}\0x` }), /u0000/],
  ['serverAuth only', clientWith({ extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }), /lacks clientAuth/],
  ['a CA', clientWith({ basicConstraints: { ca: true } }), /is a CA/],
  ['intermediate missing', withoutChain(), /not issued by/],
];

for (const [name, svid, expected] of bad) {
  test(`a client with: ${name}`, async () => {
    const peers = svid === undefined ? { server: app } : { server: app, client: svid };
    assert.match((await handshake(peers)).client.error ?? 'accepted', expected);
  });
}

function clientWith(options: SvidOptions): TestSvid {
  return issueSvid(root, { uri: gatewayId, ...options });
}

/** A leaf below the intermediate, sent alone. */
function withoutChain(): TestSvid {
  const svid = issueSvid(intermediate, { uri: gatewayId });
  const leafPem = svid.chainPem.slice(0, svid.chainPem.indexOf('-----END CERTIFICATE-----') + 26);
  return { ...svid, chain: svid.chain.slice(0, 1), chainPem: leafPem };
}
