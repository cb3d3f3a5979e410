import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { end, type Contender, type Running, type Setting } from '../contender.ts';

const root = dirname(dirname(import.meta.dirname));

interface Variant {
  readonly name: string;
  /** As the document's DestinationRule has it: every hundredth call makes a new connection, with its TLS handshake. */
  readonly cyclesConnections?: boolean;
  readonly accessLog?: 'text' | 'off';
}

/** The example's manifests with mTLS, policies and metrics; connections live as long as with the other contenders. */
export const sallyport: Contender = contender({ name: 'Sallyport' });
export const sallyportLogging: Contender = contender({ name: 'Sallyport, access log', accessLog: 'text' });
export const sallyportCycling: Contender = contender({
  name: 'Sallyport, 100 calls/connection',
  cyclesConnections: true,
});

function contender(variant: Variant): Contender {
  return { name: variant.name, unavailable: () => undefined, start: (setting) => startSallyport(setting, variant) };
}

async function startSallyport(
  { backendPort, directory }: Setting,
  { cyclesConnections = false, accessLog = 'off' }: Variant,
): Promise<Running> {
  const stateDir = join(directory, 'sallyport-state');
  rmSync(stateDir, { recursive: true, force: true });
  mkdirSync(stateDir, { mode: 0o700 });
  const manifests = join(directory, 'manifests');
  cpSync(join(root, 'examples', 'asset-management', 'k8s'), manifests, { recursive: true });
  const rule = join(manifests, '20-destinationrule.yaml');
  if (!cyclesConnections)
    writeFileSync(rule, readFileSync(rule, 'utf8').replace(/^ +maxRequestsPerConnection:.*\n/m, ''));
  const child = spawn(
    process.execPath,
    [
      join(root, 'bin', 'sallyport.js'),
      'run',
      ...['-f', manifests],
      ...['--workload', `default/asset-management=127.0.0.1:${backendPort}`],
      ...['--state-dir', stateDir, '--admin-port', '0', '--free-ports', '--no-reflection'],
      ...['--access-log', accessLog],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let talk = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      talk += text;
      if (/^Ready/m.test(talk)) resolve();
    });
    child.once('exit', () => reject(new Error(`sallyport ended: ${talk}`)));
  });
  const run = JSON.parse(readFileSync(join(stateDir, 'run.json'), 'utf8')) as {
    listeners: { listener: string; address: string }[];
    proxies: { id: string; pid: number }[];
  };
  const http = run.listeners.find(({ listener }) => listener === 'http')?.address ?? '';
  return {
    port: Number(http.split(':')[1]),
    hops: run.proxies.map(({ id, pid }) => ({ name: id.split('/')[0] ?? id, pid })),
    stop: () => end(child),
  };
}
