import type { EventEmitter } from 'node:events';

/** A call that its client, its deadline or a broken connection can end at any time. */
interface CancellableCall extends EventEmitter {
  readonly cancelled: boolean;
}

/** What the work for a call is stopped with when nobody waits for its answer any more. */
export class CallEnded extends Error {}

/** A signal that is aborted when the call is cancelled, its deadline passes, or its connection breaks. */
export function signalOf(call: CancellableCall): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new CallEnded('the call has ended'));
  if (call.cancelled) abort();
  else call.once('cancelled', abort);
  return controller.signal;
}

interface Writable<Message> extends EventEmitter {
  write(message: Message): boolean;
}

/**
 * Writes a message, and waits while the client takes none, so that a slow client costs no memory. Throws CallEnded where
 * there is no client any more.
 */
export async function send<Message>(
  call: Writable<Message>,
  { message, signal }: { message: Message; signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted();
  if (call.write(message)) return;
  await new Promise<void>((resolve) => {
    const proceed = (): void => {
      call.off('drain', proceed);
      signal.removeEventListener('abort', proceed);
      resolve();
    };
    call.on('drain', proceed);
    signal.addEventListener('abort', proceed);
  });
  signal.throwIfAborted();
}

interface Readable extends EventEmitter {
  pause(): unknown;
  resume(): unknown;
}

/**
 * What a client sends, in batches of all that has arrived while the batch before was worked on: single messages are
 * answered at once, and a flood costs one query for many. It reads ahead by one batch at most, so a slow database slows
 * the client down by HTTP/2 flow control. Throws CallEnded where the client has gone before it had said all.
 */
export async function* batchesOf<Message>(
  call: Readable,
  { maxSize, signal }: { maxSize: number; signal: AbortSignal },
): AsyncGenerator<Message[], void, void> {
  let arrived: Message[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  call.on('data', (message: Message) => {
    arrived.push(message);
    if (arrived.length >= maxSize) call.pause();
    wake?.();
  });
  call.on('end', () => {
    ended = true;
    wake?.();
  });
  const onAbort = (): void => wake?.();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      if (arrived.length > 0) {
        const batch = arrived;
        arrived = [];
        call.resume();
        yield batch;
      } else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
