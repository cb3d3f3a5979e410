import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, existsSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where Debian's packages put the server binaries, which are not on PATH. */
const DEBIAN_ROOT = '/usr/lib/postgresql';

export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** The newest PostgreSQL of this machine, as the directory of its binaries; undefined where there is none. */
export function findPostgres(): string | undefined {
  if (!existsSync(DEBIAN_ROOT)) return undefined;
  const versions = readdirSync(DEBIAN_ROOT).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN_ROOT, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** Starts a throw-away PostgreSQL that listens on a Unix socket only. */
export async function startPostgres(bin: string): Promise<TestPostgres> {
  const identity = serverIdentity();
  const directory = mkdtempSync(join(tmpdir(), 'asset-postgres-'));
  if (identity !== undefined) chownSync(directory, identity.uid, identity.gid);
  const data = join(directory, 'data');
  const options = { cwd: directory, ...identity };
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'assets', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...options,
    stdio: 'ignore',
  });
  const settings = ['listen_addresses=', `unix_socket_directories=${directory}`, 'fsync=off', 'max_connections=30'];
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await untilReady(server);
  return {
    url: `postgresql://assets@${encodeURIComponent(directory)}/postgres`,
    stop: async () => {
      const exited = once(server, 'exit');
      // Its "smart" stop, which lets connections that are being closed come to their end.
      server.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as the user that Debian's package makes. */
function serverIdentity(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function untilReady(server: ChildProcess): Promise<void> {
  const { stderr } = server;
  if (stderr === null) throw new Error('postgres has no stderr');
  const log: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: stderr }).on('line', (line) => {
      log.push(line);
      if (line.includes('ready to accept connections')) resolve();
    });
    server.once('exit', () => reject(new Error(`postgres did not start:\n${log.join('\n')}`)));
  });
}
