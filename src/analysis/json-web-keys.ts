import type { PublicJwk } from '../plan/index.ts';

/** What a JSON Web Key Set (RFC 7517 §5) has for checking signatures, and what it has beside that, in words. */
export interface KeySet {
  readonly keys: readonly PublicJwk[];
  readonly leftOut: readonly string[];
}

/** A public member beyond this many characters is no key of any size in use (RSA 16384: 2,731). */
const maxMemberLength = 4_096;

/** Takes the public members of the keys and nothing else, so that a private key that somebody pasted goes no further. */
export function parseKeySet(text: string): KeySet | { readonly error: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { error: 'it is not JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || !('keys' in parsed)) return { error: 'it has no field "keys"' };
  if (!Array.isArray(parsed.keys)) return { error: '"keys" is not a list' };
  const keys: PublicJwk[] = [];
  const leftOut: string[] = [];
  for (const [index, key] of (parsed.keys as readonly unknown[]).entries()) {
    const read = readKey(key);
    if (typeof read === 'string') leftOut.push(`keys[${index}] ${read}`);
    else keys.push(read);
  }
  return { keys, leftOut };
}

const membersOf = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;

function readKey(key: unknown): PublicJwk | string {
  if (typeof key !== 'object' || key === null) return 'is not an object';
  const text = (name: string): string | undefined => {
    const value: unknown = Object.hasOwn(key, name) ? Reflect.get(key, name) : undefined;
    return typeof value === 'string' && value !== '' && value.length <= maxMemberLength ? value : undefined;
  };
  const kty = text('kty');
  if (kty === 'oct') return 'is a shared secret (kty oct), which is not supported: it would lie open in the plan';
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP')
    return `has kty ${JSON.stringify(kty ?? 'none')}, not RSA, EC or OKP`;
  if (text('use') === 'enc') return 'is for encryption (use enc)';
  const missing = membersOf[kty].filter((name) => text(name) === undefined);
  if (missing.length > 0) return `has no ${missing.join(', ')}`;
  const names = ['kid', 'alg', ...membersOf[kty]];
  const members = names.flatMap((name) => (text(name) === undefined ? [] : [[name, text(name)]]));
  return { kty, ...(Object.fromEntries(members) as Omit<PublicJwk, 'kty'>) };
}
