import { maxQuotedLength } from './limits.ts';

/**
 * A value in double quotes, printable ASCII only and bounded, for reasons that end in logs and on terminals: what a client
 * sends must not be able to forge a line, a quote or an escape sequence (CVE-2024-45808).
 */
export function quote(value: string): string {
  let out = '"';
  for (let i = 0; i < value.length && i < maxQuotedLength; i++) out += quotedCharacter(value.charCodeAt(i));
  return value.length > maxQuotedLength ? `${out}..."` : `${out}"`;
}

function quotedCharacter(code: number): string {
  if (code === 0x22 || code === 0x5c) return `\\${String.fromCharCode(code)}`;
  if (code >= 0x20 && code < 0x7f) return String.fromCharCode(code);
  return code > 0xff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\x${code.toString(16).padStart(2, '0')}`;
}
