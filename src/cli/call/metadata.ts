import { CallFailure } from './failure.ts';
import { quoteGo } from './go-text.ts';

/** Header name in lower case → its values; those of `-bin` names are bytes, one character each. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/**
 * `name: value` lines to metadata. Values of `-bin` names are base64 in any of its four alphabets, or taken raw if they
 * are not.
 */
export function parseMetadata(lines: readonly string[]): Metadata {
  const metadata = new Map<string, string[]>();
  for (const line of lines) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = (colon < 0 ? line : line.slice(0, colon)).trim().toLowerCase();
    const text = colon < 0 ? '' : line.slice(colon + 1).trim();
    const value = name.endsWith('-bin') ? (decodeBase64(text) ?? text) : text;
    metadata.set(name, [...(metadata.get(name) ?? []), value]);
  }
  return metadata;
}

/**
 * Replaces `${NAME}` by the environment (`-expand-headers`).
 *
 * @throws {CallFailure} when a variable is not set.
 */
export function expandHeaders(lines: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  return lines.map((line) =>
    line.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = env[name];
      if (value === undefined) {
        throw new CallFailure(`header ${quoteGo(line)} refers to missing environment variable ${quoteGo(name)}`);
      }
      return value;
    }),
  );
}

/** Sorted `name: value` lines as `-v` prints them; `(empty)` when there is none. */
export function formatMetadata(metadata: Metadata): string {
  const names = [...metadata.keys()].sort((a, b) => (a < b ? -1 : 1));
  const lines = names.flatMap((name) =>
    (metadata.get(name) ?? []).map((value) => `${name}: ${name.endsWith('-bin') ? encodeBase64(value) : value}`),
  );
  return lines.length === 0 ? '(empty)' : lines.join('\n');
}

/** Bytes as one character each → base64. */
export function encodeBase64(value: string): string {
  return Buffer.from(value, 'latin1').toString('base64');
}

/** Base64 of any alphabet, padded or not → bytes as one character each; `undefined` when it is something else. */
export function decodeBase64(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64').toString('latin1');
}
