/**
 * The entry of a proxy process, forked by control's supervisor. It lives as long as the channel to control: when that
 * closes, control is gone, and the proxy finishes its calls and ends. Crashes are left to crash: the supervisor starts
 * it again, which is safer than going on in a state nobody knows.
 */
import type { SendHandle } from 'node:child_process';
import { asListeningSocket, systemClock, type ListeningSocket } from '../base/index.ts';
import { keepCollectorBrief } from './collector.ts';
import { isControlMessage, type ProxyMessage } from './messages.ts';
import { ProxyRunner } from './proxy-runner.ts';
import { sharedOutput } from './shared-output.ts';
import { letHelpersGiveWay } from './worker-priority.ts';

/** Calls may take this long, in milliseconds, to finish when control has vanished or SIGTERM came. */
const orphanGraceMs = 5_000;

keepCollectorBrief();
letHelpersGiveWay();

const runner = new ProxyRunner({
  send,
  output: sharedOutput(process.stdout),
  clock: systemClock,
  random: Math.random,
  schedule: (run, delayMs) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  onDone: () => {
    isDone = true;
    endIfIdle();
  },
});
/** Messages that are still on their way out. */
let unsentMessages = 0;
let isDone = false;

process.on('message', (message, handle: unknown) => {
  if (isControlMessage(message)) runner.receive(message, asListeningSocket(handle));
});
process.on('disconnect', () => void runner.drain(orphanGraceMs));
process.on('SIGTERM', () => void runner.drain(orphanGraceMs));
// Ctrl-C reaches the whole process group; control decides what it means.
process.on('SIGINT', () => undefined);
// A closed standard output is the access log's loss, which it counts, and no reason to stop serving.
process.stdout.on('error', () => undefined);

function send(message: ProxyMessage, socket?: ListeningSocket): void {
  if (process.send === undefined || !process.connected) return;
  unsentMessages += 1;
  // The callback takes the error of a channel that closes meanwhile.
  // The types know sockets and servers only; a channel takes the handle of one as well.
  process.send(message, socket as SendHandle, undefined, () => {
    unsentMessages -= 1;
    endIfIdle();
  });
}

function endIfIdle(): void {
  if (isDone && unsentMessages === 0) process.exit(0);
}
