/** The documented path, varied as users vary it: TLS in front, GRPCRoute, mTLS modes, policy at the gateway, a second Gateway. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Settings } from 'node:http2';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { credentials, status, type ChannelCredentials } from '@grpc/grpc-js';
import { parse } from 'yaml';
import { assetClient, refused, startAssetBackend, type AssetBackend } from '../kit/asset-service.ts';
import { editableExample } from '../kit/manifests.ts';
import { SallyportProcess } from '../kit/sallyport-process.ts';

const root = dirname(dirname(import.meta.dirname));
const authority = 'sit-gateway.tcex.com.vn';
const gateway = 'gateway/public-api-gateway';

let backend: AssetBackend;
before(async () => (backend = await startAssetBackend()));
after(() => backend.close());

type Example = ReturnType<typeof editableExample>;

/** Serves the example as `change` left it, for one test. */
async function withMesh(
  change: (example: Example) => void,
  run: (mesh: SallyportProcess, example: Example) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const example = editableExample();
  change(example);
  const workload = ['--workload', `default/asset-management=${backend.address}`];
  const mesh = new SallyportProcess(['run', '-f', example.directory, ...workload, ...flags]);
  try {
    await mesh.ready();
    await run(mesh, example);
  } finally {
    await mesh.stop();
    rmSync(example.directory, { recursive: true, force: true });
  }
}

async function getAsset(address: string, channel: ChannelCredentials = credentials.createInsecure()): Promise<string> {
  const client = assetClient(address, {
    authority,
    credentials: channel,
    channel: { 'grpc.ssl_target_name_override': authority },
  });
  try {
    return (await client.unary('GetAsset', { asset_id: 'a' })).asset_id;
  } finally {
    client.close();
  }
}

test('limits of sallyport.yaml hold in the proxies', async () => {
  const example = editableExample();
  const config = join(example.directory, '..', `${basename(example.directory)}.sallyport.yaml`);
  writeFileSync(
    config,
    `manifests: [${example.directory}]\nlimits: { clientConnection: { maxConcurrentStreams: 7 } }\n`,
  );
  const mesh = new SallyportProcess([
    ...['run', '--config', config],
    ...['--workload', `default/asset-management=${backend.address}`],
  ]);
  try {
    await mesh.ready();
    const session = connect(`http://${mesh.listener(gateway)}`);
    const [settings] = (await once(session, 'remoteSettings')) as [Settings];
    session.destroy();
    assert.equal(settings.maxConcurrentStreams, 7);
  } finally {
    await mesh.stop();
    rmSync(example.directory, { recursive: true, force: true });
    rmSync(config);
  }
});

function sidecarOf(mesh: SallyportProcess): string {
  const proxy = mesh.run.proxies.find(({ id }) => id === 'sidecar/default/asset-management');
  return Object.values(proxy?.ports ?? {})[0] ?? assert.fail(JSON.stringify(mesh.run));
}

test('an HTTPS listener with a Secret from `certs self-signed`: its certificate is trusted, another is not', async () => {
  const args = ['certs', 'self-signed', '--secret', 'gateway/public-api-gateway-tls', '--host', authority];
  const secret = execFileSync(process.execPath, [join(root, 'bin', 'sallyport.js'), ...args], { encoding: 'utf8' });
  const { stringData } = parse(secret) as { stringData: Record<string, string> };
  await withMesh(
    (example) => example.edit('secret.yaml', () => secret),
    async (mesh) => {
      const address = mesh.listener(gateway, 'https');
      const trusted = credentials.createSsl(Buffer.from(stringData['tls.crt'] ?? ''));
      assert.equal(await getAsset(address, trusted), 'a');
      assert.equal((await refused(getAsset(address, credentials.createSsl()))).code, status.UNAVAILABLE);
      const shown = execFileSync(
        process.execPath,
        [join(root, 'bin', 'sallyport.js'), 'get', 'secrets', '-o', 'yaml', '--state-dir', mesh.stateDir],
        { encoding: 'utf8' },
      );
      assert.match(shown, /\[redacted\]/);
      assert.doesNotMatch(shown + mesh.stderr + mesh.stdout, /PRIVATE KEY/);
    },
  );
});

test('a GRPCRoute in the place of the HTTPRoute', async () => {
  await withMesh(
    (example) => example.edit('10-httproute.yaml', () => grpcRoute),
    async (mesh) => assert.equal(await getAsset(mesh.listener(gateway)), 'a'),
  );
});

test('a Gateway of class istio without a GatewayClass object', async () => {
  await withMesh(
    (example) => example.edit('04-gateway.yaml', (text) => text.slice(text.indexOf('---'))),
    async (mesh) => assert.equal(await getAsset(mesh.listener(gateway)), 'a'),
  );
});

test('PERMISSIVE lets plaintext as far as the policy, which wants a principal', async () => {
  await withMesh(
    (example) => example.edit('05-peer-authentication.yaml', (text) => text.replace('STRICT', 'PERMISSIVE')),
    async (mesh) => {
      assert.equal(await getAsset(mesh.listener(gateway)), 'a');
      assert.equal((await refused(getAsset(sidecarOf(mesh)))).code, status.PERMISSION_DENIED);
    },
  );
});

test('policy at the gateway by targetRefs, added while it serves', async () => {
  await withMesh(
    () => {},
    async (mesh, example) => {
      assert.equal(await getAsset(mesh.listener(gateway)), 'a');
      example.edit('40-deny.yaml', () => denyAtGateway);
      await mesh.until(() => mesh.stderr.includes('Applied.'), 'to apply the policy');
      assert.equal((await refused(getAsset(mesh.listener(gateway)))).code, status.PERMISSION_DENIED);
      await mesh.until(() => /reason="denied by .*40-deny\.yaml:\d+/.test(mesh.stdout), 'to name the policy');
    },
  );
});

test('a Gateway that is added is served and its address is said; one that is removed closes its port', async () => {
  await withMesh(
    () => {},
    async (mesh, example) => {
      example.edit('50-second.yaml', () => secondGateway);
      await mesh.until(() => /^gateway\/second .*127\.0\.0\.1:\d+/m.test(mesh.stderr), 'to show the second gateway');
      const address = mesh.listener('gateway/second');
      assert.equal((await refused(getAsset(address))).code, status.UNIMPLEMENTED);
      example.edit('50-second.yaml', () => '');
      await mesh.until(() => mesh.stderr.split('Applied.').length === 3, 'to apply the removal');
      await closedPort(address);
      assert.equal(await getAsset(mesh.listener(gateway)), 'a');
    },
  );
});

test('--no-reflection: what no route matches is UNIMPLEMENTED', async () => {
  await withMesh(
    () => {},
    async (mesh) => {
      const client = assetClient(mesh.listener(gateway), { authority });
      const error = await refused(client.raw('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'));
      client.close();
      assert.equal(error.code, status.UNIMPLEMENTED);
    },
    ['--no-reflection'],
  );
});

/** Resolves when a connection is refused; the process that had the port may still be on its way out. */
async function closedPort(address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  const accepts = () =>
    new Promise<boolean>((resolve) => {
      const socket = createConnection({ host, port: Number(port) }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  while (await accepts());
}

const grpcRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: asset-management, namespace: default}
spec:
  parentRefs: [{name: public-api-gateway, namespace: gateway}]
  hostnames: [${authority}]
  rules:
    - matches: [{method: {service: asset.AssetService}}]
      backendRefs: [{name: asset-management, port: 8080}]
`;

const denyAtGateway = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-reads, namespace: gateway}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public-api-gateway}]
  action: DENY
  rules: [{to: [{operation: {paths: ["/asset.AssetService/Get*"]}}]}]
`;

const secondGateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: second, namespace: gateway}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 8081, protocol: HTTP}]
`;
