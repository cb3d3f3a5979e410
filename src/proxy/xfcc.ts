import type { CertificateFacts } from '../identity/index.ts';
import { forwardedCertBytes } from './limits.ts';

/**
 * One element of `x-forwarded-client-cert` as Istio's sidecars append it:
 * `By=spiffe://dst;Hash=<sha256 of the leaf>;Subject="…";URI=spiffe://src`.
 *
 * Values come from verified certificates, yet are quoted as Envoy does, so that none can add an element of its own
 * (CVE-2023-27493).
 */
export function formatClientCert(cert: {
  /** The SPIFFE id of this proxy, with `spiffe://`. */
  readonly by: string;
  /** Lower-case hex SHA-256 of the peer's leaf certificate. */
  readonly hash: string;
  /** RFC 2253 name; empty for SPIFFE certificates. */
  readonly subject: string;
  /** The peer's SPIFFE id, with `spiffe://`. */
  readonly uri: string;
}): string {
  return `By=${quoteIfNeeded(cert.by)};Hash=${cert.hash};Subject="${escapeQuotes(cert.subject)}";URI=${quoteIfNeeded(cert.uri)}`;
}

/**
 * The header as Istio's gateways set it for clients with a verified certificate (`SANITIZE_SET`): hash, the certificate
 * itself, subject, and all URI and DNS names. `By` is missing as there, since listener certificates have no URI name. What
 * would be too long for a header is left out: first the certificate, then everything but the hash, which identifies it.
 */
export function formatEdgeClientCert({ hash, pem, subject, uris, dnsNames }: CertificateFacts): string {
  const names = [
    `Subject="${escapeQuotes(printable(subject))}"`,
    ...uris.map((uri) => `URI=${quoteIfNeeded(printable(uri))}`),
    ...dnsNames.map((name) => `DNS=${quoteIfNeeded(printable(name))}`),
  ];
  const whole = [`Hash=${hash}`, `Cert="${encodeURIComponent(pem)}"`, ...names].join(';');
  if (whole.length <= forwardedCertBytes) return whole;
  const short = [`Hash=${hash}`, ...names].join(';');
  return short.length <= forwardedCertBytes ? short : `Hash=${hash}`;
}

/** A name may hold any character, a header only some. */
function printable(text: string): string {
  return text.replaceAll(/[^ -~]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

function quoteIfNeeded(value: string): string {
  return /[,;="]/.test(value) ? `"${escapeQuotes(value)}"` : value;
}

function escapeQuotes(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
