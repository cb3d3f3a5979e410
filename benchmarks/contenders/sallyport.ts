import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { end, type Contender } from '../contender.ts';

const root = dirname(dirname(import.meta.dirname));

/** Sallyport as a user runs it: the example's manifests, all features on, access log included. */
export const sallyport: Contender = {
  name: 'Sallyport',
  unavailable: () => undefined,
  start: async ({ backendPort, directory }) => {
    const stateDir = join(directory, 'sallyport-state');
    rmSync(stateDir, { recursive: true, force: true });
    mkdirSync(stateDir, { mode: 0o700 });
    const child = spawn(
      process.execPath,
      [
        join(root, 'bin', 'sallyport.js'),
        'run',
        ...['-f', join(root, 'examples', 'asset-management', 'k8s')],
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
  },
};
