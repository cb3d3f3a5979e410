/** `sallyport call` in this process, with its output gathered. */
import { PassThrough } from 'node:stream';
import { runCall } from '../../src/cli/call/index.ts';

export interface CallOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line; `stdin` is what it reads for `-d @`. */
export async function callWith(
  argv: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<CallOutcome> {
  const call = startCallCommand(argv, options.env ?? {});
  call.stdin.end(options.stdin ?? '');
  return call.outcome;
}

/** Starts a command line whose input stays open and whose output can be awaited piece by piece. */
export function startCallCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): {
  readonly stdin: PassThrough;
  /** Resolves when stdout contains the text. */
  readonly printed: (text: string) => Promise<void>;
  readonly outcome: Promise<CallOutcome>;
} {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const text = { stdout: '', stderr: '' };
  const waiters: { readonly text: string; readonly resolve: () => void }[] = [];
  const look = (): void => {
    for (const waiter of waiters) if (text.stdout.includes(waiter.text)) waiter.resolve();
  };
  stdout.on('data', (chunk: Buffer) => {
    text.stdout += chunk.toString();
    look();
  });
  stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const outcome = runCall(argv, { stdin, stdout, stderr, env }).then((code) => ({ code, ...text }));
  return {
    stdin,
    outcome,
    printed: (wanted) =>
      new Promise((resolve) => {
        waiters.push({ text: wanted, resolve });
        look();
      }),
  };
}
