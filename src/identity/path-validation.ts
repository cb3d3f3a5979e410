/**
 * Certification path validation (RFC 5280 §6) from a leaf to one of the given roots, with bounded work.
 *
 * No tolerance is added to the validity period, as in Go and Envoy: issuers date certificates back by two minutes and
 * renew at half of the lifetime, so honest clocks need none, and "expired" keeps its meaning.
 */
import type { ParsedCertificate } from './certificate.ts';
import { keyUsageBit } from './extensions.ts';
import { maxSignatureChecks } from './limits.ts';
import { nameConstraintError } from './name-constraints.ts';
import { oid } from './oids.ts';
import { allowedPublicKey, checkSignature } from './signature-policy.ts';

export interface PathOptions {
  /** What the peer sent after the leaf, in any order. */
  readonly intermediates: readonly ParsedCertificate[];
  readonly roots: readonly ParsedCertificate[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Extended key usage that no issuer on the path may exclude; absent: none is asked for. */
  readonly usage?: string;
}

interface Search extends PathOptions {
  signatureChecks: number;
  /** The first thing that was wrong with a candidate; more telling than "unknown issuer". */
  firstError: string | undefined;
}

/** Why no valid path leads from `leaf` to a root, or `undefined` when one does. The leaf's own role is checked elsewhere. */
export function pathError(leaf: ParsedCertificate, options: PathOptions): string | undefined {
  const search: Search = { ...options, signatureChecks: 0, firstError: undefined };
  const ownError =
    validityError(leaf, options.nowMs) ?? unknownCriticalError(leaf) ?? allowedPublicKey(leaf).error ?? undefined;
  if (ownError !== undefined) return `certificate ${ownError}`;
  if (extendPath(search, [leaf])) return undefined;
  return search.firstError ?? 'certificate was not issued by a trusted root';
}

/** Tries to complete `path` (leaf first) with an issuer of its last certificate. */
function extendPath(search: Search, path: readonly ParsedCertificate[]): boolean {
  for (const root of search.roots) {
    if (isIssuerCandidate(root, path) && accepts(search, { issuer: root, label: 'root' }, path)) return true;
  }
  for (const issuer of search.intermediates) {
    if (path.includes(issuer) || !isIssuerCandidate(issuer, path)) continue;
    if (accepts(search, { issuer, label: 'intermediate' }, path) && extendPath(search, [...path, issuer])) return true;
  }
  return false;
}

/** Names are compared byte by byte, as Go does; key identifiers where both sides have one. */
function isIssuerCandidate(issuer: ParsedCertificate, path: readonly ParsedCertificate[]): boolean {
  const child = path.at(-1);
  if (child === undefined || !issuer.subject.equals(child.issuer)) return false;
  const wanted = child.extensions.authorityKeyId;
  const offered = issuer.extensions.subjectKeyId;
  return wanted === undefined || offered === undefined || wanted.equals(offered);
}

interface Candidate {
  readonly issuer: ParsedCertificate;
  readonly label: 'root' | 'intermediate';
}

function accepts(search: Search, candidate: Candidate, path: readonly ParsedCertificate[]): boolean {
  const error = issuerError(search, candidate, path);
  if (error === undefined) return true;
  search.firstError ??= `${candidate.label} certificate (serial ${candidate.issuer.serialHex.slice(0, 40)}) ${error}`;
  return false;
}

/** Cheap checks first: a signature is only computed for a candidate that could be an issuer. */
function issuerError(
  search: Search,
  { issuer, label }: Candidate,
  path: readonly ParsedCertificate[],
): string | undefined {
  return (
    validityError(issuer, search.nowMs) ??
    unknownCriticalError(issuer) ??
    authorityError(issuer, label) ??
    pathLengthError(issuer, path) ??
    usageError(issuer, search.usage) ??
    nameConstraintError(issuer, path) ??
    signatureError(search, issuer, path)
  );
}

function validityError(certificate: ParsedCertificate, nowMs: number): string | undefined {
  if (nowMs > certificate.notAfterMs) return `expired at ${isoTime(certificate.notAfterMs)}`;
  if (nowMs < certificate.notBeforeMs) return `is not valid before ${isoTime(certificate.notBeforeMs)}`;
  return undefined;
}

function unknownCriticalError(certificate: ParsedCertificate): string | undefined {
  const [unknown] = certificate.extensions.unknownCritical;
  return unknown === undefined ? undefined : `has the critical extension ${unknown}, which is not understood`;
}

/** RFC 5280 §6.1.4 (k) and (n). A root was chosen by the operator, so only there the key usage may be absent. */
function authorityError(issuer: ParsedCertificate, label: Candidate['label']): string | undefined {
  const { basicConstraints, keyUsage } = issuer.extensions;
  if (basicConstraints?.ca !== true) return 'is not a CA';
  if (keyUsage === undefined) return label === 'root' ? undefined : 'has no key usage';
  return (keyUsage.bits & (1 << keyUsageBit.keyCertSign)) === 0 ? 'may not sign certificates (key usage)' : undefined;
}

/** RFC 5280 §6.1.4 (l) and (m): self-issued intermediates are not counted. */
function pathLengthError(issuer: ParsedCertificate, path: readonly ParsedCertificate[]): string | undefined {
  const limit = issuer.extensions.basicConstraints?.pathLength;
  const below = path.slice(1).filter((certificate) => !certificate.subject.equals(certificate.issuer)).length;
  return limit !== undefined && below > limit
    ? `allows ${limit} intermediates below it, the chain has ${below}`
    : undefined;
}

/** RFC 5280 leaves this open; Go and OpenSSL let a CA's extended key usage bind everything below it, and so do we. */
function usageError(issuer: ParsedCertificate, usage: string | undefined): string | undefined {
  const usages = issuer.extensions.extendedKeyUsage;
  if (usages === undefined || usage === undefined) return undefined;
  return usages.includes(usage) || usages.includes(oid.anyExtendedKeyUsage)
    ? undefined
    : 'has an extended key usage that excludes this use';
}

function signatureError(
  search: Search,
  issuer: ParsedCertificate,
  path: readonly ParsedCertificate[],
): string | undefined {
  const child = path.at(-1);
  if (child === undefined || search.signatureChecks >= maxSignatureChecks) {
    return `needs more than ${maxSignatureChecks} signature checks`;
  }
  search.signatureChecks += 1;
  const key = allowedPublicKey(issuer);
  if (key.error !== undefined) return `: ${key.error}`;
  const error = checkSignature(child, key.key);
  return error === undefined ? undefined : `did not issue the one below it: ${error}`;
}

/** Years beyond 9999 cannot occur: the certificate reader takes four digits at most. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
