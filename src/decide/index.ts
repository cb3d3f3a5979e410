export { decideAuthorization, decideCustom } from './authorize.ts';
export {
  arrangeEndpoints,
  groupAt,
  nextLocality,
  type Arrangeable,
  type LocalityGroup,
  type PriorityGroup,
} from './arrangement.ts';
export { chooseBackend, chooseEndpoint, type Random, type SimplePolicy } from './balance.ts';
export { BoundedCache } from './bounded-cache.ts';
export { compileProxy } from './compile-proxy.ts';
export { recompileProxy } from './recompile-proxy.ts';
export { decideCors, type CompiledCors, type CorsDecision } from './cors.ts';
export { explainRefusal, type Refusal } from './explain.ts';
export type { ConnectionFacts, RequestFacts } from './facts.ts';
export { cookieValue, hashText } from './hash.ts';
export { buildHashTable, slotOf, type HashTable } from './hash-table.ts';
export { canonicalHost } from './host.ts';
export { localAnswer, type LocalAnswer, type LocalCause } from './local-answer.ts';
export { compileLogFilter } from './log-filter.ts';
export { compileTextExpression } from './text-expression.ts';
export { missedOutbound } from './outbound-host.ts';
export { queryParameter, withoutParameter } from './query.ts';
export {
  eject,
  ejectionMs,
  httpStatusOfGrpc,
  mayEject,
  newHostHealth,
  noteLocalFailure,
  noteStatus,
  sweepHost,
  type EjectionCause,
  type HostHealth,
  type LocalFailure,
} from './outlier.ts';
export { isGrpcPath } from './path.ts';
export { isPlainAuthority, isPlainPath } from './plain-path.ts';
export { rewritePath, type CompiledPathRewrite } from './path-rewrite.ts';
export { bindAuthorization } from './policy-bind.ts';
export { authorizeConnection, type ConnectionVerdict } from './policy-bytes.ts';
export type {
  AuthorizationDecision,
  AuthorizationTrace,
  AuthorizationTraceStep,
  BoundAuthorization,
  PolicyReference,
  ShadowDecision,
} from './policy-types.ts';
export { quote } from './quote.ts';
export { redirectLocation, type CompiledRedirect } from './redirect-location.ts';
export { decideRelay, isRelayed, explainNoRelay } from './relay.ts';
export { claimAt, type TokenFacts } from './token-facts.ts';
export { wireText } from './regex.ts';
export { retriesFailure, retriesResponse, retryLimit, retryWaitMs, type AttemptFailure } from './retry.ts';
export { protectedNames, type CompiledActions } from './route-actions.ts';
export { decideRoute, isMisdirected, selectListenerForSni } from './route.ts';
export type {
  CompiledBackend,
  CompiledCluster,
  CompiledListener,
  CompiledPort,
  CompiledProxy,
  CompiledRoute,
  CompiledVirtualHost,
  RouteDecision,
  RouteTrace,
  RouteTraceStep,
} from './types.ts';
export { warmupShare } from './warmup.ts';
