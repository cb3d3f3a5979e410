/** Where the bytes of a connection go that is relayed without reading HTTP. */
import { canonicalHost } from './host.ts';
import { lookupHost } from './host-index.ts';
import { formatOrigin } from '../base/index.ts';
import { quote } from './quote.ts';
import { selectListenerForSni } from './route.ts';
import { lookupOutbound } from './outbound-host.ts';
import type { CompiledListener, CompiledPort, CompiledVirtualHost, RouteDecision } from './types.ts';

const noListener: RouteDecision = { type: 'no-listener' };

/** By the server name of the ClientHello, empty if there was none; without TLS the port's one route has it all. */
export function decideRelay(port: CompiledPort, sni: string): RouteDecision {
  const listener = selectListenerForSni(port, sni);
  if (listener === undefined) return noListener;
  const virtualHost = listener.pinned ?? virtualHostFor(port, listener, sni);
  if (virtualHost === undefined) return listener.noVirtualHost;
  const { routes, routesByServerName } = virtualHost;
  const route =
    routesByServerName === undefined ? routes.routes[0] : lookupHost(routesByServerName, canonicalHost(sni));
  return route?.decision ?? virtualHost.noRoute;
}

function virtualHostFor(
  { outbound }: CompiledPort,
  { virtualHostsByHost, virtualHostsByServerName }: CompiledListener,
  sni: string,
): CompiledVirtualHost | undefined {
  if (virtualHostsByServerName === undefined) return lookupHost(virtualHostsByHost, canonicalHost(sni));
  return lookupOutbound(virtualHostsByServerName, { authority: sni, namespace: outbound?.namespace ?? '' });
}

/** Whether a connection whose ClientHello had this server name (empty: none was seen) is relayed as bytes. */
export function isRelayed(port: CompiledPort, sni: string): boolean {
  if (!port.relays && !port.asksServerName) return false;
  const selected = selectListenerForSni(port, sni);
  if (selected === undefined) return false;
  return selected.listener.relay !== undefined || (sni !== '' && selected.virtualHostsByServerName !== undefined);
}

/** Why no route has a connection, for the log. */
export function explainNoRelay(decision: RouteDecision, sni: string): string {
  const name = sni === '' ? 'no server name' : `server name ${quote(sni)}`;
  if (decision.type === 'no-listener') return `no listener for ${name}`;
  const { listener } = decision.listener;
  return `no route for ${name} at listener ${listener.name} (${formatOrigin(listener.origin)})`;
}
