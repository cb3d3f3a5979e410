import { formatOrigin } from '../base/index.ts';
import type { RequestFacts } from './facts.ts';
import { canonicalHost } from './host.ts';
import { maxExplained } from './limits.ts';
import { pathWithoutQuery } from './path.ts';
import { quote } from './quote.ts';
import { firstMismatch } from './route.ts';
import { describePath } from './route-conditions.ts';
import { candidatesFor } from './route-index.ts';
import { asciiLower } from './text-match.ts';
import { idleHost } from './outbound-host.ts';
import type { CompiledOutbound, CompiledPort, CompiledRoute, CompiledVirtualHost, RouteDecision } from './types.ts';

/** Why no route took a request, with the hostname or route that came nearest. */
export function explainRoute(refusal: {
  readonly port: CompiledPort;
  readonly request: RequestFacts;
  readonly decision: RouteDecision;
}): string {
  const { port, request, decision } = refusal;
  switch (decision.type) {
    case 'route':
      return `routed by ${formatOrigin(decision.route.route.origin)}`;
    case 'no-listener':
      return noListener(port, request.authority);
    case 'no-virtual-host': {
      if (port.outbound !== undefined) return explainOutbound({ ...refusal, outbound: port.outbound });
      const { listener, virtualHosts } = decision.listener;
      const where = `listener ${listener.name} (${formatOrigin(listener.origin)})`;
      const hosts = virtualHosts.slice(0, maxExplained).map(({ virtualHost }) => virtualHost);
      return `no route for host ${quote(request.authority)} on ${where}; ${nearestHost(request.authority, hosts)}`;
    }
    case 'no-route':
      return noRoute(decision.virtualHost, request);
  }
}

/** An app called a host through its sidecar that leads nowhere. */
function explainOutbound({
  port,
  request,
  outbound,
}: {
  readonly port: CompiledPort;
  readonly request: RequestFacts;
  readonly outbound: CompiledOutbound;
}): string {
  const { authority } = request;
  const idle = idleHost(outbound, authority);
  if (idle !== undefined) return `nothing runs behind ${idle}`;
  const hosts = port.listeners.flatMap(({ virtualHosts }) => virtualHosts.map(({ virtualHost }) => virtualHost));
  const setBy = outbound.origin === undefined ? '' : ` (${formatOrigin(outbound.origin)})`;
  const why =
    outbound.unknownHosts === 'REGISTRY_ONLY'
      ? `outboundTrafficPolicy is REGISTRY_ONLY${setBy}`
      : 'ALLOW_ANY passes calls on to the address that the app connected to, which here is the sidecar itself: add a ServiceEntry';
  return `host ${quote(authority)} is no Service port: ${why}; ${nearestHost(authority, hosts.slice(0, maxExplained))}`;
}

interface Named {
  readonly hostname: string;
  readonly origin: CompiledVirtualHost['virtualHost']['origin'];
}

function noListener(port: CompiledPort, authority: string): string {
  const listeners = port.listeners.slice(0, maxExplained).map(({ listener }) => listener);
  return `no listener of port ${port.port.number} (${formatOrigin(port.port.origin)}) for host ${quote(authority)}; ${nearestHost(authority, listeners)}`;
}

function nearestHost(authority: string, hosts: readonly Named[]): string {
  const wanted = canonicalHost(authority);
  const nearest = best(hosts, ({ hostname }) => commonSuffix(wanted, hostname));
  return nearest === undefined
    ? 'it serves no host'
    : `nearest is host ${nearest.hostname} of ${formatOrigin(nearest.origin)}`;
}

function noRoute({ virtualHost, routes }: CompiledVirtualHost, request: RequestFacts): string {
  const path = pathWithoutQuery(request.path);
  const what = `no route for ${quote(path)} on host ${virtualHost.hostname}`;
  // A route whose path matches but whose method or header does not is nearer than any other.
  const conditional = candidatesFor(routes, request.path)[0];
  if (conditional !== undefined) {
    const mismatch = firstMismatch(conditional, request) ?? '';
    return `${what}; nearest ${formatOrigin(conditional.route.origin)} also wants ${mismatch}`;
  }
  const nearest = best(routes.routes.slice(0, maxExplained), (route) => nearness(route, path));
  if (nearest === undefined) return `${what}; it has no routes`;
  return `${what}; nearest ${formatOrigin(nearest.route.origin)} wants ${describePath(nearest.route.match.path)}`;
}

function nearness(route: CompiledRoute, path: string): number {
  const { path: match } = route.route.match;
  if (match.type === 'RegularExpression') return 0;
  return 'ignoreCase' in match
    ? commonPrefix(asciiLower(path), asciiLower(match.value))
    : commonPrefix(path, match.value);
}

/** The element of highest score, the first of equals. */
function best<T>(elements: readonly T[], score: (element: T) => number): T | undefined {
  let chosen: T | undefined;
  let highest = -1;
  for (const element of elements) {
    const value = score(element);
    if (value > highest) {
      chosen = element;
      highest = value;
    }
  }
  return chosen;
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function commonSuffix(a: string, b: string): number {
  let length = 0;
  while (
    length < a.length &&
    length < b.length &&
    a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)
  ) {
    length++;
  }
  return length;
}
