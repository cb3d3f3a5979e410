import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { end, type Contender, type Running, type Setting } from '../contender.ts';

const root = dirname(dirname(import.meta.dirname));

/**
 * Sallyport as a user runs it: the example's manifests, all features on, access log included. Connections live as long as
 * with the other contenders, which have no `maxRequestsPerConnection`.
 */
export const sallyport: Contender = contender('Sallyport', (text) =>
  text.replace(/^ +maxRequestsPerConnection:.*\n/m, ''),
);

/** The document's DestinationRule as it is: every hundredth call makes a new connection, with its TLS handshake. */
export const sallyportCycling: Contender = contender('Sallyport, 100 calls/connection', (text) => text);

function contender(name: string, editRule: (text: string) => string): Contender {
  return { name, unavailable: () => undefined, start: (setting) => startSallyport(setting, editRule) };
}

async function startSallyport(
  { backendPort, directory }: Setting,
  editRule: (text: string) => string,
): Promise<Running> {
  const stateDir = join(directory, 'sallyport-state');
  rmSync(stateDir, { recursive: true, force: true });
  mkdirSync(stateDir, { mode: 0o700 });
  const manifests = join(directory, 'manifests');
  cpSync(join(root, 'examples', 'asset-management', 'k8s'), manifests, { recursive: true });
  const rule = join(manifests, '20-destinationrule.yaml');
  writeFileSync(rule, editRule(readFileSync(rule, 'utf8')));
  const child = spawn(
    process.execPath,
    [
      join(root, 'bin', 'sallyport.js'),
      'run',
      ...['-f', manifests],
      ...['--workload', `default/asset-management=127.0.0.1:${backendPort}`],
      ...['--state-dir', stateDir, '--admin-port', '0', '--free-ports', '--no-reflection'],
      ...['--access-log', process.env['BENCH_ACCESS_LOG'] ?? 'text'],
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
