/** The places where a client or a backend meets this proxy, all in this process, each with a way to run the tool there. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { systemClock, type Secret } from '../../src/base/index.ts';
import { CertificateAuthority, makeListenerCertificate, SvidHolder } from '../../src/identity/index.ts';
import type { Plan } from '../../src/plan/index.ts';
import type { Address } from '../../src/proxy/index.ts';
import { message, rawClient, startRawServer, build, END_STREAM } from '../interop/raw-peer.ts';
import { headWith } from '../interop/raw-mesh.ts';
import { startMesh } from '../kit/proxy-mesh.ts';
import {
  gatewayId,
  gatewayPortId,
  gatewaySpiffeId,
  proxyOrigin,
  proxyPlan,
  sidecarSpiffeId,
} from '../kit/proxy-plan.ts';
import { enroll, startProxy } from '../kit/proxy-process.ts';
import { features, type CaseResult, type PositionName } from './declared.ts';
import { runH2spec, startH2specd } from './tools.ts';

type Cleanup = () => unknown;

/** Runs every case of the tool at this position. */
export async function runAt(position: PositionName, tool: string): Promise<CaseResult[]> {
  const cleanups: Cleanup[] = [];
  try {
    return await runners[position](tool, (cleanup) => cleanups.push(cleanup));
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

type Runner = (tool: string, after: (cleanup: Cleanup) => unknown) => Promise<CaseResult[]>;

const runners: Readonly<Record<PositionName, Runner>> = {
  gateway: async (tool, after) => {
    const mesh = await permissiveMesh(after);
    return runH2spec(tool, { port: mesh.gatewayAddress.port, tls: false });
  },
  'gateway-tls': async (tool, after) => {
    const gateway = await startProxy(gatewayId);
    after(() => gateway.proxy.close());
    const { plan, secrets } = await httpsPlan();
    await gateway.apply(plan, secrets);
    return runH2spec(tool, { port: gateway.addressOf(gatewayPortId).port, tls: true });
  },
  sidecar: async (tool, after) => {
    const mesh = await permissiveMesh(after);
    return runH2spec(tool, { port: mesh.sidecarAddress.port, tls: false });
  },
  'sidecar-mtls': async (tool, after) => {
    const mesh = await permissiveMesh(after);
    const opener = await tlsOpener(mesh.sidecarAddress, await identityOf(mesh.authority, gatewaySpiffeId));
    after(() => opener.close());
    return runH2spec(tool, { port: opener.port, tls: false });
  },
  upstream: async (tool, after) => {
    const { cases } = features.upstream;
    const spec = await startH2specd(tool, { cases });
    after(() => spec.close());
    return runUpstream(spec, after);
  },
  'upstream-mtls': async (tool, after) => {
    const authority = await CertificateAuthority.ephemeral();
    const { cases } = features['upstream-mtls'];
    const spec = await startH2specd(tool, { cases, identity: await identityOf(authority, sidecarSpiffeId) });
    after(() => spec.close());
    return runUpstream(spec, after, authority);
  },
};

async function permissiveMesh(after: (cleanup: Cleanup) => unknown): ReturnType<typeof startMesh> {
  const application = await startRawServer({});
  after(() => application.close());
  const mesh = await startMesh({ application: application.address, peerAuthentication: 'PERMISSIVE' });
  after(() => mesh.close());
  return mesh;
}

/** One listener for every name: h2spec names none when it connects to an address. */
async function httpsPlan(): Promise<{ readonly plan: Plan; readonly secrets: Map<string, Secret> }> {
  const id = 'certificate';
  const made = await makeListenerCertificate(['localhost'], { nowMs: systemClock.wallMs() });
  if (made.listener === undefined) throw new Error(made.error);
  const base = proxyPlan({ gatewayEndpoints: [] });
  const withTls = <T>(elements: Readonly<Record<string, T>>, changes: Partial<T>): Record<string, T> =>
    Object.fromEntries(Object.entries(elements).map(([key, element]) => [key, { ...element, ...changes }]));
  const plan = {
    ...base,
    ports: withTls(base.ports, { security: { mode: 'tls' } }),
    listeners: withTls(base.listeners, { certificates: [id] }),
    certificates: { [id]: { id, origin: proxyOrigin('Secret', id, 1), chainPem: made.listener.certificatePem } },
  };
  return { plan, secrets: new Map([[id, made.listener.keyPem]]) };
}

interface Identity {
  readonly certificate: string;
  readonly key: string;
}

async function identityOf(authority: CertificateAuthority, spiffeId: string): Promise<Identity> {
  const holder = new SvidHolder({ clock: systemClock, random: () => 0.5 });
  await enroll(holder, authority, spiffeId);
  const svid = holder.current();
  if (svid === undefined) throw new Error('no SVID');
  return { certificate: svid.chainPem, key: svid.keyPem.reveal() };
}

/** Takes plaintext and passes it on inside TLS with a client certificate. */
async function tlsOpener(target: Address, { certificate, key }: Identity): Promise<{ port: number; close(): void }> {
  const server = createServer({ allowHalfOpen: true }, (plain) => {
    const secure = connectTls({
      ...target,
      cert: certificate,
      key,
      ALPNProtocols: ['h2'],
      // Who the sidecar is, is the subject of other tests.
      rejectUnauthorized: false,
    });
    plain.setNoDelay(true);
    plain.pipe(secure).pipe(plain);
    plain.on('error', () => secure.destroy());
    secure.on('error', () => plain.destroy());
    secure.on('close', () => plain.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** A gateway with a route to each of the tool's ports, and one call to each. */
async function runUpstream(
  spec: Awaited<ReturnType<typeof startH2specd>>,
  after: (cleanup: Cleanup) => unknown,
  authority?: CertificateAuthority,
): Promise<CaseResult[]> {
  // Each case judges one connection; a second attempt would be judged as a client of its own.
  const gateway = await startProxy(gatewayId, { limits: { attemptsPerRequest: 1 } });
  after(() => gateway.proxy.close());
  if (authority !== undefined) await enroll(gateway.identity, authority, gatewaySpiffeId);
  await gateway.apply(planForPorts(spec.ports, authority !== undefined));
  const client = rawClient(gateway.addressOf(gatewayPortId));
  after(() => client.destroy());
  for (const [index, port] of spec.ports.entries()) {
    const id = 1 + 2 * index;
    client.send(build.headers(id, headWith({ ':path': pathOf(port) })), build.data(id, message(4), END_STREAM));
  }
  return spec.results();
}

const pathOf = (port: number): string => `/h2specd.Port${port}/Call`;

function planForPorts(ports: readonly number[], isMtls: boolean): Plan {
  const base = proxyPlan({ gatewayEndpoints: [] });
  const parts = ports.map((port) => {
    const endpoint = { gatewayEndpoints: [{ host: '127.0.0.1', port }] };
    const one = proxyPlan({ ...endpoint, ...(isMtls ? { gatewayMtls: [sidecarSpiffeId] } : {}) });
    const [cluster] = Object.values(one.clusters);
    const [route] = Object.values(one.routes);
    const [target] = Object.values(one.endpoints);
    if (cluster === undefined || route === undefined || target === undefined) throw new Error('an empty plan');
    const id = `${cluster.id}/${port}`;
    return {
      cluster: { ...cluster, id },
      endpoint: { ...target, id: `${id}/0`, cluster: id },
      route: {
        ...route,
        id: `${route.id}/${port}`,
        match: { ...route.match, path: { type: 'Exact' as const, value: pathOf(port) } },
        action: { type: 'forward' as const, backends: [{ weight: 1, cluster: id }] },
      },
    };
  });
  const byId = <T extends { readonly id: string }>(elements: readonly T[]): Record<string, T> =>
    Object.fromEntries(elements.map((element) => [element.id, element]));
  return {
    ...base,
    clusters: byId(parts.map(({ cluster }) => cluster)),
    endpoints: byId(parts.map(({ endpoint }) => endpoint)),
    routes: byId(parts.map(({ route }) => route)),
  };
}
