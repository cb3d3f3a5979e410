/**
 * Small integers for the field names that something decides on, so that the hot path compares numbers.
 *
 * The pseudo-header fields come first: `kind >= FieldKind.method && kind <= FieldKind.status` is a pseudo-header field.
 */
export const FieldKind = {
  other: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  status: 5,
  te: 6,
  contentType: 7,
  contentLength: 8,
  host: 9,
  grpcTimeout: 10,
  grpcStatus: 11,
  grpcMessage: 12,
  grpcStatusDetails: 13,
  traceparent: 14,
  tracestate: 15,
  cookie: 16,
  userAgent: 17,
  xForwardedClientCert: 18,
  /** Any other name that begins with `x-forwarded-`. */
  xForwarded: 19,
  /** Any name that begins with `x-envoy-`. */
  xEnvoy: 20,
  xRequestId: 21,
  authorization: 22,
  grpcEncoding: 23,
  grpcAcceptEncoding: 24,
  forwarded: 25,
  via: 26,
  /** `expect`, which a relay that forwards at once has no use for. */
  expect: 27,
  date: 28,
  setCookie: 29,
  /** What a proxy in front might say about the client, and a backend might believe; see `proxyClaims`. */
  proxyClaim: 30,
} as const;

export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** Names of no standard by which proxies pass on who and where the client is. */
const proxyClaims = [
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-istio-attributes',
  'x-ssl-client-cert',
  'x-client-cert',
  'client-cert',
  'client-cert-chain',
];

const kindByName: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [':method', FieldKind.method],
  [':scheme', FieldKind.scheme],
  [':path', FieldKind.path],
  [':authority', FieldKind.authority],
  [':status', FieldKind.status],
  ['te', FieldKind.te],
  ['content-type', FieldKind.contentType],
  ['content-length', FieldKind.contentLength],
  ['host', FieldKind.host],
  ['grpc-timeout', FieldKind.grpcTimeout],
  ['grpc-status', FieldKind.grpcStatus],
  ['grpc-message', FieldKind.grpcMessage],
  ['grpc-status-details-bin', FieldKind.grpcStatusDetails],
  ['traceparent', FieldKind.traceparent],
  ['tracestate', FieldKind.tracestate],
  ['cookie', FieldKind.cookie],
  ['user-agent', FieldKind.userAgent],
  ['x-forwarded-client-cert', FieldKind.xForwardedClientCert],
  ['x-request-id', FieldKind.xRequestId],
  ['authorization', FieldKind.authorization],
  ['grpc-encoding', FieldKind.grpcEncoding],
  ['grpc-accept-encoding', FieldKind.grpcAcceptEncoding],
  ['forwarded', FieldKind.forwarded],
  ['via', FieldKind.via],
  ['expect', FieldKind.expect],
  ['date', FieldKind.date],
  ['set-cookie', FieldKind.setCookie],
  ...proxyClaims.map((name) => [name, FieldKind.proxyClaim] as const),
]);

/** The kind of a lower-case field name. */
export function fieldKindOf(name: string): FieldKind {
  const kind = kindByName.get(name);
  if (kind !== undefined) return kind;
  if (name.startsWith('x-forwarded-')) return FieldKind.xForwarded;
  if (name.startsWith('x-envoy-')) return FieldKind.xEnvoy;
  return FieldKind.other;
}

/** Kinds whose values are credentials or differ on each request: never interned, sent as never-indexed literals. */
const transientKinds: ReadonlySet<FieldKind> = new Set<FieldKind>([
  FieldKind.grpcTimeout,
  FieldKind.grpcMessage,
  FieldKind.grpcStatusDetails,
  FieldKind.traceparent,
  FieldKind.tracestate,
  FieldKind.cookie,
  FieldKind.setCookie,
  FieldKind.xForwardedClientCert,
  FieldKind.xRequestId,
  FieldKind.authorization,
  FieldKind.date,
]);

const transientNames: ReadonlySet<string> = new Set(['proxy-authorization', 'baggage', 'x-b3-traceid', 'x-b3-spanid']);

/** Whether values of this name must not be kept beyond their request. */
export function isTransientName(name: string, kind: FieldKind): boolean {
  return transientKinds.has(kind) || transientNames.has(name);
}
