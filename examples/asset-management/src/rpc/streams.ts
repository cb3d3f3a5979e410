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
 * What a client sends, in batches, so that a flood costs one query for many messages: a batch is complete with `maxSize`
 * messages, at the end of the stream, or `lingerMs` after its first message. It reads ahead by one batch at most, so a slow
 * database slows the client down by HTTP/2 flow control. Throws CallEnded where the client goes before it has said all.
 */
export async function* batchesOf<Message>(
  call: Readable,
  { maxSize, lingerMs, signal }: { maxSize: number; lingerMs: number; signal: AbortSignal },
): AsyncGenerator<Message[], void, void> {
  let arrived: Message[] = [];
  const stream = { ended: false };
  let wake: (() => void) | undefined;
  const notify = (): void => wake?.();
  const somethingHappens = async (): Promise<void> =>
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  call.on('data', (message: Message) => {
    arrived.push(message);
    if (arrived.length >= maxSize) call.pause();
    notify();
  });
  call.on('end', () => {
    stream.ended = true;
    notify();
  });
  signal.addEventListener('abort', notify);
  try {
    for (;;) {
      while (arrived.length === 0 && !stream.ended && !signal.aborted) await somethingHappens();
      const batchTime = { over: false };
      const linger = setTimeout(() => {
        batchTime.over = true;
        notify();
      }, lingerMs);
      while (!batchTime.over && arrived.length < maxSize && !stream.ended && !signal.aborted) await somethingHappens();
      clearTimeout(linger);
      signal.throwIfAborted();
      if (arrived.length === 0) return;
      const batch = arrived;
      arrived = [];
      call.resume();
      yield batch;
    }
  } finally {
    signal.removeEventListener('abort', notify);
  }
}
