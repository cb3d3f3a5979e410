import type { Origin } from '../base/index.ts';

/** One finished request, for the access log. A mutable record to be kept and filled again. Strings: empty means absent. */
export interface RequestRecord {
  /** When the request began, milliseconds since 1970. */
  startWallMs: number;
  durationMs: number;
  /** Until the first byte of the response, -1 if there was none. */
  firstByteMs: number;
  reporter: 'source' | 'destination';
  /** Id of the proxy: `gateway/<ns>/<name>`, `sidecar/<ns>/<name>`. */
  hop: string;
  method: string;
  /** As received. */
  path: string;
  authority: string;
  requestId: string;
  userAgent: string;
  isGrpc: boolean;
  /** A connection whose bytes were relayed; then nothing of a request is there. */
  isTcp: boolean;
  /** HTTP status, 0 if there was no response. */
  responseCode: number;
  /** -1 if there was none. */
  grpcStatus: number;
  /** Envoy's response flags, `-` for none. */
  flags: string;
  /** Envoy's response code details. */
  details: string;
  /** On the wire, headers included. */
  requestBytes: number;
  responseBytes: number;
  requestMessages: number;
  responseMessages: number;
  /** Attempts upstream, 0 if none was made. */
  attempts: number;
  /** The rule that routed the request. */
  route: Origin | undefined;
  /** The policy rule that allowed or denied it. */
  policy: Origin | undefined;
  /** The policies none of whose rules allowed it; undefined where a rule decided or none had to. */
  considered: readonly Origin[] | undefined;
  /** The AUDIT rule that asks for a mark. */
  audited: Origin | undefined;
  /** What dry-run policies would have done. */
  shadow: '' | 'allowed' | 'denied';
  /** The dry-run rule that would have; undefined where none matched. */
  shadowPolicy: Origin | undefined;
  /** SPIFFE id of whoever sent the request; at a gateway of the gateway itself. */
  sourcePrincipal: string;
  destinationPrincipal: string;
  /** `address:port`. */
  sourceAddress: string;
  localAddress: string;
  sni: string;
  /** The verified SPIFFE id of whoever connected. */
  peerPrincipal: string;
  /** Whoever connected presented a certificate that was verified. */
  isMutual: boolean;
  /** The port of the YAML, 0 if none. */
  destinationPort: number;
  /** The request's fields, only while expressions of a Telemetry are computed. */
  head: { readonly scheme: string; header(name: string): string | undefined } | undefined;
  /** Istio's cluster name, `outbound|8080||host`. */
  upstreamCluster: string;
  upstreamAddress: string;
  upstreamLocalAddress: string;
  /** Why it was refused or failed, from `explainRefusal`. */
  reason: string;
}

/** A record with everything absent. */
export function newRequestRecord(): RequestRecord {
  return {
    startWallMs: 0,
    durationMs: 0,
    firstByteMs: -1,
    reporter: 'source',
    hop: '',
    method: '',
    path: '',
    authority: '',
    requestId: '',
    userAgent: '',
    isGrpc: true,
    isTcp: false,
    responseCode: 0,
    grpcStatus: -1,
    flags: '-',
    details: '',
    requestBytes: 0,
    responseBytes: 0,
    requestMessages: 0,
    responseMessages: 0,
    attempts: 0,
    route: undefined,
    policy: undefined,
    considered: undefined,
    audited: undefined,
    shadow: '',
    shadowPolicy: undefined,
    sourcePrincipal: '',
    destinationPrincipal: '',
    sourceAddress: '',
    localAddress: '',
    sni: '',
    peerPrincipal: '',
    isMutual: false,
    destinationPort: 0,
    head: undefined,
    upstreamCluster: '',
    upstreamAddress: '',
    upstreamLocalAddress: '',
    reason: '',
  };
}
