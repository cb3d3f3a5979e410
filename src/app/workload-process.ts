import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import type { Clock } from '../base/index.ts';

/** A workload that `run` starts itself: a command, restarted when it dies, as a kubelet would. */
export interface WorkloadProcess {
  readonly namespace: string;
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  /** Process id while it runs. */
  pid(): number | undefined;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
  stop(graceMs: number): Promise<void>;
}

export interface WorkloadProcessOptions {
  readonly namespace: string;
  readonly name: string;
  readonly command: string;
  readonly cwd: string;
  /** Asked for at each start: addresses may have changed since the last one. */
  readonly env: () => Readonly<Record<string, string>>;
  readonly address: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  /** One line of the command's output. */
  readonly onLine: (line: string) => void;
  /** The command has been started: the first time before `startWorkloadProcess` returned. */
  readonly onStart: () => void;
  /** The command ended by itself; it is started again after `restartInMs`. */
  readonly onExit: (exit: { readonly description: string; readonly restartInMs: number }) => void;
}

/** First restart after this long, doubled each time: a crashing command must not spin. */
const minRestartDelayMs = 200;
/** Long enough to spare the machine, short enough that a mended service is seen to be back. */
const maxRestartDelayMs = 10_000;
/** A command that lived this long counts as healthy: the next restart is quick again. */
const healthyAfterMs = 10_000;

/** Starts `command` through the shell with `HOST` and `PORT` set, so that the same command serves every port. */
export function startWorkloadProcess(options: WorkloadProcessOptions): WorkloadProcess {
  const { address, clock } = options;
  let child: ChildProcess | undefined;
  let restartTimer: NodeJS.Timeout | undefined;
  let restartDelayMs = minRestartDelayMs;
  let stopping = false;
  let gone = () => {};

  const start = () => {
    const startedMs = clock.monotonicMs();
    // Its own process group, so that stopping reaches what the shell started.
    const running = spawn(options.command, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env(), HOST: address.host, PORT: String(address.port) },
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = running;
    options.onStart();
    forwardLines(running, options.onLine);
    running.on('error', (error) => options.onLine(error.message));
    running.on('exit', (code, signal) => {
      child = undefined;
      if (stopping) {
        gone();
        return;
      }
      if (clock.monotonicMs() - startedMs >= healthyAfterMs) restartDelayMs = minRestartDelayMs;
      const description = signal === null ? `exit code ${code}` : signal;
      options.onExit({ description, restartInMs: restartDelayMs });
      restartTimer = setTimeout(start, restartDelayMs);
      restartDelayMs = Math.min(restartDelayMs * 2, maxRestartDelayMs);
    });
  };
  start();

  return {
    namespace: options.namespace,
    name: options.name,
    address,
    pid: () => child?.pid,
    stop: (graceMs) => {
      stopping = true;
      clearTimeout(restartTimer);
      const running = child;
      if (running?.pid === undefined) return Promise.resolve();
      return new Promise((resolve) => {
        const killTimer = setTimeout(() => signalGroup(running, 'SIGKILL'), graceMs);
        gone = () => {
          clearTimeout(killTimer);
          resolve();
        };
        signalGroup(running, 'SIGTERM');
      });
    },
  };
}

/** Resolves when something accepts TCP connections at `address`; rejects only when `signal` aborts. */
export async function waitUntilListening(
  address: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<void> {
  const retryDelayMs = 50;
  while (!signal.aborted) {
    if (await accepts(address)) return;
    await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
  }
  throw new Error(`nothing listens on ${address.host}:${address.port}`);
}

function accepts({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group is gone already, which is what was asked for.
  }
}

function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    stream?.on('end', () => {
      if (rest !== '') onLine(rest);
    });
  }
}
