/** Tokens of an issuer that this machine asks for its keys: what is good passes, and new keys are found when they are used. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { assetClient, refused, startAssetBackend, type AssetBackend, type AssetClient } from '../kit/asset-service.ts';
import { editableExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';
import { testIssuer, type TestIssuer } from '../kit/tokens.ts';

const example = editableExample();
let mesh: SallyportProcess;
let backend: AssetBackend;
let client: AssetClient;
let server: Server;
let issuer: TestIssuer;

before(async () => {
  server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    if (request.url === '/.well-known/openid-configuration')
      response.end(JSON.stringify({ jwks_uri: `http://127.0.0.1:${port}/keys` }));
    else response.end(JSON.stringify({ keys: [issuer.jwk] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  issuer = await testIssuer(url, { alg: 'RS256', kid: 'one' });
  writeFileSync(
    join(example.directory, '40-users.yaml'),
    `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: users, namespace: gateway }
spec: { jwtRules: [{ issuer: "${url}", outputClaimToHeaders: [{ header: x-user, claim: sub }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: users, namespace: gateway }
spec: { rules: [{ from: [{ source: { requestPrincipals: ["${url}/*"] } }] }] }
`,
  );
  backend = await startAssetBackend();
  mesh = new SallyportProcess([
    'run',
    '-f',
    example.directory,
    '--workload',
    `default/asset-management=${backend.address}`,
  ]);
  await mesh.ready();
  client = assetClient(mesh.listener('gateway/public-api-gateway'), { authority: 'sit-gateway.tcex.com.vn' });
});

after(async () => {
  client?.close();
  await mesh.stop();
  backend.close();
  server.close();
  server.closeAllConnections();
});

/** Calls until the token is taken; the test's own time limit ends a wait that is in vain. */
async function untilAccepted(token: string): Promise<void> {
  for (;;) {
    const error = await client.unary('GetAsset', {}, withToken(token)).then(
      () => undefined,
      (reason: ServiceError) => reason,
    );
    if (error === undefined) return;
    assert.equal(error.code, status.UNAUTHENTICATED, error.details);
  }
}

function withToken(token: string): { readonly metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return { metadata };
}

test('the keys were discovered before the first call: a good token passes as its user, none is denied', async () => {
  await client.unary('GetAsset', {}, withToken(await issuer.sign({ sub: 'alice' })));
  assert.deepEqual(backend.calls.at(-1)?.get('x-user'), ['alice']);
  assert.deepEqual(backend.calls.at(-1)?.get('authorization'), []);
  assert.equal((await refused(client.unary('GetAsset', {}))).code, status.PERMISSION_DENIED);
  await mesh.until(
    () => /the request has no token, requestPrincipals wants/.test(mesh.stdout),
    'to say what is missing',
  );
});

test(
  'an issuer that comes back with another key: its first token is refused, and soon they pass',
  { timeout: 60_000 },
  async () => {
    issuer = await testIssuer(issuer.issuer, { alg: 'ES256', kid: 'two' });
    const token = await issuer.sign({ sub: 'bob' });
    const first = await refused(client.unary('GetAsset', {}, withToken(token)));
    assert.equal(first.code, status.UNAUTHENTICATED);
    assert.equal(first.details, "Jwks doesn't have key to match kid or alg from Jwt");
    await untilAccepted(token);
    assert.deepEqual(backend.calls.at(-1)?.get('x-user'), ['bob']);
  },
);
