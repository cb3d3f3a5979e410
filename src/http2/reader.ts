/** Hot file: cuts the incoming bytes into frames; DATA is passed on in the parts in which it arrives. */
import { ErrorCode } from './errors.ts';
import { CLIENT_PREFACE, Flag, FRAME_HEADER_BYTES, FrameType, readUint31 } from './frame.ts';
import { MAX_RECEIVED_FRAME_BYTES } from './limits.ts';
import { returnSlab, takeFrameSlab } from './slab-pool.ts';

/** Who takes the frames; after `isClosed` nothing more is passed on. */
export interface FrameSink {
  readonly isClosed: boolean;
  /** Each frame's head, before its payload is there; false if the frame broke the connection. */
  frameStart(type: number, flags: number, streamId: number, length: number): boolean;
  /** DATA's head; `length` includes padding. */
  dataStart(streamId: number, flags: number, length: number): void;
  /** A part of the payload without padding; `last` comes exactly once per frame, maybe with no bytes. */
  dataPart(chunk: Buffer, start: number, end: number, last: boolean): void;
  /** Padding and its length byte, together with the last part. */
  dataPadding(bytes: number): void;
  /** Any other known frame, complete. */
  frame(type: number, flags: number, streamId: number, payload: Buffer, start: number, end: number): void;
  fail(code: ErrorCode, message: string): void;
}

const State = { preface: 0, head: 1, padLength: 2, data: 3, padding: 4, payload: 5, skip: 6 } as const;

const nothing = Buffer.alloc(0);

export class FrameReader {
  readonly #sink: FrameSink;
  #state: number;
  /** Bytes of the preface or of a frame head that a chunk's end cut. */
  #partial = 0;
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES);
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Bytes of the current stage still to come. */
  #remaining = 0;
  #padding = 0;
  /** Collects a payload that arrives in several chunks. */
  #gathered: Buffer = nothing;
  #gatheredBytes = 0;

  constructor(sink: FrameSink, expectPreface: boolean) {
    this.#sink = sink;
    this.#state = expectPreface ? State.preface : State.head;
  }

  /** Frames begun so far. */
  frames = 0;

  /** The preface, a frame's head or a payload other than DATA has begun and is not complete. */
  get isMidFrame(): boolean {
    return this.#partial > 0 || this.#state === State.payload || this.#state === State.preface;
  }

  /** Reads `chunk` from `from` on, until `mostFrames` frames or `mostBytes` bytes are read and a frame is whole; answers where it stopped. */
  read(chunk: Buffer, from = 0, mostFrames = Infinity, mostBytes = Infinity): number {
    const end = chunk.length;
    const stop = this.frames + mostFrames;
    const stopAt = from + mostBytes;
    let at = from;
    while (at < end && !this.#sink.isClosed) {
      if ((this.frames >= stop || at >= stopAt) && this.#state === State.head) return at;
      switch (this.#state) {
        case State.head:
          at = this.#readHead(chunk, at, end);
          break;
        case State.data:
          at = this.#readData(chunk, at, end);
          break;
        case State.payload:
          at = this.#readPayload(chunk, at, end);
          break;
        case State.padLength:
          this.#readPadLength(chunk, at);
          at++;
          break;
        case State.preface:
          at = this.#readPreface(chunk, at, end);
          break;
        default:
          at = this.#skip(at, end);
      }
    }
    return end;
  }

  #readPreface(chunk: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && this.#partial < CLIENT_PREFACE.length) {
      if (chunk[at++] !== CLIENT_PREFACE[this.#partial++]) {
        this.#sink.fail(ErrorCode.PROTOCOL_ERROR, 'not an HTTP/2 client preface');
        return end;
      }
    }
    if (this.#partial === CLIENT_PREFACE.length) {
      this.#partial = 0;
      this.#state = State.head;
    }
    return at;
  }

  #readHead(chunk: Buffer, from: number, end: number): number {
    if (this.#partial === 0 && end - from >= FRAME_HEADER_BYTES) {
      this.#startFrame(chunk, from);
      const at = from + FRAME_HEADER_BYTES;
      if (this.#remaining === 0) this.#finishEmpty(chunk, at);
      return at;
    }
    let at = from;
    while (at < end && this.#partial < FRAME_HEADER_BYTES) this.#head[this.#partial++] = chunk[at++] as number;
    if (this.#partial === FRAME_HEADER_BYTES) {
      this.#partial = 0;
      this.#startFrame(this.#head, 0);
      if (this.#remaining === 0) this.#finishEmpty(chunk, at);
    }
    return at;
  }

  #startFrame(head: Uint8Array, at: number): void {
    const length = ((head[at] as number) << 16) | ((head[at + 1] as number) << 8) | (head[at + 2] as number);
    const type = head[at + 3] as number;
    const flags = head[at + 4] as number;
    const streamId = readUint31(head, at + 5);
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#remaining = length;
    this.frames++;
    if (length > MAX_RECEIVED_FRAME_BYTES) {
      this.#sink.fail(ErrorCode.FRAME_SIZE_ERROR, 'frame larger than SETTINGS_MAX_FRAME_SIZE');
    } else if (this.#sink.frameStart(type, flags, streamId, length)) {
      if (type === FrameType.DATA) this.#startData(length);
      else this.#state = type <= FrameType.CONTINUATION ? State.payload : State.skip;
    }
  }

  #startData(length: number): void {
    this.#padding = 0;
    if ((this.#flags & Flag.PADDED) === 0) {
      this.#state = State.data;
    } else if (length === 0) {
      this.#sink.fail(ErrorCode.FRAME_SIZE_ERROR, 'padded DATA without a pad length');
      return;
    } else {
      this.#state = State.padLength;
    }
    this.#sink.dataStart(this.#streamId, this.#flags, length);
  }

  #finishEmpty(chunk: Buffer, at: number): void {
    if (this.#sink.isClosed) return;
    const state = this.#state;
    this.#state = State.head;
    if (state === State.data) this.#sink.dataPart(chunk, at, at, true);
    else if (state === State.payload) this.#sink.frame(this.#type, this.#flags, this.#streamId, chunk, at, at);
  }

  #readPadLength(chunk: Buffer, at: number): void {
    const padding = chunk[at] as number;
    const content = this.#remaining - 1 - padding;
    if (content < 0) {
      this.#sink.fail(ErrorCode.PROTOCOL_ERROR, 'padding longer than its DATA frame');
      return;
    }
    this.#padding = padding;
    this.#remaining = content;
    this.#sink.dataPadding(padding + 1);
    this.#state = State.data;
    if (content === 0) this.#finishData(chunk, at + 1, at + 1);
  }

  #readData(chunk: Buffer, from: number, end: number): number {
    const at = from + this.#remaining;
    if (at <= end) {
      this.#finishData(chunk, from, at);
      return at;
    }
    this.#remaining -= end - from;
    this.#sink.dataPart(chunk, from, end, false);
    return end;
  }

  #finishData(chunk: Buffer, from: number, end: number): void {
    this.#remaining = this.#padding;
    this.#state = this.#padding > 0 ? State.padding : State.head;
    this.#sink.dataPart(chunk, from, end, true);
  }

  #readPayload(chunk: Buffer, from: number, end: number): number {
    const at = from + this.#remaining;
    if (at <= end && this.#gatheredBytes === 0) {
      this.#state = State.head;
      this.#sink.frame(this.#type, this.#flags, this.#streamId, chunk, from, at);
      return at;
    }
    if (this.#gatheredBytes === 0) this.#gathered = takeFrameSlab(this.#remaining);
    const stop = Math.min(at, end);
    chunk.copy(this.#gathered, this.#gatheredBytes, from, stop);
    this.#gatheredBytes += stop - from;
    this.#remaining -= stop - from;
    if (this.#remaining === 0) {
      const gathered = this.#gathered;
      const bytes = this.#gatheredBytes;
      this.#gathered = nothing;
      this.#gatheredBytes = 0;
      this.#state = State.head;
      this.#sink.frame(this.#type, this.#flags, this.#streamId, gathered, 0, bytes);
      // Whoever keeps a part of a payload copies it: chunks from the socket are overwritten as well.
      returnSlab(gathered);
    }
    return stop;
  }

  /** Padding, and frames of unknown type. */
  #skip(from: number, end: number): number {
    const stop = Math.min(from + this.#remaining, end);
    this.#remaining -= stop - from;
    if (this.#remaining === 0) this.#state = State.head;
    return stop;
  }
}
