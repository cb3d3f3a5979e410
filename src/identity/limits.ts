/** Every bound of this folder, with its reason. */

/** SPIFFE-ID.md §2.3: the whole URI is at most 2048 bytes. */
export const maxSpiffeIdBytes = 2048;

/** SPIFFE-ID.md §2.1: RFC 3986's limit for a host. */
export const maxTrustDomainBytes = 255;

/**
 * Certificates a peer may send. A real chain is a leaf, one or two intermediates and perhaps the root; each further one
 * is work that an unauthenticated peer makes us do.
 */
export const maxChainCertificates = 6;

/** One certificate. A P-256 SVID has about 600 bytes, an RSA-4096 one about 2,000; the rest is room for long SANs. */
export const maxCertificateBytes = 16_384;

/** Signature checks per handshake, whatever the shape of the chain; honest chains need three or four. */
export const maxSignatureChecks = 16;

/** Roots in one bundle: an old and a new root of a few federated issuers, not a public web store. */
export const maxBundleCertificates = 64;

/** A PEM text of ours or of control's, before it is read: `maxBundleCertificates` in base64 and some comment. */
export const maxPemBytes = 1_500_000;

/** A CSR of a P-256 key has about 300 bytes; ten times an RSA-4096 one is enough for any foreign client. */
export const maxCsrBytes = 16_384;

/** NIST SP 800-131A: RSA below 2048 bits is not allowed any more. */
export const minRsaBits = 2048;

/** An 8192-bit check takes about 1 ms of CPU, and grows with the square; Go's crypto/tls has the same bound. */
export const maxRsaBits = 8192;

/** Names in one certificate's SAN extension that are looked at; an SVID has one. */
export const maxSubjectAltNames = 64;

/** Istio's `SECRET_TTL`: what its agents ask for. */
export const defaultSvidTtlSeconds = 24 * 60 * 60;

/** Istio's `MAX_WORKLOAD_CERT_TTL`: 90 days. Above it is an error, not silently less, as in Istio. */
export const maxSvidTtlSeconds = 90 * 24 * 60 * 60;

/** Istio's `CITADEL_SELF_SIGNED_CA_CERT_TTL`: 3650 days. */
export const rootTtlSeconds = 3650 * 24 * 60 * 60;

/** NotBefore lies this far in the past, so that a peer whose clock is a little behind accepts at once (Istio: 2 min). */
export const notBeforeGraceSeconds = 120;

/** Istio's `SECRET_GRACE_PERIOD_RATIO`: renew when half of the lifetime is left. */
export const renewRatio = 0.5;

/** Istio's `SECRET_GRACE_PERIOD_RATIO_JITTER`: ± 1 percentage point, so that a mesh does not renew in one instant. */
export const renewRatioJitter = 0.01;

/** The CA's state file: one key and one certificate have about 1 kB. */
export const maxStateFileBytes = 65_536;

/** Listener certificates for local use; a year and a bit is what browsers still take (398 days). */
export const listenerCertificateTtlSeconds = 397 * 24 * 60 * 60;

/** Identifiers in use have at most some 20 bytes; a longer one would only make messages long. */
export const maxOidBytes = 40;
