import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Credentials } from './credentials.ts';

/** What every contender is given: the same backend behind it, the same certificates, a directory for its files. */
export interface Setting {
  readonly backendPort: number;
  readonly credentials: Credentials;
  readonly directory: string;
}

/** A running two-hop path: plaintext HTTP/2 in, mutual TLS between the hops, plaintext HTTP/2 to the backend. */
export interface Running {
  /** Where the load goes in. */
  readonly port: number;
  readonly hops: readonly { readonly name: string; readonly pid: number }[];
  stop(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  unavailable(): string | undefined;
  start(setting: Setting): Promise<Running>;
}

/** Host and path of the documented route. */
export const authority = 'sit-gateway.tcex.com.vn';
export const path = '/asset.AssetService/GetAsset';

export interface Hop {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly port: number;
}

/** Starts the hops' processes and waits until each listens. */
export async function startHops(hops: readonly Hop[]): Promise<Running> {
  const children = hops.map(({ command, args }) => spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
  const errors = children.map(collectErrors);
  await Promise.all(
    hops.map(({ port, name }, index) =>
      listening(port, () => failure({ name, child: children[index], errors: errors[index] })),
    ),
  );
  return {
    port: hops[0]?.port ?? 0,
    hops: hops.map(({ name }, index) => ({ name, pid: children[index]?.pid ?? 0 })),
    stop: async () => {
      await Promise.all(children.map(end));
    },
  };
}

export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Resolves when the port accepts; rejects with what `failed` says once it says something, or after 20 s. */
export async function listening(port: number, failed: () => string | undefined): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!(await accepts(port))) {
    const reason = failed() ?? (performance.now() > deadlineMs ? `nothing listens on port ${port}` : undefined);
    if (reason !== undefined) throw new Error(reason);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve((socket.destroy(), true)));
    socket.once('error', () => resolve(false));
  });
}

function collectErrors(child: ChildProcess): { text: string } {
  const errors = { text: '' };
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors.text = (errors.text + text).slice(-4000)));
  child.on('error', (error) => (errors.text += error.message));
  return errors;
}

function failure({
  name,
  child,
  errors,
}: {
  name: string;
  child: ChildProcess | undefined;
  errors: { text: string } | undefined;
}) {
  if (child === undefined || (child.exitCode === null && child.signalCode === null)) return undefined;
  return `${name} ended at once: ${errors?.text ?? ''}`;
}
