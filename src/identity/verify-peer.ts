/** Who the peer of a mesh connection is, decided from the certificates it sent. */
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { maxChainCertificates } from './limits.ts';
import { oid } from './oids.ts';
import { pathError } from './path-validation.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
import { leafProfileError, leafSpiffeId } from './svid-profile.ts';
import { readTrustBundle } from './trust-bundle.ts';

/** Which roots speak for which trust domain. */
export interface PeerTrust {
  /** Lower case, for example `cluster.local`: whose peers are accepted. */
  readonly trustDomain: string;
  /** Roots of `trustDomain` and of its aliases, PEM; several while roots are being changed. */
  readonly bundlePem: string;
  /** Other names of the same mesh (`trustDomainAliases`), accepted as well. */
  readonly aliases?: readonly string[];
  /** Roots of foreign trust domains that are accepted too, each only for its own: trust domain → PEM. */
  readonly federatedBundles?: Readonly<Record<string, string>>;
}

export interface VerifyPeerOptions extends PeerTrust {
  /** What the peer is in this handshake; decides which extended key usage it needs. */
  readonly role: 'client' | 'server';
  /** SPIFFE ids of which the peer must have one; absent: any id of an accepted trust domain. An empty list accepts nobody. */
  readonly allowed?: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: number;
}

export type PeerVerdict =
  | { readonly spiffeId: string; readonly error?: undefined }
  /** One line that says what failed; safe to log: escaped and bounded. */
  | { readonly error: string; readonly spiffeId?: undefined };

/**
 * Checks the chain as the peer sent it (DER, leaf first): SPIFFE's X509-SVID.md §5 with RFC 5280 path validation against
 * the roots of the leaf's own trust domain only. That the peer holds the key is TLS's part. Never throws.
 */
export function verifyPeer(derChain: readonly Buffer[], options: VerifyPeerOptions): PeerVerdict {
  const chain = readChain(derChain);
  if (chain.error !== undefined) return chain;
  const { id, error: idError } = leafSpiffeId(chain.leaf);
  if (id === undefined) return { error: idError };
  const spiffeId = formatSpiffeId(id);
  const error = svidError(chain, id, options) ?? allowedError(id, options);
  return error === undefined ? { spiffeId } : { error: `${spiffeId.slice(0, maxShownIdLength)}: ${error}` };
}

/** An id may have 2,048 bytes; a log line shows as much as any real one has. */
const maxShownIdLength = 300;

type Chain =
  | {
      readonly leaf: ParsedCertificate;
      readonly intermediates: readonly ParsedCertificate[];
      readonly error?: undefined;
    }
  | { readonly error: string };

/** The certificates of a chain, read. */
export function readChain(derChain: readonly Buffer[]): Chain {
  if (derChain.length > maxChainCertificates) {
    return { error: `peer sent ${derChain.length} certificates, more than ${maxChainCertificates}` };
  }
  const certificates: ParsedCertificate[] = [];
  for (const [index, der] of derChain.entries()) {
    const parsed = parseCertificate(der);
    if (parsed.error !== undefined) return { error: index === 0 ? parsed.error : `intermediate ${parsed.error}` };
    certificates.push(parsed.certificate);
  }
  const [leaf, ...intermediates] = certificates;
  return leaf === undefined ? { error: 'peer sent no certificate' } : { leaf, intermediates };
}

function svidError(
  chain: { readonly leaf: ParsedCertificate; readonly intermediates: readonly ParsedCertificate[] },
  id: SpiffeId,
  options: VerifyPeerOptions,
): string | undefined {
  const bundlePem = bundleOf(id.trustDomain, options);
  if (bundlePem === undefined) return `trust domain ${id.trustDomain} is not ${options.trustDomain}`;
  const { bundle, error } = readTrustBundle(bundlePem);
  if (bundle === undefined) return error;
  const usage = options.role === 'server' ? oid.serverAuth : oid.clientAuth;
  return (
    leafProfileError(chain.leaf, usage) ??
    pathError(chain.leaf, { intermediates: chain.intermediates, roots: bundle.roots, nowMs: options.nowMs, usage })
  );
}

function bundleOf(trustDomain: string, trust: PeerTrust): string | undefined {
  if (isOwn(trustDomain, trust)) return trust.bundlePem;
  const federated = trust.federatedBundles;
  return federated !== undefined && Object.hasOwn(federated, trustDomain) ? federated[trustDomain] : undefined;
}

function isOwn(trustDomain: string, trust: PeerTrust): boolean {
  return trustDomain === trust.trustDomain || trust.aliases?.includes(trustDomain) === true;
}

/** Istio expands expected names by the aliases of the trust domain (§6.1): same path, any own name of the mesh. */
function allowedError(id: SpiffeId, options: VerifyPeerOptions): string | undefined {
  const { allowed } = options;
  if (allowed === undefined) return undefined;
  const isAllowed = allowed.some((text) => {
    const wanted = parseSpiffeId(text).id;
    if (wanted === undefined || wanted.path !== id.path) return false;
    return (
      wanted.trustDomain === id.trustDomain || (isOwn(wanted.trustDomain, options) && isOwn(id.trustDomain, options))
    );
  });
  if (isAllowed) return undefined;
  const first = allowed.slice(0, maxShownAllowed).map((text) => text.slice(0, maxShownIdLength));
  const shown = first.join(', ');
  const more = allowed.length > maxShownAllowed ? `, and ${allowed.length - maxShownAllowed} more` : '';
  return allowed.length === 0 ? 'no identity is expected here' : `is not the expected ${shown}${more}`;
}

/** A Service has one service account behind it, seldom two. */
const maxShownAllowed = 3;
