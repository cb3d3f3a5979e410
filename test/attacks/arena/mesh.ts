/** What attacks are run against: Sallyport as a user starts it, an honest application, and a second, evil one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/index.ts';
import { CertificateAuthority, SvidHolder } from '../../../src/identity/index.ts';
import { SallyportProcess } from '../../kit/sallyport-process.ts';
import { startApplication } from './application.ts';
import { manifest } from './manifest.ts';
import { sharedProcessors, type Placement } from './processors.ts';
import type { AttackTarget } from './target.ts';

const gatewayIdentity = 'spiffe://cluster.local/ns/gateway/sa/istio-ingressgateway-service-account';

export interface AttackedMesh extends AttackTarget {
  readonly process: SallyportProcess;
  /** Process ids by role. */
  readonly pids: Readonly<Record<'gateway' | 'sidecar' | 'evilSidecar', number>>;
  stop(): Promise<void>;
}

export interface MeshOptions {
  /** `HOST:PORT` where the evil application will listen. */
  readonly evilAddress?: string;
  /** Where the proxies run; beside everything else by default. */
  readonly placement?: Placement;
}

/** Starts everything; `stop` ends everything, and so does the end of this process. */
export async function startAttackedMesh({
  evilAddress = '127.0.0.1:9',
  placement = sharedProcessors,
}: MeshOptions = {}): Promise<AttackedMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-attacks-'));
  const application = await startApplication();
  const file = join(directory, 'mesh.yaml');
  writeFileSync(file, manifest);
  const sallyport = new SallyportProcess([
    'run',
    ...['-f', file, '--no-reflection', '--access-log', 'off'],
    ...[
      '--workload',
      `default/asset-management=127.0.0.1:${application.port}`,
      '--workload',
      `default/evil=${evilAddress}`,
    ],
  ]);
  await sallyport.ready();
  placement.isolate([sallyport.run.pid, ...sallyport.run.proxies.map(({ pid }) => pid)]);
  const pidOf = (id: string): number => {
    const found = sallyport.run.proxies.find((proxy) => proxy.id.endsWith(id));
    if (found === undefined) throw new Error(`no proxy ${id} in ${JSON.stringify(sallyport.run.proxies)}`);
    return found.pid;
  };
  const sidecar = sallyport.run.proxies.find((proxy) => proxy.id === 'sidecar/default/asset-management');
  const svid = await issueSvid(sallyport.stateDir, directory);
  return {
    process: sallyport,
    gateway: sallyport.listener('gateway/public-api-gateway'),
    sidecar: Object.values(sidecar?.ports ?? {})[0] ?? '',
    pids: {
      gateway: pidOf('public-api-gateway'),
      sidecar: pidOf('/asset-management'),
      evilSidecar: pidOf('/evil'),
    },
    ...svid,
    log: () => sallyport.stderr,
    backendCounts: application.counts,
    limitsActed: () => limitsActed(sallyport.run.admin),
    stop: async () => {
      await sallyport.stop();
      application.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A certificate for the gateway's identity, signed by the mesh's own CA; what a stolen key would be. */
async function issueSvid(stateDir: string, directory: string): Promise<{ certFile: string; keyFile: string }> {
  const { authority, error } = await CertificateAuthority.open(stateDir);
  if (authority === undefined) throw new Error(error);
  const holder = new SvidHolder({ clock: systemClock, random: Math.random });
  const issued = await authority.issue({ csrPem: holder.csr(), spiffeId: gatewayIdentity });
  if (issued.chainPem === undefined) throw new Error(issued.error);
  holder.accept(issued.chainPem, authority.rootPem);
  const svid = holder.current();
  if (svid === undefined) throw new Error('the issued certificate was not accepted');
  const certFile = join(directory, 'cert.pem');
  const keyFile = join(directory, 'key.pem');
  writeFileSync(certFile, issued.chainPem, { mode: 0o600 });
  writeFileSync(keyFile, svid.keyPem.reveal(), { mode: 0o600 });
  return { certFile, keyFile };
}

async function limitsActed(admin: string): Promise<Record<string, number>> {
  const base = admin.startsWith('http') ? admin : `http://${admin}`;
  const text = await (await fetch(new URL('/metrics', base))).text();
  const found: Record<string, number> = {};
  for (const [, limit = '', value] of text.matchAll(
    /^sallyport_limits_acted_total\{[^}]*limit="([^"]+)"[^}]*\} (\d+)/gm,
  )) {
    found[limit] = (found[limit] ?? 0) + Number(value);
  }
  return found;
}
