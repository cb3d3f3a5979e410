import { claimAt } from '../decide/index.ts';
import { maxClaimHeaderBytes } from './limits.ts';

/**
 * The value of a header that carries a claim, as Envoy writes it (jwt_authn/authenticator.cc, addJWTClaimToHeader): texts as
 * they are, numbers and booleans as text, anything else as base64 of its JSON. A dot in the name of a claim always means one
 * within another. Undefined for a claim that is absent, or that no header may carry (control characters could forge another
 * header further on). UTF-8 as latin1, one character per byte.
 */
export function claimHeaderValue(claims: Readonly<Record<string, unknown>>, claim: string): string | undefined {
  const text = headerText(claimAt(claims, claim.split('.')));
  if (text === undefined || hasControl(text)) return undefined;
  const header = Buffer.from(text, 'utf8').toString('latin1');
  return header.length > maxClaimHeaderBytes ? undefined : header;
}

function headerText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  // HTTP knows no space at the ends of a value.
  if (typeof value === 'string') return value.replaceAll(/^[ \t]+|[ \t]+$/g, '');
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return String(value);
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64');
}

const tooLargeForInteger = 2 ** 64;

/** Integers of 64 bits without a sign as such, all others with six decimals (C's `%f`). */
function numberText(value: number): string {
  if (!Number.isInteger(value)) return value.toFixed(6);
  const digits = BigInt(value).toString();
  return value >= 0 && value < tooLargeForInteger ? digits : `${digits}.000000`;
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
