/** Certificates of a gateway's own clients, judged by the authorities that its operator named (GEP-91; Istio `MUTUAL`). */
import { createHash, X509Certificate } from 'node:crypto';
import { keyUsageBit, nameForm } from './extensions.ts';
import { oid } from './oids.ts';
import { writePem } from './pem.ts';
import { pathError } from './path-validation.ts';
import { formatSpiffeId } from './spiffe-id.ts';
import { leafSpiffeId } from './svid-profile.ts';
import { readTrustBundle } from './trust-bundle.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { readChain } from './verify-peer.ts';

export interface ClientTrust {
  /** One or more CA certificates, PEM. */
  readonly caPem: string;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}

export type ClientVerdict =
  /** `spiffeId` is empty for a certificate without exactly one SPIFFE id; who vouches for its trust domain is the caller's business. */
  { readonly spiffeId: string; readonly error?: undefined } | { readonly error: string };

/**
 * Checks the chain as the client sent it (DER, leaf first): RFC 5280 path validation to one of the given authorities, for
 * client authentication. That the client holds the key is TLS's part. Never throws; errors are safe to log.
 */
export function verifyClient(derChain: readonly Buffer[], { caPem, nowMs }: ClientTrust): ClientVerdict {
  const chain = readChain(derChain);
  if (chain.error !== undefined) return chain;
  const { bundle, error: bundleError } = readTrustBundle(caPem);
  if (bundle === undefined) return { error: bundleError };
  const { leaf, intermediates } = chain;
  const error =
    roleError(leaf) ?? pathError(leaf, { intermediates, roots: bundle.roots, nowMs, usage: oid.clientAuth });
  if (error !== undefined) return { error };
  const { id } = leafSpiffeId(leaf);
  return { spiffeId: id === undefined ? '' : formatSpiffeId(id) };
}

function roleError({ extensions: { keyUsage, extendedKeyUsage } }: ParsedCertificate): string | undefined {
  if (keyUsage !== undefined && (keyUsage.bits & (1 << keyUsageBit.digitalSignature)) === 0) {
    return 'key usage lacks digitalSignature';
  }
  if (extendedKeyUsage === undefined || extendedKeyUsage.includes(oid.anyExtendedKeyUsage)) return undefined;
  return extendedKeyUsage.includes(oid.clientAuth) ? undefined : 'extended key usage lacks clientAuth';
}

/** What `x-forwarded-client-cert` tells of a certificate. */
export interface CertificateFacts {
  /** Lower-case hex SHA-256 of the certificate. */
  readonly hash: string;
  readonly pem: string;
  /** RFC 2253 name; empty where there is none. */
  readonly subject: string;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** Reads a certificate that was verified before; one that cannot be read has nothing but its hash. */
export function certificateFacts(der: Buffer): CertificateFacts {
  const hash = createHash('sha256').update(der).digest('hex');
  const { certificate } = parseCertificate(der);
  if (certificate === undefined) return { hash, pem: '', subject: '', uris: [], dnsNames: [] };
  const names = certificate.extensions.subjectAltName?.names ?? [];
  const textsOf = (form: number): string[] =>
    names.filter((name) => name.form === form).map(({ value }) => value.toString('latin1'));
  return {
    hash,
    pem: writePem('CERTIFICATE', der),
    subject: certificate.subjectIsEmpty ? '' : subjectOf(der),
    uris: textsOf(nameForm.uri),
    dnsNames: textsOf(nameForm.dns),
  };
}

/** Node gives one relative name per line, outermost first and escaped as in RFC 2253, which wants the last one first. */
function subjectOf(der: Buffer): string {
  return new X509Certificate(der).subject.split('\n').toReversed().join(',');
}
