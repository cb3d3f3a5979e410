import { claimAt } from '../decide/index.ts';
import { maxClaimHeaderBytes } from './limits.ts';

/**
 * The value of a header that carries a claim, as Envoy writes it: texts as they are, numbers and booleans in JSON, anything
 * else as base64 of its JSON. Undefined for a claim that is absent, or that no header may carry (control characters could
 * forge another header further on). UTF-8 as latin1, one character per byte.
 */
export function claimHeaderValue(claims: Readonly<Record<string, unknown>>, claim: string): string | undefined {
  // A claim may have dots in its own name (`https://example.com/role`), which goes before nesting.
  const value = Object.hasOwn(claims, claim) ? claims[claim] : claimAt(claims, claim.split('.'));
  const text = headerText(value);
  if (text === undefined || hasControl(text)) return undefined;
  const header = Buffer.from(text, 'utf8').toString('latin1');
  return header.length > maxClaimHeaderBytes ? undefined : header;
}

function headerText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64');
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return text !== text.trim();
}
