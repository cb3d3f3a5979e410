/** Hot file: writes frames into the output. */
import type { EngineField } from './field.ts';
import {
  CLIENT_PREFACE,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  GOAWAY_MIN_BYTES,
  PING_BYTES,
  RST_STREAM_BYTES,
  SETTING_BYTES,
  WINDOW_UPDATE_BYTES,
  writeFrameHeader,
  writeUint32,
} from './frame.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { OutputBuffer } from './output.ts';

export class FrameWriter {
  readonly #output: OutputBuffer;
  readonly encoder = new HpackEncoder();

  constructor(output: OutputBuffer) {
    this.#output = output;
  }

  preface(): void {
    const at = this.#output.reserve(CLIENT_PREFACE.length);
    CLIENT_PREFACE.copy(this.#output.slab, at);
    this.#output.commit(at + CLIENT_PREFACE.length);
  }

  settings(entries: readonly (readonly [id: number, value: number])[]): void {
    let at = this.#begin(FrameType.SETTINGS, 0, 0, entries.length * SETTING_BYTES);
    const slab = this.#output.slab;
    for (const [id, value] of entries) {
      slab[at] = id >>> 8;
      slab[at + 1] = id;
      at = writeUint32(slab, at + 2, value);
    }
    this.#output.commit(at);
  }

  settingsAck(): void {
    this.#output.controlFrames++;
    this.#output.commit(this.#begin(FrameType.SETTINGS, Flag.ACK, 0, 0));
  }

  ping(flags: number, payload: Uint8Array, start: number): void {
    this.#output.controlFrames++;
    const at = this.#begin(FrameType.PING, flags, 0, PING_BYTES);
    for (let i = 0; i < PING_BYTES; i++) this.#output.slab[at + i] = payload[start + i] as number;
    this.#output.commit(at + PING_BYTES);
  }

  rstStream(streamId: number, code: number): void {
    this.#output.controlFrames++;
    const at = this.#begin(FrameType.RST_STREAM, 0, streamId, RST_STREAM_BYTES);
    this.#output.commit(writeUint32(this.#output.slab, at, code));
  }

  windowUpdate(streamId: number, increment: number): void {
    const at = this.#begin(FrameType.WINDOW_UPDATE, 0, streamId, WINDOW_UPDATE_BYTES);
    this.#output.commit(writeUint32(this.#output.slab, at, increment));
  }

  goaway(lastStreamId: number, code: number, debug: string): void {
    const length = Buffer.byteLength(debug, 'latin1');
    let at = this.#begin(FrameType.GOAWAY, 0, 0, GOAWAY_MIN_BYTES + length);
    at = writeUint32(this.#output.slab, at, lastStreamId);
    at = writeUint32(this.#output.slab, at, code);
    this.#output.commit(at + this.#output.slab.write(debug, at, 'latin1'));
  }

  /** HEADERS, and CONTINUATIONs if the block exceeds `maxFrameBytes`; answers the bytes on the wire. */
  headers(
    streamId: number,
    fields: readonly EngineField[],
    count: number,
    endStream: boolean,
    maxFrameBytes: number,
  ): number {
    const flags = endStream ? Flag.END_STREAM : 0;
    const start = this.#output.reserve(FRAME_HEADER_BYTES + HpackEncoder.maxEncodedBytes(fields, count));
    const slab = this.#output.slab;
    const block = start + FRAME_HEADER_BYTES;
    const end = this.encoder.encode(fields, count, slab, block);
    if (end - block <= maxFrameBytes) {
      writeFrameHeader(slab, start, end - block, FrameType.HEADERS, flags | Flag.END_HEADERS, streamId);
      this.#output.commit(end);
      return end - start;
    }
    return this.#longHeaders(streamId, Buffer.from(slab.subarray(block, end)), flags, maxFrameBytes);
  }

  #longHeaders(streamId: number, block: Buffer, flags: number, maxFrameBytes: number): number {
    let wireBytes = 0;
    for (let from = 0; from < block.length; from += maxFrameBytes) {
      const part = block.subarray(from, from + maxFrameBytes);
      const endHeaders = from + part.length === block.length ? Flag.END_HEADERS : 0;
      const at =
        from === 0
          ? this.#begin(FrameType.HEADERS, flags | endHeaders, streamId, part.length)
          : this.#begin(FrameType.CONTINUATION, endHeaders, streamId, part.length);
      part.copy(this.#output.slab, at);
      this.#output.commit(at + part.length);
      wireBytes += FRAME_HEADER_BYTES + part.length;
    }
    return wireBytes;
  }

  /** One DATA frame. */
  data(streamId: number, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    const output = this.#output;
    const head = output.reserve(FRAME_HEADER_BYTES + length);
    const flags = endStream ? Flag.END_STREAM : 0;
    const at = writeFrameHeader(output.slab, head, length, FrameType.DATA, flags, streamId);
    if (length > 0) chunk.copy(output.slab, at, start, end);
    output.commit(at + length);
  }

  #begin(type: number, flags: number, streamId: number, length: number): number {
    const at = this.#output.reserve(FRAME_HEADER_BYTES + length);
    return writeFrameHeader(this.#output.slab, at, length, type, flags, streamId);
  }
}
