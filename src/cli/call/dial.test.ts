import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ServerCredentials } from '@grpc/grpc-js';
import { issueSvid, makeCa } from '../../../test/kit/cert-kit.ts';
import { startKitchen, type KitchenServer } from '../../../test/kit/kitchen-server.ts';
import { callWith, type CallOutcome } from '../../../test/kit/run-call.ts';

let directory: string;
let plain: KitchenServer;
let tls: KitchenServer;
let mutual: KitchenServer;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dial-'));
  const ca = makeCa();
  const server = issueSvid(ca, { names: [{ dns: 'kitchen.example' }] });
  const client = issueSvid(ca, { names: [{ dns: 'guest.example' }] });
  for (const [name, text] of [
    ['ca.pem', ca.pem],
    ['other.pem', makeCa().pem],
    ['cert.pem', client.chainPem],
    ['key.pem', client.keyPem],
  ] as const) {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  }
  const pair = [{ cert_chain: Buffer.from(server.chainPem), private_key: Buffer.from(server.keyPem) }];
  plain = await startKitchen();
  tls = await startKitchen({ credentials: ServerCredentials.createSsl(null, pair, false) });
  mutual = await startKitchen({ credentials: ServerCredentials.createSsl(Buffer.from(ca.pem), pair, true) });
});
after(() => {
  for (const server of [plain, tls, mutual]) server.stop();
  rmSync(directory, { recursive: true });
});

const file = (name: string): string => join(directory, name);

function list(server: KitchenServer, ...flags: readonly string[]): Promise<CallOutcome> {
  return callWith([...flags, server.address, 'list']);
}

const listed = { code: 0, stdout: 'kitchen.v1.Kitchen\nkitchen.v1.Pantry\nlegacy.Attic\n', stderr: '' };
const failed = (server: KitchenServer, reason: string): CallOutcome => ({
  code: 1,
  stdout: '',
  stderr: `Failed to dial target host "${server.address}": ${reason}\n`,
});

test('TLS: verified by -cacert and the name of -authority or -servername, or not at all', async () => {
  assert.deepEqual(await list(tls, '-cacert', file('ca.pem'), '-authority', 'kitchen.example'), listed);
  assert.deepEqual(await list(tls, '-cacert', file('ca.pem'), '-servername', 'kitchen.example'), listed);
  assert.deepEqual(await list(tls, '-insecure'), listed);
});

test('TLS that does not verify says why', async () => {
  const unknown = 'tls: the server certificate is signed by an unknown authority: give its root with -cacert';
  assert.deepEqual(await list(tls), failed(tls, unknown));
  assert.deepEqual(
    await list(tls, '-cacert', file('other.pem'), '-authority', 'kitchen.example'),
    failed(tls, unknown),
  );
  const wrongName = await list(tls, '-cacert', file('ca.pem'), '-authority', 'other.example');
  assert.equal(wrongName.code, 1);
  assert.match(
    wrongName.stderr,
    /altnames: Host: other\.example\. is not in the cert's altnames: DNS:kitchen\.example/,
  );
});

test('a client certificate where the server wants one', async () => {
  const flags = ['-cacert', file('ca.pem'), '-authority', 'kitchen.example'];
  assert.deepEqual(await list(mutual, ...flags, '-cert', file('cert.pem'), '-key', file('key.pem')), listed);
  assert.deepEqual(
    await list(mutual, ...flags),
    failed(mutual, 'tls: certificate required: the server wants a client certificate, use -cert and -key'),
  );
});

test('plaintext to TLS and TLS to plaintext are told apart at once', async () => {
  assert.deepEqual(await list(tls, '-plaintext'), failed(tls, 'the server speaks TLS, drop -plaintext'));
  assert.deepEqual(await list(mutual, '-plaintext'), failed(mutual, 'the server speaks TLS, drop -plaintext'));
  assert.deepEqual(
    await list(plain),
    failed(
      plain,
      'tls: first record does not look like a TLS handshake: the server speaks plaintext HTTP/2, add -plaintext',
    ),
  );
});

test('nobody listens, no such address, a server that says nothing', async () => {
  const gone = await startKitchen();
  gone.stop();
  const refused = `dial tcp ${gone.address}: connect: connection refused (is the server running, and on this port?)`;
  assert.deepEqual(await list(gone, '-plaintext'), failed(gone, refused));
  for (const [address, reason] of [
    ['localhost', 'address localhost: missing port in address'],
    ['localhost:99999', 'address 99999: invalid port'],
  ] as const) {
    const outcome = await callWith(['-plaintext', address, 'list']);
    assert.deepEqual([outcome.code, outcome.stderr], [1, `Failed to dial target host "${address}": ${reason}\n`]);
  }
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const outcome = await callWith(['-plaintext', '-connect-timeout', '0.2', address, 'list']);
  assert.deepEqual(
    [outcome.code, outcome.stderr],
    [1, `Failed to dial target host "${address}": context deadline exceeded\n`],
  );
  silent.close();
});
