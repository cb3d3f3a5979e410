/** Hot: sees every DATA chunk that is relayed, keeps no bytes. */
import { messagePrefixLength } from './framing.ts';

/** Where one direction of a call stands between message borders; part of the pooled request record. */
export interface MessageCounter {
  /** Messages whose prefix is complete. */
  count: number;
  /** Bytes of the current message still to come. */
  bodyLeft: number;
  /** Bytes of the current prefix seen. */
  prefixSeen: number;
  /** Its length field so far. */
  prefixLength: number;
}

export function newMessageCounter(): MessageCounter {
  return { count: 0, bodyLeft: 0, prefixSeen: 0, prefixLength: 0 };
}

/** Makes a used counter like new. */
export function resetMessageCounter(counter: MessageCounter): void {
  counter.count = 0;
  counter.bodyLeft = 0;
  counter.prefixSeen = 0;
  counter.prefixLength = 0;
}

/** Advances over `chunk[start, end)` and counts the messages that begin in it, however they are cut. */
export function countMessages(counter: MessageCounter, chunk: Uint8Array, start: number, end: number): void {
  let position = start;
  while (position < end) {
    if (counter.bodyLeft > 0) {
      const step = Math.min(counter.bodyLeft, end - position);
      counter.bodyLeft -= step;
      position += step;
      continue;
    }
    const byte = chunk[position++] as number;
    // The first byte is the compressed flag, the other four are the length; `* 256` because `<<` ends at 2^31.
    if (counter.prefixSeen > 0) counter.prefixLength = counter.prefixLength * 256 + byte;
    counter.prefixSeen++;
    if (counter.prefixSeen === messagePrefixLength) {
      counter.count++;
      counter.bodyLeft = counter.prefixLength;
      counter.prefixSeen = 0;
      counter.prefixLength = 0;
    }
  }
}
