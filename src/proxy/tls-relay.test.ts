import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { echo, readAll, startByteServer, type ByteServer } from '../../test/kit/byte-server.ts';
import { gatewayId, gatewayPortId, proxyOrigin } from '../../test/kit/proxy-plan.ts';
import { startProxy, type TestProxy } from '../../test/kit/proxy-process.ts';
import { tlsPlan, type TlsListenerSpec } from '../../test/kit/relay-plan.ts';
import { systemClock, type Secret } from '../base/index.ts';
import { makeListenerCertificate } from '../identity/index.ts';
import type { Plan } from '../plan/index.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function certificate(host: string): Promise<{ readonly cert: string; readonly secret: Secret }> {
  const made = await makeListenerCertificate([host], { nowMs: systemClock.wallMs() });
  assert.ok(made.listener !== undefined);
  return { cert: made.listener.certificatePem, secret: made.listener.keyPem };
}

/** A backend that ends TLS itself and says its name. */
async function tlsBackend(host: string): Promise<ByteServer> {
  const { cert, secret } = await certificate(host);
  const server = await startByteServer((socket) => socket.end(`I am ${host}`), { cert, key: secret.reveal() });
  cleanups.push(() => server.close());
  return server;
}

async function plainBackend(): Promise<ByteServer> {
  const server = await startByteServer(echo);
  cleanups.push(() => server.close());
  return server;
}

async function start(listeners: readonly TlsListenerSpec[]): Promise<TestProxy> {
  const gateway = await startProxy(gatewayId);
  cleanups.push(() => gateway.proxy.close());
  const secrets = new Map<string, Secret>();
  const certificates: Record<string, Plan['certificates'][string]> = {};
  for (const id of listeners.flatMap((listener) => listener.certificates ?? [])) {
    const { cert, secret } = await certificate(id);
    secrets.set(id, secret);
    certificates[id] = { id, origin: proxyOrigin('Secret', id, 1), chainPem: cert };
  }
  await gateway.apply(tlsPlan(listeners, certificates), secrets);
  return gateway;
}

function dial(gateway: TestProxy, options: ConnectionOptions): TLSSocket {
  const socket = connect({ ...gateway.addressOf(gatewayPortId), rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

/** What the connection says, and whose certificate it showed. */
async function ask(gateway: TestProxy, options: ConnectionOptions, say?: string): Promise<string> {
  const socket = dial(gateway, options);
  let name = 'nobody';
  socket.once('secureConnect', () => {
    name = socket.getPeerCertificate().subjectaltname ?? '';
    if (say !== undefined) socket.end(say);
  });
  const answer = await readAll(socket).catch(() => Buffer.from('closed'));
  return `${name}: ${answer.toString()}`;
}

describe('a port for TLS', () => {
  let gateway: TestProxy;
  beforeEach(async () => {
    gateway = await start([
      {
        name: 'one',
        hostname: 'one.example.com',
        relay: 'passthrough',
        backend: (await tlsBackend('one.own')).address,
      },
      {
        name: 'wild',
        hostname: '*.example.com',
        routeHostname: '*.wild.example.com',
        relay: 'passthrough',
        backend: (await tlsBackend('wild.own')).address,
      },
      {
        name: 'ended',
        hostname: 'ended.example.com',
        relay: 'tcp',
        certificates: ['ended.example.com'],
        backend: (await plainBackend()).address,
      },
      {
        name: 'web',
        hostname: 'web.example.com',
        certificates: ['web.example.com'],
        backend: (await plainBackend()).address,
      },
    ]);
  });

  test('leads each server name to its backend, whose own certificate the client sees', async () => {
    assert.equal(await ask(gateway, { servername: 'one.example.com' }), 'DNS:one.own: I am one.own');
    assert.equal(await ask(gateway, { servername: 'ONE.example.COM' }), 'DNS:one.own: I am one.own');
    assert.equal(await ask(gateway, { servername: 'a.wild.example.com' }), 'DNS:wild.own: I am wild.own');
    const line = gateway.accessLines.find((one) => one.includes('one.example.com'));
    assert.match(line ?? '', /source gateway\/gateway\/public "TCP" "" 0 - - .*sni="one.example.com"/);
  });

  test('closes what no route or no listener has', async () => {
    assert.match(await ask(gateway, { servername: 'other.example.com' }), /^nobody: (closed)?$/);
    await gateway.logged(() => gateway.accessLines.some((line) => line.includes('no route for server name')));
    assert.match(await ask(gateway, { servername: 'elsewhere.example' }), /^nobody: (closed)?$/);
    assert.match(await ask(gateway, {}), /^nobody: (closed)?$/);
    await gateway.logged(() => gateway.logLines.some((line) => line.includes('no-identity')));
  });

  test('ends TLS with its own certificate where the listener says so, and relays what is inside', async () => {
    const servername = 'ended.example.com';
    assert.equal(await ask(gateway, { servername }, 'hello'), 'DNS:ended.example.com: hello');
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [['mqtt'], false],
    ] as const) {
      const socket = dial(gateway, { servername, ALPNProtocols: [...offered] });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      assert.equal(socket.alpnProtocol, chosen);
    }
  });

  test('serves HTTP/2 beside it', async () => {
    const { host, port } = gateway.addressOf(gatewayPortId);
    const session = connectHttp2(`https://${host}:${port}`, {
      servername: 'web.example.com',
      rejectUnauthorized: false,
    });
    cleanups.push(() => session.destroy());
    const request = session.request({ ':path': '/no.Such/Method', ':method': 'POST', ':authority': 'web.example.com' });
    const status = await new Promise((resolve) => request.once('response', (head) => resolve(head[':status'])));
    assert.equal(typeof status, 'number');
  });

  test('what is no TLS is closed, and said', async () => {
    const { connect: connectPlain } = await import('node:net');
    const socket = connectPlain(gateway.addressOf(gatewayPortId));
    cleanups.push(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => socket.resume().once('close', resolve));
    await gateway.logged(() =>
      gateway.logLines.some((line) => line.includes('bad-client-hello: no TLS handshake record')),
    );
  });
});
