/**
 * Hot file: records of streams that ended, for the next ones of any connection. Made for each request they would be most of what a
 * relay allocates, and each store of a young record in an old one's field is work for the garbage collector.
 */
import { StreamRecord } from './stream.ts';

/** Free records kept, of some 130 bytes: as many as a proxy has under way with 1,000 calls. */
const MAX_FREE_STREAMS = 2_048;

const free: StreamRecord<unknown>[] = [];

/** A stream like a new one. */
export function takeStream<U>(id: number, sendWindow: number, receiveWindow: number): StreamRecord<U> {
  const record = free.pop() as StreamRecord<U> | undefined;
  if (record === undefined) return new StreamRecord<U>(id, sendWindow, receiveWindow);
  record.begin(id, sendWindow, receiveWindow);
  return record;
}

/** Takes back records that nobody refers to any more; `streams` is empty afterwards. */
export function returnStreams<U>(streams: StreamRecord<U>[]): void {
  // Emptied by pop: setting an array's length is a call into the runtime.
  for (let record = streams.pop(); record !== undefined; record = streams.pop()) {
    if (free.length < MAX_FREE_STREAMS) free.push(record);
  }
}
