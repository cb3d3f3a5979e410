/** gRPC's wire format by hand, for the stacks that have only HTTP/2: messages with their compressed flag, metadata. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { MetadataMap, MetadataValue } from './test-service.ts';

export function frameMessage(message: Buffer, compress: boolean): Buffer {
  const body = compress ? gzipSync(message) : message;
  const prefix = Buffer.alloc(5);
  prefix[0] = compress ? 1 : 0;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

export interface WireMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

/** Collects DATA and gives whole messages, whatever the boundaries of the chunks were. */
export class MessageReader {
  #parts: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): WireMessage[] {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    const messages: WireMessage[] = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) messages.push(next);
    return messages;
  }

  get isBetweenMessages(): boolean {
    return this.#length === 0;
  }

  #take(): WireMessage | undefined {
    if (this.#length < 5) return undefined;
    if (this.#parts.length > 1 && (this.#parts[0] as Buffer).length < 5) this.#parts = [Buffer.concat(this.#parts)];
    const [first] = this.#parts as [Buffer];
    const end = 5 + first.readUInt32BE(1);
    if (this.#length < end) return undefined;
    const all = this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    const rest = all.subarray(end);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    const compressed = all[0] === 1;
    const body = all.subarray(5, end);
    return { compressed, bytes: compressed ? gunzipSync(body) : body };
  }
}

export function metadataFromHeaders(headers: IncomingHttpHeaders): MetadataMap {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const texts = (Array.isArray(value) ? value : [String(value)]).flatMap((text) => text.split(/, ?/));
      return [name, name.endsWith('-bin') ? texts.map((text) => Buffer.from(text, 'base64')) : texts];
    }),
  );
}

export function headersFromMetadata(metadata: MetadataMap): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, values]) => [
      name,
      values.map((value: MetadataValue) =>
        typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, ''),
      ),
    ]),
  );
}

/** `grpc-message`: UTF-8, percent-encoded outside printable ASCII. */
export function encodeStatusMessage(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

export function decodeStatusMessage(text: string): string {
  const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
