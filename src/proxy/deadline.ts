// Hot file: once per request.
import { parseGrpcTimeout } from '../grpc/index.ts';
import type { Field } from '../http2/index.ts';
import type { Exchange } from './exchange.ts';
import type { Runtime } from './runtime.ts';

/** Starts the timer of the caller's or the route's limit, whichever ends first; true when the time is up already. */
export function armDeadline(runtime: Runtime, exchange: Exchange): boolean {
  const { decision, timeoutIndex } = exchange;
  const routeMs = decision?.type === 'route' ? decision.route.route.timeoutMs : undefined;
  // A value that is no timeout counts as none and is dropped below, as grpc-go and Envoy do.
  const asked = timeoutIndex === -1 ? undefined : parseGrpcTimeout((exchange.head[timeoutIndex] as Field).value);
  if (asked !== undefined) exchange.deadlineMs = exchange.startMs + asked;
  else if (timeoutIndex !== -1) dropTimeout(exchange);
  if (asked === undefined && routeMs === undefined) return false;
  const limitMs = Math.min(asked ?? Number.POSITIVE_INFINITY, routeMs ?? Number.POSITIVE_INFINITY);
  exchange.deadlineIsRoute = limitMs !== asked;
  if (limitMs <= 0) return true;
  if (limitMs <= runtime.limits.deadlineMaxMs) runtime.wheel.armAt(exchange.timer, exchange.startMs + limitMs);
  return false;
}

function dropTimeout(exchange: Exchange): void {
  const { head, timeoutIndex } = exchange;
  for (let i = timeoutIndex; i < exchange.headCount - 1; i++) head[i] = head[i + 1] as Field;
  exchange.headCount--;
  exchange.timeoutIndex = -1;
}

/** While an injected delay lasts only the caller's deadline counts. */
export function holdRouteLimit(runtime: Runtime, exchange: Exchange): void {
  if (!exchange.deadlineIsRoute) return;
  exchange.deadlineIsRoute = false;
  runtime.wheel.cancel(exchange.timer);
  const leftMs = exchange.deadlineMs - runtime.wheel.nowMs();
  if (leftMs <= runtime.limits.deadlineMaxMs) runtime.wheel.arm(exchange.timer, Math.max(0, leftMs));
}

/** The route's limit begins now, unless the caller's deadline ends before it. */
export function startRouteLimit(runtime: Runtime, exchange: Exchange): void {
  const { decision } = exchange;
  const routeMs = decision?.type === 'route' ? decision.route.route.timeoutMs : undefined;
  const leftMs = exchange.deadlineMs - runtime.wheel.nowMs();
  if (routeMs === undefined || routeMs >= leftMs || routeMs > runtime.limits.deadlineMaxMs) return;
  exchange.deadlineIsRoute = true;
  runtime.wheel.arm(exchange.timer, routeMs);
}
