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
    } else if (counter.prefixSeen === 0 && end - position >= messagePrefixLength) {
      position = countWhole(counter, chunk, position, end);
    } else {
      readPrefixByte(counter, chunk[position++] as number);
    }
  }
}

/** As long as prefixes are whole: empty messages, thousands in a chunk, cost a few nanoseconds each. Answers where it stopped. */
function countWhole(counter: MessageCounter, chunk: Uint8Array, start: number, end: number): number {
  const lastPrefix = end - messagePrefixLength;
  let position = start;
  let count = 0;
  while (position <= lastPrefix) {
    // The first byte is the compressed flag, the other four are the length; not `<< 24`, which ends at 2^31.
    const length =
      (chunk[position + 1] as number) * 0x1_00_00_00 +
      (((chunk[position + 2] as number) << 16) |
        ((chunk[position + 3] as number) << 8) |
        (chunk[position + 4] as number));
    count++;
    position += messagePrefixLength + length;
  }
  counter.count += count;
  if (position <= end) return position;
  counter.bodyLeft = position - end;
  return end;
}

function readPrefixByte(counter: MessageCounter, byte: number): void {
  if (counter.prefixSeen > 0) counter.prefixLength = counter.prefixLength * 256 + byte;
  counter.prefixSeen++;
  if (counter.prefixSeen < messagePrefixLength) return;
  counter.count++;
  counter.bodyLeft = counter.prefixLength;
  counter.prefixSeen = 0;
  counter.prefixLength = 0;
}
