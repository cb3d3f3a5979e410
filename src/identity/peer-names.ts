import { X509Certificate } from 'node:crypto';

/** A name to be found in a certificate; `any` compares with DNS names, URIs and addresses alike. */
export interface WantedName {
  readonly type: 'any' | 'dns' | 'uri';
  readonly value: string;
}

/** A wildcard stands for one whole label (RFC 9525 §6.3); the subject's common name counts for nothing. */
const hostRules = { subject: 'never', partialWildcards: false, multiLabelWildcards: false } as const;

/**
 * Whether a certificate is for one of these names; the message names what it has instead, for operators. The chain must
 * have been judged before: this reads names alone.
 */
export function checkNames(leafDer: Buffer, wanted: readonly WantedName[]): { readonly error?: string } {
  const certificate = new X509Certificate(leafDer);
  const uris = urisOf(certificate);
  if (wanted.some((name) => hasName(certificate, uris, name))) return {};
  const names = wanted.map(({ value }) => `"${value}"`).join(' or ');
  const found = JSON.stringify((certificate.subjectAltName ?? '').slice(0, maxShownLength));
  return { error: `the certificate is not for ${names}: it has ${found}` };
}

/** A certificate may hold thousands of names; a log line may not. */
const maxShownLength = 200;

function hasName(certificate: X509Certificate, uris: readonly string[], { type, value }: WantedName): boolean {
  if (type !== 'dns' && uris.includes(value)) return true;
  if (type === 'uri') return false;
  return isFor(() => certificate.checkHost(value, hostRules)) || isFor(() => certificate.checkIP(value));
}

/** OpenSSL throws for a text that is no host or no address at all, which no certificate is for. */
function isFor(check: () => string | undefined): boolean {
  try {
    return check() !== undefined;
  } catch {
    return false;
  }
}

/** Node writes names with a comma, a quote or a control character in them as JSON texts, so that commas part names. */
function urisOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  const names = subjectAltName.matchAll(/(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g);
  return [...names].flatMap(([, kind, value = '']) => {
    if (kind !== 'URI') return [];
    return [value.startsWith('"') ? String(JSON.parse(value)) : value];
  });
}
