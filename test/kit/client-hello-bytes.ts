/** ClientHellos byte by byte, good and bad. */

export interface HelloParts {
  readonly version?: number;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: Buffer;
  readonly compression?: Buffer;
  readonly extensions?: readonly Buffer[];
  /** Ends after the compression methods, as TLS 1.2 allows. */
  readonly withoutExtensions?: boolean;
}

/** The handshake message, its header included. */
export function clientHello(parts: HelloParts): Buffer {
  const { version = 0x0303, sessionId = Buffer.alloc(32), cipherSuites = Buffer.from('1301', 'hex') } = parts;
  const { compression = Buffer.of(0), extensions = [] } = parts;
  const body = Buffer.concat([
    uint16(version),
    Buffer.alloc(32, 7),
    Buffer.of(sessionId.length),
    sessionId,
    uint16(cipherSuites.length),
    cipherSuites,
    Buffer.of(compression.length),
    compression,
    ...(parts.withoutExtensions === true ? [] : [vector(Buffer.concat(extensions))]),
  ]);
  const header = Buffer.of(1, 0, 0, 0);
  header.writeUIntBE(body.length, 1, 3);
  return Buffer.concat([header, body]);
}

/** A message in records of at most `size` bytes. */
export function records(message: Buffer, size = 0x4000): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    parts.push(Buffer.of(0x16, 3, 1), uint16(fragment.length), fragment);
  }
  return Buffer.concat(parts);
}

export function extension(type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([uint16(type), vector(data)]);
}

export function serverNameExtension(
  name: string,
  { type = 0, twice = false }: { readonly type?: number; readonly twice?: boolean } = {},
): Buffer {
  const entry = Buffer.concat([Buffer.of(type), vector(Buffer.from(name, 'latin1'))]);
  return extension(0, vector(twice ? Buffer.concat([entry, entry]) : entry));
}

export function alpnExtension(protocols: readonly string[]): Buffer {
  const list = protocols.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name)]));
  return extension(16, vector(Buffer.concat(list)));
}

function vector(data: Buffer): Buffer {
  return Buffer.concat([uint16(data.length), data]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
