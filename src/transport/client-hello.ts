/**
 * Reads the ClientHello of a TLS connection without terminating it (RFC 8446 §4.1.2 and §5.1, RFC 6066 §3, RFC 7301 §3.1).
 *
 * Strict where strictness decides where bytes go (lengths, duplicate extensions, the server name), blind to everything
 * else: unknown and GREASE values (RFC 8701) are skipped, and of an Encrypted ClientHello (RFC 9849) the outer one counts.
 */
import { MAX_CLIENT_HELLO_BYTES } from './transport-limits.ts';

/** What a ClientHello says of where its connection wants to go. */
export interface ClientHello {
  /** Lower case; empty if the client named no server. */
  readonly sni: string;
  /** Protocols in the client's order of preference; empty if it named none. */
  readonly alpn: readonly string[];
}

export type ClientHelloResult =
  | { readonly type: 'incomplete' }
  | { readonly type: 'hello'; readonly hello: ClientHello }
  /** Safe to log: fixed text. */
  | { readonly type: 'invalid'; readonly reason: string };

const RECORD_HEADER_BYTES = 5;
const CONTENT_TYPE_HANDSHAKE = 0x16;
const MAX_RECORD_BYTES = 0x4000;
const MESSAGE_HEADER_BYTES = 4;
const MESSAGE_CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;
const MAX_SESSION_ID_BYTES = 32;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_TYPE_HOST = 0;
/** A DNS name is no longer. */
const MAX_SERVER_NAME_BYTES = 253;

const incomplete: ClientHelloResult = { type: 'incomplete' };

/** Takes the first bytes of a connection as they come, in pieces of any size; the work is linear in their number. */
export class ClientHelloReader {
  readonly #message = Buffer.allocUnsafe(MAX_CLIENT_HELLO_BYTES);
  #messageLength = 0;
  readonly #header = Buffer.allocUnsafe(RECORD_HEADER_BYTES);
  #headerLength = 0;
  /** Bytes of the current record that are still to come. */
  #recordLeft = 0;
  #result: ClientHelloResult = incomplete;

  /** The answer so far; once it is not `incomplete` it stays, and further bytes are not looked at. */
  push(chunk: Uint8Array): ClientHelloResult {
    let at = 0;
    while (at < chunk.length && this.#result === incomplete) {
      at = this.#recordLeft === 0 ? this.#readHeader(chunk, at) : this.#readFragment(chunk, at);
    }
    return this.#result;
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && this.#headerLength < RECORD_HEADER_BYTES && this.#result === incomplete) {
      const byte = chunk[at++] as number;
      // The first two bytes tell whether this is TLS at all; no need to wait for more.
      if (this.#headerLength === 0 && byte !== CONTENT_TYPE_HANDSHAKE) this.#fail('no TLS handshake record');
      if (this.#headerLength === 1 && byte !== 3) this.#fail('unknown TLS record version');
      this.#header[this.#headerLength++] = byte;
    }
    if (this.#headerLength < RECORD_HEADER_BYTES || this.#result !== incomplete) return at;
    this.#headerLength = 0;
    this.#recordLeft = this.#header.readUInt16BE(3);
    if (this.#recordLeft === 0 || this.#recordLeft > MAX_RECORD_BYTES) this.#fail('TLS record length out of range');
    return at;
  }

  #readFragment(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#recordLeft);
    const kept = Math.min(end - start, this.#message.length - this.#messageLength);
    this.#message.set(chunk.subarray(start, start + kept), this.#messageLength);
    this.#messageLength += kept;
    this.#recordLeft -= end - start;
    this.#checkMessage();
    return end;
  }

  #checkMessage(): void {
    const message = this.#message;
    if (this.#messageLength > 0 && message[0] !== MESSAGE_CLIENT_HELLO) return this.#fail('no ClientHello');
    if (this.#messageLength < MESSAGE_HEADER_BYTES) return;
    const end = MESSAGE_HEADER_BYTES + message.readUIntBE(1, 3);
    if (end > MAX_CLIENT_HELLO_BYTES) return this.#fail('ClientHello is too long');
    if (this.#messageLength >= end) this.#result = readBody(message.subarray(MESSAGE_HEADER_BYTES, end));
  }

  #fail(reason: string): void {
    this.#result = { type: 'invalid', reason };
  }
}

/** A place in a body; every read checks its bounds and answers undefined beyond them. */
class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  uint(size: 1 | 2): number | undefined {
    if (this.at + size > this.bytes.length) return undefined;
    const value = this.bytes.readUIntBE(this.at, size);
    this.at += size;
    return value;
  }

  take(length: number): Buffer | undefined {
    if (this.at + length > this.bytes.length) return undefined;
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** A vector with its length before it. */
  vector(size: 1 | 2): Buffer | undefined {
    const length = this.uint(size);
    return length === undefined ? undefined : this.take(length);
  }
}

const invalid = (reason: string): ClientHelloResult => ({ type: 'invalid', reason });

function readBody(body: Buffer): ClientHelloResult {
  const cursor = new Cursor(body);
  const legacyVersion = cursor.uint(2);
  const random = cursor.take(RANDOM_BYTES);
  const sessionId = cursor.vector(1);
  const cipherSuites = cursor.vector(2);
  const compressionMethods = cursor.vector(1);
  if (legacyVersion === undefined || random === undefined || sessionId === undefined)
    return invalid('ClientHello ends');
  if (cipherSuites === undefined || compressionMethods === undefined) return invalid('ClientHello ends');
  if (legacyVersion >> 8 !== 3) return invalid('unknown TLS version');
  if (sessionId.length > MAX_SESSION_ID_BYTES) return invalid('session id is too long');
  if (cipherSuites.length < 2 || cipherSuites.length % 2 !== 0) return invalid('malformed cipher suites');
  if (compressionMethods.length === 0) return invalid('no compression method');
  // Before TLS 1.3 a ClientHello may end here, and then names no server.
  if (cursor.isAtEnd) return { type: 'hello', hello: { sni: '', alpn: [] } };
  const extensions = cursor.vector(2);
  if (extensions === undefined || !cursor.isAtEnd) return invalid('malformed extensions');
  return readExtensions(new Cursor(extensions));
}

function readExtensions(cursor: Cursor): ClientHelloResult {
  const seen = new Set<number>();
  let sni: string | undefined = '';
  let alpn: readonly string[] | undefined = [];
  while (!cursor.isAtEnd) {
    const type = cursor.uint(2);
    const data = cursor.vector(2);
    if (type === undefined || data === undefined) return invalid('malformed extensions');
    // Two server names would let two readers see two destinations.
    if (seen.has(type)) return invalid('an extension is there twice');
    seen.add(type);
    if (type === EXTENSION_SERVER_NAME) sni = readServerName(data);
    if (type === EXTENSION_ALPN) alpn = readProtocols(data);
    if (sni === undefined) return invalid('malformed server name');
    if (alpn === undefined) return invalid('malformed protocol list');
  }
  return { type: 'hello', hello: { sni, alpn } };
}

/** RFC 6066 §3: a list that holds one host name; other types of name were never defined. */
function readServerName(data: Buffer): string | undefined {
  const outer = new Cursor(data);
  const list = outer.vector(2);
  if (list === undefined || !outer.isAtEnd) return undefined;
  const cursor = new Cursor(list);
  const type = cursor.uint(1);
  const name = cursor.vector(2);
  if (type !== NAME_TYPE_HOST || name === undefined || !cursor.isAtEnd) return undefined;
  if (name.length === 0 || name.length > MAX_SERVER_NAME_BYTES) return undefined;
  const text = name.toString('latin1').toLowerCase();
  return hostForm.test(text) ? text : undefined;
}

/** Labels of letters, digits, `-` and the `_` of Istio's mesh names (`outbound_.80_._.host`); no dot at the end (RFC 6066). */
const hostForm = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

function readProtocols(data: Buffer): readonly string[] | undefined {
  const outer = new Cursor(data);
  const list = outer.vector(2);
  if (list === undefined || list.length === 0 || !outer.isAtEnd) return undefined;
  const cursor = new Cursor(list);
  const protocols: string[] = [];
  while (!cursor.isAtEnd) {
    const name = cursor.vector(1);
    if (name === undefined || name.length === 0) return undefined;
    protocols.push(name.toString('latin1'));
  }
  return protocols;
}
