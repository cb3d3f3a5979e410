/** What makes a certificate an X.509-SVID leaf (X509-SVID.md §2–5), apart from who signed it. */
import type { ParsedCertificate } from './certificate.ts';
import { keyUsageBit, nameForm } from './extensions.ts';
import { oid } from './oids.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeIdResult } from './spiffe-id.ts';

/**
 * The one SPIFFE id of a leaf. Exactly one URI name, plain ASCII, with a path; go-spiffe, ztunnel and Envoy each let one
 * of these slip. Names of other forms are allowed and mean nothing.
 */
export function leafSpiffeId(leaf: ParsedCertificate): SpiffeIdResult {
  const uris = (leaf.extensions.subjectAltName?.names ?? []).filter((name) => name.form === nameForm.uri);
  const [uri] = uris;
  if (uri === undefined) return { error: 'certificate has no URI name (subject alternative name)' };
  if (uris.length > 1) return { error: `certificate has ${uris.length} URI names, an SVID has exactly one` };
  // latin1 keeps each byte visible to the parser, which takes none above 0x7e and no control character.
  const result = parseSpiffeId(uri.value.toString('latin1'));
  if (result.error !== undefined) return { error: `certificate: ${result.error}` };
  if (result.id.path === '') {
    return { error: `certificate: ${formatSpiffeId(result.id)} names a trust domain, not a workload (no path)` };
  }
  return result;
}

/** Why the leaf may not act in this role, or `undefined`. */
export function leafProfileError(leaf: ParsedCertificate, usage: string): string | undefined {
  const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltName } = leaf.extensions;
  if (basicConstraints?.ca === true) return 'certificate is a CA, not a workload';
  if (keyUsage === undefined) return 'certificate has no key usage';
  if (!keyUsage.critical) return 'key usage is not critical';
  if (hasBit(keyUsage.bits, keyUsageBit.keyCertSign)) return 'key usage allows signing certificates';
  if (hasBit(keyUsage.bits, keyUsageBit.crlSign)) return 'key usage allows signing revocation lists';
  if (!hasBit(keyUsage.bits, keyUsageBit.digitalSignature)) return 'key usage lacks digitalSignature';
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(usage)) {
    return `extended key usage lacks ${usage === oid.serverAuth ? 'serverAuth' : 'clientAuth'}`;
  }
  // RFC 5280 §4.1.2.6: then the name is the only identity, and must not be skipped by anyone.
  if (leaf.subjectIsEmpty && subjectAltName?.critical !== true) {
    return 'subject is empty but the subject alternative name is not critical';
  }
  return undefined;
}

function hasBit(bits: number, bit: number): boolean {
  return (bits & (1 << bit)) !== 0;
}
