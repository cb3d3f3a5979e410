/** Starts `attack.py`, which speaks HTTP/2 with Python's h2 family, and reads what it says. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sharedProcessors, type Placement } from './processors.ts';

export type Position = 'client' | 'mesh' | 'backend';

/** What became of one attacking connection. */
export interface AttackerPeer {
  /** Milliseconds until the attacker was told or cut off; null if never. */
  readonly cutAfterMs: number | null;
  /** Milliseconds from its beginning to the end of the attack. */
  readonly ageMs: number;
  readonly how: string;
  readonly sent: number;
  readonly received: number;
  readonly resets: number;
  readonly responses: number;
  readonly ended: number;
}

export interface Attacker {
  /** The evil backend's address; empty for the other positions. */
  readonly address: string;
  /** Attacking connections that could not be made. */
  readonly failed: number;
  readonly ended: Promise<readonly AttackerPeer[]>;
  stop(): void;
}

export interface AttackOptions {
  readonly name: string;
  readonly position: Position;
  readonly target?: string;
  readonly seconds: number;
  readonly connections?: number;
  readonly scale?: number;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Where an evil backend listens; any free port by default. */
  readonly port?: number;
  /** An evil backend ends when the first of its connections was cut. */
  readonly untilCut?: boolean;
  /** Where it runs; beside everything else by default. */
  readonly placement?: Placement;
}

const script = join(import.meta.dirname, '..', 'attack.py');

/** The interpreter that has h2, hyperframe and hpack; otherwise why there is none. */
export const python = findPython();

function findPython(): { readonly path: string; readonly missing: string | false } {
  for (const path of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(path, ['-c', 'import hpack, hyperframe'], { stdio: 'ignore' });
      return { path, missing: false };
    } catch {
      continue;
    }
  }
  return { path: '', missing: 'needs python3 with python3-hpack and python3-hyperframe (Debian packages)' };
}

/** All attacks by name, each with the positions it is run from. */
export function listAttacks(): Readonly<Record<string, readonly Position[]>> {
  const text = execFileSync(python.path, [script, '--list'], { encoding: 'utf8', env: environment() });
  return (JSON.parse(text) as { attacks: Record<string, Position[]> }).attacks;
}

/** Resolves when the attacker's connections are made, or it listens. */
export async function startAttack(options: AttackOptions): Promise<Attacker> {
  return (await prepareAttack(options)).begin();
}

/** Starts its process, which costs some milliseconds, and no more. */
export async function prepareAttack(
  options: AttackOptions,
): Promise<{ readonly begin: () => Promise<Attacker>; readonly stop: () => void }> {
  const { attackers } = options.placement ?? sharedProcessors;
  const [command = '', ...words] = [...attackers, python.path, script, ...attackArguments(options)];
  const child = spawn(command, words, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment(),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<{ port?: number; failed?: number; peers?: AttackerPeer[] }> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the attacker of ${options.name} ended without a word`);
    return JSON.parse(value) as { peers?: AttackerPeer[] };
  };
  await next();
  return {
    begin: async () => {
      child.stdin.end('begin\n');
      const first = await next();
      return {
        address: first.port === undefined ? '' : `127.0.0.1:${first.port}`,
        failed: first.failed ?? 0,
        ended: next().then(({ peers = [] }) => peers),
        stop: () => stop(child),
      };
    },
    stop: () => stop(child),
  };
}

function stop(child: ChildProcess): void {
  child.kill('SIGTERM');
}

function attackArguments(options: AttackOptions): string[] {
  const { name, position, target, seconds, connections = 10, scale = 1, port = 0, certFile, keyFile } = options;
  return [
    ...[name, '--position', position, '--seconds', String(seconds)],
    ...['--connections', String(connections), '--scale', String(scale), '--port', String(port)],
    ...(options.untilCut === true ? ['--until-cut'] : []),
    ...(target === undefined ? [] : ['--target', target]),
    ...(certFile === undefined ? [] : ['--cert', certFile]),
    ...(keyFile === undefined ? [] : ['--key', keyFile]),
  ];
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
}
