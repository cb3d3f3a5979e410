/** Where the bytes of a connection go that is relayed without reading HTTP. */
import { canonicalHost } from './host.ts';
import { lookupHost } from './host-index.ts';
import { formatOrigin } from '../base/index.ts';
import { quote } from './quote.ts';
import { selectListenerForSni } from './route.ts';
import type { CompiledPort, RouteDecision } from './types.ts';

const noListener: RouteDecision = { type: 'no-listener' };

/** By the server name of the ClientHello, empty if there was none; without TLS the port's one route has it all. */
export function decideRelay(port: CompiledPort, sni: string): RouteDecision {
  const listener = selectListenerForSni(port, sni);
  if (listener === undefined) return noListener;
  const virtualHost = listener.pinned ?? lookupHost(listener.virtualHostsByHost, canonicalHost(sni));
  if (virtualHost === undefined) return listener.noVirtualHost;
  const { routes, routesByServerName } = virtualHost;
  const route =
    routesByServerName === undefined ? routes.routes[0] : lookupHost(routesByServerName, canonicalHost(sni));
  return route?.decision ?? virtualHost.noRoute;
}

/** Why no route has a connection, for the log. */
export function explainNoRelay(decision: RouteDecision, sni: string): string {
  const name = sni === '' ? 'no server name' : `server name ${quote(sni)}`;
  if (decision.type === 'no-listener') return `no listener for ${name}`;
  const { listener } = decision.listener;
  return `no route for ${name} at listener ${listener.name} (${formatOrigin(listener.origin)})`;
}
