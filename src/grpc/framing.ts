/** Length-prefixed messages (PROTOCOL-HTTP2.md): compressed flag, 4 bytes of length, message. For calls answered or made in this process. */

import { GrpcStatus } from './status.ts';

/** Compressed flag and length. */
export const messagePrefixLength = 5;

/** A message as it travels. */
export function encodeMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(messagePrefixLength + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, messagePrefixLength);
  return framed;
}

/** Why a decoder gave up: the status to end the call with. */
export interface FramingError {
  readonly grpcStatus: number;
  readonly message: string;
}

/** Gathers messages from chunks that are cut anywhere. It holds at most one message of `maxMessageBytes` and the chunk at hand. */
export class MessageDecoder {
  readonly #maxMessageBytes: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes to gather before it is worth looking: a prefix, or a prefix and its message. */
  #wantedBytes = messagePrefixLength;
  #error: FramingError | undefined;

  constructor(options: { readonly maxMessageBytes: number }) {
    this.#maxMessageBytes = options.maxMessageBytes;
  }

  /** The messages that this chunk completes, or why the call cannot go on; after an error every call gives that error. */
  push(chunk: Uint8Array): readonly Buffer[] | FramingError {
    if (this.#error !== undefined) return this.#error;
    this.#pending.push(Buffer.from(chunk));
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#wantedBytes) return [];
    return this.#decode(Buffer.concat(this.#pending, this.#pendingBytes));
  }

  /** To be asked when the stream ends: an error if it ended within a message. */
  end(): FramingError | undefined {
    if (this.#error !== undefined || this.#pendingBytes === 0) return this.#error;
    return this.#fail(GrpcStatus.INTERNAL, 'the stream ended within a message');
  }

  #decode(bytes: Buffer): readonly Buffer[] | FramingError {
    const messages: Buffer[] = [];
    let position = 0;
    this.#wantedBytes = messagePrefixLength;
    while (bytes.length - position >= messagePrefixLength) {
      const length = bytes.readUInt32BE(position + 1);
      const error = this.#check(bytes[position] as number, length);
      if (error !== undefined) return error;
      const end = position + messagePrefixLength + length;
      if (end > bytes.length) {
        this.#wantedBytes = messagePrefixLength + length;
        break;
      }
      messages.push(bytes.subarray(position + messagePrefixLength, end));
      position = end;
    }
    this.#pending = position === bytes.length ? [] : [bytes.subarray(position)];
    this.#pendingBytes = bytes.length - position;
    return messages;
  }

  #check(flag: number, length: number): FramingError | undefined {
    if (flag === 1) return this.#fail(GrpcStatus.UNIMPLEMENTED, 'compressed messages are not supported here');
    if (flag !== 0) return this.#fail(GrpcStatus.INTERNAL, `the compressed flag of a message is ${flag}`);
    if (length <= this.#maxMessageBytes) return undefined;
    const text = `a message of ${length} bytes exceeds the limit of ${this.#maxMessageBytes}`;
    return this.#fail(GrpcStatus.RESOURCE_EXHAUSTED, text);
  }

  #fail(grpcStatus: number, message: string): FramingError {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#error = { grpcStatus, message };
    return this.#error;
  }
}
