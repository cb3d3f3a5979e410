/** Hot: `decideRoute` runs once per request and answers with objects made at compile time. */
import { canonicalHost } from './host.ts';
import { lookupHost } from './host-index.ts';
import { lookupOutbound } from './outbound-host.ts';
import { describePath } from './route-conditions.ts';
import { candidatesFor } from './route-index.ts';
import type { RequestFacts } from './facts.ts';
import type {
  CompiledListener,
  CompiledPort,
  CompiledRoute,
  HostResolution,
  RouteDecision,
  RouteTrace,
} from './types.ts';

const noListener: RouteDecision = { type: 'no-listener' };

/**
 * Which route a request takes. Gateway API listener isolation: the most specific listener for the host gets the request, and
 * then only that listener's virtual hosts and routes count. Among routes the one of lowest `order` wins.
 *
 * With a `trace` the same steps are also written down.
 */
export function decideRoute(port: CompiledPort, request: RequestFacts, trace?: RouteTrace): RouteDecision {
  const host = resolveHost(port, request.authority);
  if (trace !== undefined) traceHost(trace, host);
  if (host === undefined) return noListener;
  const { listener, virtualHost } = host;
  if (virtualHost === undefined) return listener.noVirtualHost;
  const candidates = candidatesFor(virtualHost.routes, request.path);
  for (let i = 0; i < candidates.length; i++) {
    const route = candidates[i] as CompiledRoute;
    const mismatch = firstMismatch(route, request);
    if (trace !== undefined) traceRoute(trace, route, mismatch);
    if (mismatch === undefined) return route.decision;
  }
  return virtualHost.noRoute;
}

function resolveHost(port: CompiledPort, authority: string): HostResolution | undefined {
  const cached = port.hosts.get(authority);
  if (cached !== undefined) return cached;
  const host = canonicalHost(authority);
  const listener = lookupHost(port.listenersByHost, host);
  if (listener === undefined) return undefined;
  const { pinned, virtualHostsByHost } = listener;
  const resolution = {
    listener,
    virtualHost:
      pinned ??
      (port.outbound === undefined
        ? lookupHost(virtualHostsByHost, host)
        : lookupOutbound(virtualHostsByHost, { authority, namespace: port.outbound.namespace })),
  };
  port.hosts.set(authority, resolution);
  return resolution;
}

/** What of the conditions beside the path does not hold, in the user's words; undefined when all hold. */
export function firstMismatch({ conditions }: CompiledRoute, request: RequestFacts): string | undefined {
  for (let i = 0; i < conditions.length; i++) {
    const condition = conditions[i] as CompiledRoute['conditions'][number];
    if (!condition.holds(request)) return condition.wants;
  }
  return undefined;
}

/** The listener that a TLS handshake for this server name selects: its certificate, and the requests it may carry. */
export function selectListenerForSni(port: CompiledPort, sni: string): CompiledListener | undefined {
  return lookupHost(port.listenersByHost, canonicalHost(sni));
}

/**
 * Whether a request came over a connection whose server name selected another listener than its authority does; then it
 * is to be answered with `misdirected` (421, Gateway API `GatewayTLSConfig`, connection coalescing), whatever its route.
 * Listeners of one group are one here.
 */
export function isMisdirected(sniListener: CompiledListener | undefined, decision: RouteDecision): boolean {
  if (decision.type === 'no-listener' || decision.listener === sniListener) return false;
  const { group } = decision.listener.listener;
  return group === undefined || group !== sniListener?.listener.group;
}

function traceHost(trace: RouteTrace, host: HostResolution | undefined): void {
  if (host === undefined) {
    trace.steps.push({ what: 'listener', outcome: 'missing', origin: undefined });
    return;
  }
  const { listener } = host.listener;
  trace.steps.push({
    what: `listener ${listener.name} (${listener.hostname})`,
    outcome: 'chosen',
    origin: listener.origin,
  });
  const virtualHost = host.virtualHost?.virtualHost;
  trace.steps.push(
    virtualHost === undefined
      ? { what: 'virtual host', outcome: 'missing', origin: undefined }
      : { what: `virtual host ${virtualHost.hostname}`, outcome: 'chosen', origin: virtualHost.origin },
  );
}

function traceRoute(trace: RouteTrace, route: CompiledRoute, mismatch: string | undefined): void {
  const what = describePath(route.route.match.path);
  trace.steps.push(
    mismatch === undefined
      ? { what, outcome: 'chosen', origin: route.route.origin }
      : { what: `${what} wants ${mismatch}`, outcome: 'passed over', origin: route.route.origin },
  );
}
