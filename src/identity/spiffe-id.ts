/**
 * SPIFFE ids, read exactly as SPIFFE-ID.md §2 writes them: no normalisation, no percent-encoding, no guessing.
 * Istio's form of the path is `/ns/<namespace>/sa/<service account>`.
 */
import { maxSpiffeIdBytes, maxTrustDomainBytes } from './limits.ts';
import { safeText } from './safe-text.ts';

export interface SpiffeId {
  /** Lower case, for example `cluster.local`. */
  readonly trustDomain: string;
  /** Begins with `/`, or is empty for the id of the trust domain itself (which no workload may present). */
  readonly path: string;
}

/** The two names Istio puts into the path. */
export interface IstioIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export type SpiffeIdResult =
  | { readonly id: SpiffeId; readonly error?: undefined }
  | { readonly error: string; readonly id?: undefined };

const scheme = 'spiffe://';
const trustDomainForm = /^[a-z0-9._-]+$/;
const segmentForm = /^[A-Za-z0-9._-]+$/;
const istioPathForm = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** Reads a SPIFFE id; the error names what is wrong and is safe to log. Never throws. */
export function parseSpiffeId(text: string): SpiffeIdResult {
  if (text.length > maxSpiffeIdBytes) return { error: `SPIFFE id is longer than ${maxSpiffeIdBytes} bytes` };
  if (!text.startsWith(scheme)) return { error: `"${safeText(text)}" does not begin with spiffe://` };
  const slash = text.indexOf('/', scheme.length);
  const end = slash === -1 ? text.length : slash;
  const trustDomain = text.slice(scheme.length, end);
  const trustDomainError = checkTrustDomain(trustDomain);
  if (trustDomainError !== undefined) return { error: trustDomainError };
  const path = text.slice(end);
  const pathError = path === '' ? undefined : checkPath(path);
  return pathError === undefined ? { id: { trustDomain, path } } : { error: pathError };
}

/** Why `trustDomain` is not one, or `undefined`: non-empty, at most 255 bytes of `a-z 0-9 . - _`. */
export function checkTrustDomain(trustDomain: string): string | undefined {
  if (trustDomain === '') return 'trust domain is empty';
  if (trustDomain.length > maxTrustDomainBytes) return `trust domain is longer than ${maxTrustDomainBytes} bytes`;
  if (!trustDomainForm.test(trustDomain)) {
    return `trust domain "${safeText(trustDomain)}" has characters other than a-z, 0-9, dot, dash and underscore`;
  }
  return undefined;
}

function checkPath(path: string): string | undefined {
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return `SPIFFE id path "${safeText(path)}" has an empty segment or ends in a slash`;
    if (segment === '.' || segment === '..') return `SPIFFE id path "${safeText(path)}" has a "${segment}" segment`;
    if (!segmentForm.test(segment)) {
      return `SPIFFE id path "${safeText(path)}" has characters other than letters, digits, dot, dash and underscore`;
    }
  }
  return undefined;
}

/** The inverse of `parseSpiffeId`. */
export function formatSpiffeId(id: SpiffeId): string {
  return scheme + id.trustDomain + id.path;
}

/**
 * `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; a `@` in the trust domain becomes `.` as in Istio's
 * pkg/spiffe. Kubernetes names always fit; a value that does not makes an id that `parseSpiffeId` refuses.
 */
export function istioSpiffeId(identity: IstioIdentity): string {
  const trustDomain = identity.trustDomain.replaceAll('@', '.');
  return `${scheme}${trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** Namespace and service account of an id in Istio's form; `undefined` for any other id. */
export function parseIstioSpiffeId(text: string): IstioIdentity | undefined {
  const { id } = parseSpiffeId(text);
  const match = id === undefined ? null : istioPathForm.exec(id.path);
  if (id === undefined || match === null) return undefined;
  return { trustDomain: id.trustDomain, namespace: match[1] ?? '', serviceAccount: match[2] ?? '' };
}

/** The id as policies spell it: without `spiffe://`. */
export function principalOf(spiffeId: string): string {
  return spiffeId.startsWith(scheme) ? spiffeId.slice(scheme.length) : spiffeId;
}
