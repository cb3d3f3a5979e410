/**
 * What a route does to a request beside sending it on, in the order of Envoy's filters as Istio arranges them: fault, CORS,
 * then the route's own answer or the way to the backend with changed headers, and copies for mirrors.
 */
import { formatOrigin } from '../base/index.ts';
import {
  decideCors,
  isGrpcPath,
  quote,
  rewritePath,
  type CompiledActions,
  type CompiledRoute,
  type LocalCause,
} from '../decide/index.ts';
import { FieldKind, internField, type Field } from '../http2/index.ts';
import type { Fault } from '../plan/index.ts';
import { ActionFlag, ActionState } from './action-state.ts';
import { happens } from './chance.ts';
import { chooseUpstream } from './choose-upstream.ts';
import { holdRouteLimit, startRouteLimit } from './deadline.ts';
import { failExchange } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { changeRequestHeaders } from './header-operations.ts';
import { answerAbort, answerDirectly, answerPreflight, answerRedirect } from './local-response.ts';
import { sendOn, startMirrors } from './mirror.ts';
import { checkHead } from './request-head.ts';
import { limitTries } from './retry.ts';
import type { Runtime } from './runtime.ts';

/**
 * Applies a route's actions. A cause when the request goes no further; otherwise it has its cluster and may be dispatched, or
 * it has none because it waits or was answered here.
 */
export function applyActions(
  runtime: Runtime,
  exchange: Exchange,
  route: CompiledRoute,
  actions: CompiledActions,
): LocalCause | undefined {
  exchange.actions = actions;
  const delay = actions.fault?.delay;
  if (actions.fault !== undefined && delay !== undefined && happens(delay.percent, runtime.random)) {
    delayRequest(runtime, exchange, { route, actions, fault: actions.fault, delayMs: delay.delayMs });
    return undefined;
  }
  return afterDelay(runtime, exchange, route, actions);
}

function delayRequest(
  runtime: Runtime,
  exchange: Exchange,
  {
    route,
    actions,
    fault,
    delayMs,
  }: {
    readonly route: CompiledRoute;
    readonly actions: CompiledActions;
    readonly fault: Fault;
    readonly delayMs: number;
  },
): void {
  const extra = (exchange.extra ??= new ActionState());
  extra.flags |= ActionFlag.delayInjected;
  extra.note = `delayed ${delayMs} ms by ${formatOrigin(fault.origin)}`;
  // The route's limit is for the upstream, whose time begins after the delay; the caller's deadline goes on.
  holdRouteLimit(runtime, exchange);
  extra.arm(runtime.wheel, delayMs, () => {
    if (exchange.done || exchange.responseEnded) return;
    startRouteLimit(runtime, exchange);
    runtime.view.show(exchange.head, exchange.headCount, exchange.token);
    const cause = afterDelay(runtime, exchange, route, actions);
    if (cause !== undefined) failExchange(exchange, cause);
    else if (exchange.cluster !== undefined) sendOn(runtime, exchange);
  });
}

/** The view shows the request. */
function afterDelay(
  runtime: Runtime,
  exchange: Exchange,
  route: CompiledRoute,
  actions: CompiledActions,
): LocalCause | undefined {
  const { fault } = actions;
  if (fault?.abort !== undefined && happens(fault.abort.percent, runtime.random)) {
    answerAbort(exchange, fault.abort, fault);
    return undefined;
  }
  if (route.cors !== undefined) {
    const cors = decideCors(route.cors, runtime.view);
    if (cors.type === 'preflight') {
      answerPreflight(exchange, cors.headers);
      return undefined;
    }
    if (cors.type === 'actual') (exchange.extra ??= new ActionState()).corsHeaders = cors.headers;
  }
  const { action } = route.route;
  if (action.type === 'redirect') return answerRedirect(runtime, exchange, route);
  if (action.type === 'direct') {
    answerDirectly(exchange, action);
    return undefined;
  }
  return prepareForwarding(runtime, exchange, route, actions);
}

function prepareForwarding(
  runtime: Runtime,
  exchange: Exchange,
  route: CompiledRoute,
  actions: CompiledActions,
): LocalCause | undefined {
  // Only a route that answers here itself is asked about other requests than gRPC calls; none of them is sent on.
  const cause =
    checkHead(exchange) ?? chooseUpstream(runtime, exchange, route) ?? rewriteHead(exchange, route, actions);
  if (cause !== undefined) return cause;
  changeRequestHeaders(exchange);
  const tryMs = actions.retry?.policy.perTryTimeoutMs;
  if (tryMs !== undefined) limitTries(runtime, exchange, tryMs);
  if (actions.mirrors !== undefined) startMirrors(runtime, exchange, actions.mirrors);
  return undefined;
}

/** New `:authority` and `:path`. What is no gRPC path afterwards is not sent on: the backend must read what policies read. */
function rewriteHead(exchange: Exchange, route: CompiledRoute, { host }: CompiledActions): LocalCause | undefined {
  const { pathRewrite } = route;
  if (pathRewrite !== undefined) {
    const path = rewritePath(pathRewrite, exchange.path);
    if (!isGrpcPath(path)) {
      const { rewrite, origin } = route.route;
      (exchange.extra ??= new ActionState()).note =
        `${formatOrigin(rewrite?.origin ?? origin)} makes it ${quote(path)}`;
      return 'rewrite_invalid';
    }
    replace(exchange, FieldKind.path, internField(':path', path));
  }
  if (host !== undefined) replace(exchange, FieldKind.authority, internField(':authority', host));
  return undefined;
}

/** Pseudo-header fields come first; one that a request may lack is put before them. */
function replace(exchange: Exchange, kind: number, field: Field): void {
  const { head, headCount } = exchange;
  for (let i = 0; i < headCount; i++) {
    if ((head[i] as Field).kind !== kind) continue;
    head[i] = field;
    return;
  }
  head.length = headCount;
  head.unshift(field);
  exchange.headCount++;
  if (exchange.timeoutIndex !== -1) exchange.timeoutIndex++;
}
