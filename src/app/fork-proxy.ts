import { fork, type SendHandle } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asListeningSocket, type ListeningSocket } from '../base/index.ts';
import type { ControlMessage } from './messages.ts';

/** A proxy process as its supervisor sees it. */
export interface ProxyChild {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Lost without a word if the process is gone; its exit says so. `socket` goes with it, and is closed here. */
  send(message: ControlMessage, socket?: ListeningSocket): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ProxyChildEvents {
  /** Unchecked; a socket that came with it is the receiver's to close. */
  onMessage(message: unknown, socket?: ListeningSocket): void;
  /** A line of its standard error: what Node says when it crashes. */
  onErrorLine(line: string): void;
  /** Exactly once, also when it could not be started. */
  onExit(description: string): void;
}

export type ForkProxy = (proxyId: string, events: ProxyChildEvents) => ProxyChild;

/** Beside this file, in the same form: TypeScript in development, JavaScript when published. */
const entryPath = fileURLToPath(new URL(`./proxy-process${extname(import.meta.filename)}`, import.meta.url));

const quickImports = new URL('../../bin/quick-imports.js', import.meta.url).href;

const proxyFlags: string[] = [
  // Hardly anything lives longer than its turn, so a small nursery collects as well as Node's 16 MiB and keeps the peak of
  // a busy proxy 40 MiB lower.
  '--max-semi-space-size=4',
  `--import=${quickImports}`,
];

/**
 * For glibc: one pool of memory for all threads. V8's helper threads allocate little and seldom, yet each would keep a pool of its own
 * (up to 10 MiB together under load).
 */
const proxyEnvironment = { MALLOC_ARENA_MAX: '1' };

/** A proxy uses the compiled code that this process keeps, if it keeps any. */
function compileCacheEnvironment(): Readonly<Record<string, string>> {
  const ownDirectory = getCompileCacheDir();
  // Node puts a directory per version of itself below the one it is given.
  return ownDirectory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(ownDirectory) };
}

/**
 * Starts a proxy process. Its standard output is ours, because access log lines are data; the proxy's id is its argument,
 * so that a list of processes can be read.
 */
export const forkProxyProcess: ForkProxy = (proxyId, events) => {
  const child = fork(entryPath, [proxyId], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    // Structured cloning: descriptors are bytes, keys a map.
    serialization: 'advanced',
    env: { ...proxyEnvironment, ...process.env, ...compileCacheEnvironment() },
    // Flags of this process (a debugger's port, a test runner's) are not meant for the proxies.
    execArgv: proxyFlags,
  });
  let hasEnded = false;
  const end = (description: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    events.onExit(description);
  };
  child.on('message', (message, handle) => events.onMessage(message, asListeningSocket(handle)));
  child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  // Without a process there is no exit; with one, an error is about a signal or message that came too late.
  child.on('error', (error) => {
    if (child.pid === undefined) end(error.message);
  });
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, maxLineLength);
    for (const line of lines) events.onErrorLine(line.slice(0, maxLineLength));
  });
  return {
    pid: child.pid,
    send: (message, socket) => {
      // Also takes the error of a channel that closes meanwhile.
      const onSent = (): void => socket?.close();
      // As in proxy-process.ts: the types do not know handles.
      if (child.connected) child.send(message, socket as SendHandle, {}, onSent);
      else onSent();
    },
    kill: (signal) => void child.kill(signal),
  };
};

/** A stack line is shorter; what has no line ends is cut. */
const maxLineLength = 4_096;
