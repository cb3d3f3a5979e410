import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { openssl, skipWithoutOpenssl } from '../../test/kit/openssl.ts';
import { makeListenerCa, makeListenerCertificate, type ListenerCertificate } from './listener-certificate.ts';

const nowMs = Date.now();
const names = ['gateway.example.com', '*.apps.example.com', '127.0.0.1', '::1'];

async function listenerFor(signedBy?: ListenerCertificate): Promise<ListenerCertificate> {
  const { listener } = await makeListenerCertificate(names, signedBy === undefined ? { nowMs } : { nowMs, signedBy });
  assert.ok(listener);
  return listener;
}

/** Resolves when a client that trusts `caPem` has completed a verified handshake for `servername`. */
async function handshake(listener: ListenerCertificate, caPem: string, servername: string): Promise<void> {
  const server = createServer({ cert: listener.certificatePem, key: listener.keyPem.reveal(), ALPNProtocols: ['h2'] });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = connect({ host: '127.0.0.1', port: address.port, ca: caPem, servername, ALPNProtocols: ['h2'] });
  try {
    await once(client, 'secureConnect');
  } finally {
    client.destroy();
    server.close();
  }
}

test('a self-signed certificate is trusted for its names, and for no others', async () => {
  const listener = await listenerFor();
  await handshake(listener, listener.certificatePem, 'gateway.example.com');
  await handshake(listener, listener.certificatePem, 'x.apps.example.com');
  await assert.rejects(
    handshake(listener, listener.certificatePem, 'other.example.com'),
    /ERR_TLS_CERT_ALTNAME_INVALID|altnames/,
  );
});

test('a certificate of a local root is trusted through the root', async () => {
  const root = await makeListenerCa({ nowMs });
  const listener = await listenerFor(root);
  await handshake(listener, root.certificatePem, 'gateway.example.com');
  const other = await makeListenerCa({ nowMs });
  await assert.rejects(handshake(listener, other.certificatePem, 'gateway.example.com'), /certificate/);
});

test('openssl agrees', { skip: skipWithoutOpenssl }, async () => {
  const root = await makeListenerCa({ nowMs });
  const files = { 'root.pem': root.certificatePem, 'leaf.pem': (await listenerFor(root)).certificatePem };
  const base = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', '@root.pem'];
  for (const check of [
    ['-verify_hostname', 'a.apps.example.com'],
    ['-verify_ip', '::1'],
    ['-verify_ip', '127.0.0.1'],
  ]) {
    const result = openssl([...base, ...check, '@leaf.pem'], files);
    assert.equal(result.status, 0, result.text);
  }
});

test('names that are none are refused', async () => {
  for (const wrong of [[], [''], ['a b'], ['*'], ['a.*'], ['-a'], ['a..b'], ['x:y'], ['a\0b'], ['a'.repeat(254)]]) {
    const { error } = await makeListenerCertificate(wrong, { nowMs });
    assert.match(error ?? 'made', /host name/, JSON.stringify(wrong));
  }
});

test('the key is not printed', async () => {
  const listener = await listenerFor();
  assert.equal(JSON.stringify(listener).includes('PRIVATE'), false);
  assert.match(listener.keyPem.reveal(), /BEGIN PRIVATE KEY/);
});
