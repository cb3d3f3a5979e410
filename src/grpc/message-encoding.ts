/** The percent encoding of `grpc-message` (PROTOCOL-HTTP2.md, Status-Message): UTF-8, then all but printable ASCII, and `%`, escaped. */

/** Encodes a text for `grpc-message`. */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/**
 * Decodes a `grpc-message`. Never fails: an escape that is none stands for itself, bytes that are not UTF-8 become U+FFFD
 * (the specification: a decoder must not lose the message over an invalid escape).
 */
export function decodeGrpcMessage(encoded: string): string {
  if (!encoded.includes('%') && /^[ -~]*$/.test(encoded)) return encoded;
  const bytes: number[] = [];
  for (let i = 0; i < encoded.length; i++) {
    const hex = encoded.slice(i + 1, i + 3);
    if (encoded.charCodeAt(i) === 0x25 && /^[0-9A-Fa-f]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      bytes.push(encoded.charCodeAt(i) & 0xff);
    }
  }
  return Buffer.from(bytes).toString('utf8');
}
