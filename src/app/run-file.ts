import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a running mesh tells others on this machine: written when it is ready and when an address changes. */
export interface RunFile {
  /** Of the control process. */
  readonly pid: number;
  /** `HOST:PORT` of the admin pages. */
  readonly admin: string;
  readonly listeners: readonly { readonly gateway: string; readonly listener: string; readonly address: string }[];
  /** `ports`: bound `HOST:PORT` by port id. */
  readonly proxies: readonly {
    readonly id: string;
    readonly pid: number;
    readonly ports: Readonly<Record<string, string>>;
  }[];
  readonly workloads: readonly { readonly name: string; readonly address: string; readonly pid?: number }[];
}

const fileName = 'run.json';

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeRunFile(stateDir: string, content: RunFile): void {
  const path = join(stateDir, fileName);
  const next = `${path}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

/** Removes the file, unless a mesh of another process has replaced it. */
export function removeRunFile(stateDir: string): void {
  if (readRunFile(stateDir)?.pid === process.pid) rmSync(join(stateDir, fileName), { force: true });
}

/**
 * What another process runs in this directory. A file that outlived its process (a power cut) does not count, which is
 * asked of the admin pages: process ids come round again.
 */
export async function runningElsewhere(stateDir: string): Promise<RunFile | undefined> {
  const file = readRunFile(stateDir);
  if (file === undefined || file.pid === process.pid) return undefined;
  try {
    process.kill(file.pid, 0);
    const answer = await fetch(`http://${file.admin}/ready`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    await answer.text();
    return file;
  } catch {
    return undefined;
  }
}

/** An admin page on this machine that takes longer, in milliseconds, is not there. */
const answerTimeoutMs = 1_000;

/** The file as a mesh wrote it; undefined where there is none, or one that nobody can read. */
export function readRunFile(stateDir: string): RunFile | undefined {
  try {
    const content = JSON.parse(readFileSync(join(stateDir, fileName), 'utf8')) as Partial<RunFile>;
    return typeof content.pid === 'number' && typeof content.admin === 'string' ? (content as RunFile) : undefined;
  } catch {
    return undefined;
  }
}
