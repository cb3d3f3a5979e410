import { renameSync, rmSync, writeFileSync } from 'node:fs';
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

export function removeRunFile(stateDir: string): void {
  rmSync(join(stateDir, fileName), { force: true });
}
