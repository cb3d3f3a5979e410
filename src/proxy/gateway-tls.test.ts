import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import { afterEach, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { gatewayId, gatewayPortId, proxyPlan, proxyOrigin } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { systemClock, type Secret } from '../base/index.ts';
import { makeListenerCertificate } from '../identity/index.ts';
import type { Listener, Plan } from '../plan/index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The plan with an HTTPS port: one listener per host name, each with a certificate of its own. */
async function tlsPlan(
  hosts: readonly string[],
): Promise<{ readonly plan: Plan; readonly secrets: Map<string, Secret> }> {
  const base = proxyPlan({ gatewayEndpoints: [] });
  const port = base.ports[gatewayPortId];
  assert.ok(port !== undefined);
  const secrets = new Map<string, Secret>();
  const certificates: Record<string, Plan['certificates'][string]> = {};
  const listeners: Record<string, Listener> = {};
  const virtualHosts: Record<string, Plan['virtualHosts'][string]> = {};
  for (const host of hosts) {
    const made = await makeListenerCertificate([host === '*' ? 'any.example.net' : host], {
      nowMs: systemClock.wallMs(),
    });
    assert.ok(made.listener !== undefined);
    const origin = proxyOrigin('Secret', host, 1);
    secrets.set(host, made.listener.keyPem);
    certificates[host] = { id: host, origin, chainPem: made.listener.certificatePem };
    const id = `${gatewayPortId}/${host}`;
    listeners[id] = { id, origin, port: gatewayPortId, name: host, hostname: host, certificates: [host] };
    virtualHosts[`${id}/${host}`] = { id: `${id}/${host}`, origin, listener: id, hostname: host };
  }
  const ports = { [gatewayPortId]: { ...port, security: { mode: 'tls' } as const } };
  return { plan: { ...base, ports, listeners, virtualHosts, routes: {}, certificates }, secrets };
}

async function gatewayOf(plan: Plan, secrets: Map<string, Secret>): Promise<TestProxy> {
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  await gateway.apply(plan, secrets);
  return gateway;
}

async function open(gateway: TestProxy, servername: string): Promise<ClientHttp2Session> {
  const { host, port } = gateway.addressOf(gatewayPortId);
  const session = connect(`https://${host}:${port}`, { servername, rejectUnauthorized: false });
  cleanups.push(() => session.destroy());
  session.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    session.once('connect', () => resolve());
    session.once('close', () => resolve());
  });
  return session;
}

async function statusOf(session: ClientHttp2Session, authority: string): Promise<string | undefined> {
  const head = {
    ':method': 'POST',
    ':path': '/test.Echo/Unary',
    ':authority': authority,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const [headers] = (await once(session.request(head, { endStream: true }), 'response')) as [Record<string, string>];
  return headers['grpc-status'];
}

describe('an HTTPS port', () => {
  test('presents the certificate of the most specific listener and speaks h2', async () => {
    const { plan, secrets } = await tlsPlan(['*.example.com', 'api.example.com']);
    const gateway = await gatewayOf(plan, secrets);
    for (const [servername, subject] of [
      ['api.example.com', 'DNS:api.example.com'],
      ['other.example.com', 'DNS:*.example.com'],
    ] as const) {
      const session = await open(gateway, servername);
      const socket = session.socket as unknown as TLSSocket;
      assert.equal(session.alpnProtocol, 'h2');
      assert.equal(socket.getPeerCertificate().subjectaltname, subject);
    }
  });

  test('answers a host of another listener on the connection as misdirected', async () => {
    const { plan, secrets } = await tlsPlan(['one.example.com', 'two.example.com']);
    const gateway = await gatewayOf(plan, secrets);
    const session = await open(gateway, 'one.example.com');
    assert.equal(await statusOf(session, 'one.example.com'), '12');
    assert.equal(await statusOf(session, 'two.example.com'), '14');
  });

  test('of the certificates of one listener each server name gets the one with the longest name for it', async () => {
    const { plan, secrets } = await tlsPlan(['first.example.org', '*.example.com', 'api.example.com', 'a.example.com']);
    const [listener] = Object.values(plan.listeners);
    assert.ok(listener !== undefined);
    const all = { ...listener, hostname: '*', certificates: Object.keys(plan.certificates) };
    const gateway = await gatewayOf({ ...plan, listeners: { [all.id]: all }, virtualHosts: {} }, secrets);
    for (const [servername, subject] of [
      ['api.example.com', 'DNS:api.example.com'],
      ['a.example.com', 'DNS:a.example.com'],
      ['www.example.com', 'DNS:*.example.com'],
      ['first.example.org', 'DNS:first.example.org'],
      ['unknown.example.net', 'DNS:first.example.org'],
    ] as const) {
      const socket = (await open(gateway, servername)).socket as unknown as TLSSocket;
      assert.equal(socket.getPeerCertificate().subjectaltname, subject, servername);
    }
  });

  test('misdirected requests, as the Gateway API has them', async () => {
    const { plan, secrets } = await tlsPlan(['*', 'one.example.com', '*.wild.org', 'four.wild.org']);
    const gateway = await gatewayOf(plan, secrets);
    // 12: no route there (404). 14: misdirected (421).
    const rows = [
      ['one.example.com', 'one.example.com', '12'],
      ['one.example.com', 'a.wild.org', '14'],
      ['one.example.com', 'four.wild.org', '14'],
      ['one.example.com', 'unknown.net', '14'],
      ['a.wild.org', 'a.wild.org', '12'],
      ['a.wild.org', 'b.wild.org', '12'],
      ['a.wild.org', 'four.wild.org', '14'],
      ['a.wild.org', 'one.example.com', '14'],
      ['four.wild.org', 'four.wild.org', '12'],
      ['four.wild.org', 'a.wild.org', '14'],
      ['four.wild.org', 'unknown.net', '14'],
      ['unknown.net', 'unknown.net', '12'],
      ['unknown.net', 'other.net', '12'],
      ['unknown.net', 'one.example.com', '14'],
      ['unknown.net', 'a.wild.org', '14'],
    ] as const;
    for (const [sni, authority, status] of rows) {
      assert.equal(await statusOf(await open(gateway, sni), authority), status, `${sni} → ${authority}`);
    }
  });

  test('without a catch-all listener a host that nobody has is not found', async () => {
    const { plan, secrets } = await tlsPlan(['one.example.com', '*.wild.org']);
    const gateway = await gatewayOf(plan, secrets);
    assert.equal(await statusOf(await open(gateway, 'one.example.com'), 'unknown.net'), '12');
    assert.equal(await statusOf(await open(gateway, 'one.example.com'), 'a.wild.org'), '14');
  });

  test('refuses server names that no listener has, and says so', async () => {
    const { plan, secrets } = await tlsPlan(['one.example.com']);
    const gateway = await gatewayOf(plan, secrets);
    const session = await open(gateway, 'elsewhere.example');
    assert.ok(session.closed || session.destroyed);
    await gateway.logged(() => gateway.logLines.some((line) => line.includes('closed connection from 127.0.0.1:')));
  });

  test('a listener whose certificate is unusable does not harm the others; a mended plan mends it', async () => {
    const { plan, secrets } = await tlsPlan(['one.example.com', 'two.example.com']);
    const [one, two] = [secrets.get('one.example.com'), secrets.get('two.example.com')];
    assert.ok(one !== undefined && two !== undefined);
    const gateway = await gatewayOf(
      plan,
      new Map([
        ['one.example.com', one],
        ['two.example.com', one],
      ]),
    );
    assert.ok(gateway.logLines.some((line) => line.includes('two.example.com is unusable')));
    assert.ok(gateway.logLines.every((line) => !line.includes('PRIVATE')));
    assert.equal(await statusOf(await open(gateway, 'one.example.com'), 'one.example.com'), '12');
    assert.ok((await open(gateway, 'two.example.com')).destroyed);
    await gateway.apply(plan, secrets);
    assert.equal(await statusOf(await open(gateway, 'two.example.com'), 'two.example.com'), '12');
  });
});
