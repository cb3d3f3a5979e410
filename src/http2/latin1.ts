/** Hot file: text of bytes, one character per byte, both ways. */

/**
 * What `toString('latin1')` and `write(text, 'latin1')` end in; called directly since looking up the encoding takes as
 * long as copying a header value does (benchmarks/micro/http2-engine.ts shows 7 % of an engine's time).
 */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, at: number, length: number): number;
}

export function latin1Text(source: Buffer, start: number, end: number): string {
  return (source as unknown as Latin1Buffer).latin1Slice(start, end);
}

/** Below this length a loop beats the call into native code. */
const SHORT_TEXT_LENGTH = 24;

/** Writes the whole text; the caller made room. */
export function writeLatin1(text: string, target: Buffer, at: number): void {
  const length = text.length;
  if (length > SHORT_TEXT_LENGTH) {
    (target as unknown as Latin1Buffer).latin1Write(text, at, length);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i);
}
