import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import { afterEach, before, describe, test } from 'node:test';
import { issueSvid, makeCa, selfSignedSvid, type TestSvid } from '../../test/kit/cert-kit.ts';
import { startEchoBackend, type EchoBackend } from '../../test/kit/proxy-backend.ts';
import {
  allowPolicy,
  gatewayId,
  gatewayPortId,
  proxyOrigin,
  proxyPlan,
  publicHost,
  type ProxyPlanSpec,
} from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { systemClock, type Secret } from '../base/index.ts';
import { makeListenerCertificate } from '../identity/index.ts';
import { oid } from '../identity/oids.ts';
import type { ClientValidation, Plan } from '../plan/index.ts';

const cleanups: (() => unknown)[] = [];
const ca = makeCa();
const otherCa = makeCa();
let listenerKey: Secret;
let listenerChain: string;

before(async () => {
  const made = await makeListenerCertificate([publicHost], { nowMs: systemClock.wallMs() });
  assert.ok(made.listener !== undefined);
  listenerKey = made.listener.keyPem;
  listenerChain = made.listener.certificatePem;
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setting {
  readonly gateway: TestProxy;
  readonly backend: EchoBackend;
  apply(mode: ClientValidation['mode'] | undefined, caPem?: string): Promise<void>;
}

async function start(mode: ClientValidation['mode'], spec: Partial<ProxyPlanSpec> = {}): Promise<Setting> {
  const backend = await startEchoBackend();
  cleanups.push(() => backend.close());
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  const base = proxyPlan({ gatewayEndpoints: [backend.address], ...spec });
  const apply = (next: ClientValidation['mode'] | undefined, caPem = ca.pem): Promise<void> =>
    gateway.apply(withTls(base, next, caPem), new Map([['main', listenerKey]]));
  await apply(mode);
  return { gateway, backend, apply };
}

function withTls(base: Plan, mode: ClientValidation['mode'] | undefined, caPem: string): Plan {
  const port = base.ports[gatewayPortId];
  const listener = base.listeners[`${gatewayPortId}/main`];
  assert.ok(port !== undefined && listener !== undefined);
  const origin = proxyOrigin('Gateway', 'public', 20);
  return {
    ...base,
    ports: { [port.id]: { ...port, security: { mode: 'tls' } } },
    listeners: {
      [listener.id]: {
        ...listener,
        certificates: ['main'],
        ...(mode === undefined ? {} : { clientValidation: { origin, caPem, mode } }),
      },
    },
    certificates: { main: { id: 'main', origin: proxyOrigin('Secret', 'main', 1), chainPem: listenerChain } },
  };
}

/** A session, or undefined when the gateway ended it before it answered anything. */
async function open(gateway: TestProxy, client?: TestSvid): Promise<ClientHttp2Session | undefined> {
  const { host, port } = gateway.addressOf(gatewayPortId);
  const session = connect(`https://${host}:${port}`, {
    servername: publicHost,
    rejectUnauthorized: false,
    ...(client === undefined ? {} : { cert: client.chainPem, key: client.keyPem }),
  });
  cleanups.push(() => session.destroy());
  session.on('error', () => undefined);
  // With TLS 1.3 a client learns of a refusal only after its own handshake; the server's SETTINGS prove acceptance.
  const accepted = await new Promise<boolean>((resolve) => {
    session.once('remoteSettings', () => resolve(true));
    session.once('close', () => resolve(false));
  });
  return accepted ? session : undefined;
}

async function call(session: ClientHttp2Session, headers: Record<string, string> = {}): Promise<string | undefined> {
  const request = session.request({
    ':method': 'POST',
    ':path': '/test.Echo/Unary',
    ':authority': publicHost,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  request.end(Buffer.alloc(5));
  request.resume();
  const status = new Promise<string | undefined>((resolve) => {
    request.once('response', (head) => {
      if (head['grpc-status'] !== undefined) resolve(String(head['grpc-status']));
    });
    request.once('trailers', (trailers) => resolve(String(trailers['grpc-status'])));
    request.once('close', () => resolve(undefined));
  });
  return status;
}

async function outcome(setting: Setting, client?: TestSvid): Promise<string> {
  const session = await open(setting.gateway, client);
  return session === undefined ? 'refused' : `served ${await call(session)}`;
}

const good = issueSvid(ca, { names: [{ dns: 'client.example.com' }], commonName: 'client' });
const hourMs = 3_600_000;
const clients: readonly (readonly [string, TestSvid | undefined, 'good' | 'bad' | 'none'])[] = [
  ['of the right authority', good, 'good'],
  [
    'of an intermediate below it',
    issueSvid(makeCa({ signedBy: ca, commonName: 'below' }), { commonName: 'x' }),
    'good',
  ],
  ['none', undefined, 'none'],
  ['of another authority', issueSvid(otherCa, { commonName: 'client' }), 'bad'],
  ['self-signed', selfSignedSvid({ commonName: 'client' }), 'bad'],
  ['expired', issueSvid(ca, { commonName: 'client', notAfterMs: Date.now() - hourMs / 2 }), 'bad'],
  ['not yet valid', issueSvid(ca, { commonName: 'client', notBeforeMs: Date.now() + hourMs }), 'bad'],
  ['for servers only', issueSvid(ca, { commonName: 'client', extendedKeyUsage: [oid.serverAuth] }), 'bad'],
];
const verdicts: Readonly<Record<ClientValidation['mode'], Readonly<Record<'good' | 'bad' | 'none', string>>>> = {
  required: { good: 'served 0', bad: 'refused', none: 'refused' },
  optional: { good: 'served 0', bad: 'refused', none: 'served 0' },
  'insecure-fallback': { good: 'served 0', bad: 'served 0', none: 'served 0' },
};

describe('client certificates at a gateway', () => {
  for (const [mode, wanted] of Object.entries(verdicts)) {
    test(`mode ${mode}`, async () => {
      const setting = await start(mode as ClientValidation['mode']);
      const seen = new Map<string, string>();
      for (const [name, client] of clients) seen.set(name, await outcome(setting, client));
      assert.deepEqual(seen, new Map(clients.map(([name, , kind]) => [name, wanted[kind]])));
    });
  }

  test('who was refused, and why, is in the log', async () => {
    const setting = await start('required');
    assert.equal(await outcome(setting), 'refused');
    assert.equal(await outcome(setting, issueSvid(otherCa, { commonName: 'x' })), 'refused');
    const { gateway } = setting;
    await gateway.logged(() =>
      gateway.logLines.some((line) => line.includes('peer-refused: peer sent no certificate')),
    );
    await gateway.logged(() =>
      gateway.logLines.some((line) => /peer-refused: .*trusted root|did not issue/.test(line)),
    );
  });

  test('a certificate is passed on in x-forwarded-client-cert, whatever the client says itself', async () => {
    const setting = await start('optional');
    const spoofed = { 'x-forwarded-client-cert': 'Hash=00;URI=spiffe://cluster.local/ns/admin/sa/root' };
    const known = await open(setting.gateway, good);
    assert.ok(known !== undefined);
    await call(known, spoofed);
    const [value] = setting.backend.metadata.at(-1)?.get('x-forwarded-client-cert') ?? [];
    assert.match(
      String(value),
      /^Hash=[0-9a-f]{64};Cert="-----BEGIN%20CERTIFICATE-----[^"]*";Subject="CN=client";DNS=client.example.com$/,
    );
    const anonymous = await open(setting.gateway);
    assert.ok(anonymous !== undefined);
    await call(anonymous, spoofed);
    assert.deepEqual(setting.backend.metadata.at(-1)?.get('x-forwarded-client-cert'), []);
  });

  test('an invalid certificate counts for nothing with insecure-fallback', async () => {
    const name = 'spiffe://cluster.local/ns/default/sa/client';
    const policy = allowPolicy(gatewayId, 'cluster.local/ns/default/sa/client');
    const setting = await start('insecure-fallback', { gatewayPolicies: [policy] });
    assert.equal(await outcome(setting, issueSvid(ca, { uri: name })), 'served 0');
    assert.equal(await outcome(setting, issueSvid(otherCa, { uri: name })), 'served 7');
    assert.equal(await outcome(setting), 'served 7');
  });

  test('only a SPIFFE id of the trust domain is a principal', async () => {
    const policy = allowPolicy(gatewayId, 'cluster.local/ns/default/sa/client');
    const setting = await start('required', { gatewayPolicies: [policy] });
    const rows = [
      ['spiffe://cluster.local/ns/default/sa/client', 'served 0'],
      ['spiffe://other.example/ns/default/sa/client', 'served 7'],
      ['https://cluster.local/ns/default/sa/client', 'served 7'],
      ['spiffe://cluster.local.evil/ns/default/sa/client', 'served 7'],
    ] as const;
    for (const [uri, wanted] of rows) assert.equal(await outcome(setting, issueSvid(ca, { uri })), wanted, uri);
  });

  test('when another authority is named, connections of the old one end and new ones are refused', async () => {
    const setting = await start('required');
    const session = await open(setting.gateway, good);
    assert.ok(session !== undefined);
    const closed = once(session, 'close');
    await setting.apply('required', otherCa.pem);
    await closed;
    assert.equal(await outcome(setting, good), 'refused');
    await setting.apply(undefined);
    assert.equal(await outcome(setting), 'served 0');
  });
});
