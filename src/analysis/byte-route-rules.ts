import type { ByteRouteRule, TcpRoute, TlsRoute } from '../resource/index.ts';
import type { RouteSource } from './route-rules.ts';

/** TLSRoute and TCPRoute in the form of the others: one rule that takes whatever reaches it. */
export function fromTlsRoute({ origin, metadata, spec }: TlsRoute): RouteSource {
  const { parentRefs, hostnames } = spec;
  return { kind: 'TLSRoute', origin, metadata, parentRefs, hostnames, rules: spec.rules.map(ruleOf) };
}

export function fromTcpRoute({ origin, metadata, spec }: TcpRoute): RouteSource {
  return {
    kind: 'TCPRoute',
    origin,
    metadata,
    parentRefs: spec.parentRefs,
    hostnames: [],
    rules: spec.rules.map(ruleOf),
  };
}

function ruleOf({ origin, backendRefs }: ByteRouteRule): RouteSource['rules'][number] {
  return {
    origin,
    matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [] }],
    backendRefs,
    filters: {},
    mirrors: [],
    unsupported: [],
  };
}
