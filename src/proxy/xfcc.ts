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

function quoteIfNeeded(value: string): string {
  return /[,;="]/.test(value) ? `"${escapeQuotes(value)}"` : value;
}

function escapeQuotes(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
