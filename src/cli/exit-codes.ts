import { constants } from 'node:os';

/** Exit codes of every verb but `call`, which uses grpcurl's. The numbers are those of sysexits(3) and `istioctl analyze`. */
export const exitCode = {
  ok: 0,
  failure: 1,
  usage: 64,
  badInput: 65,
  unreachable: 69,
  findings: 79,
  /** The command after `--` could not be started; the number is the shell's. */
  commandNotFound: 127,
} as const;

/** What a shell reports for a process that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
