export type {
  Cluster,
  ConnectionPool,
  Endpoint,
  EndpointSecurity,
  HashCookie,
  HashPolicy,
  OriginatedTls,
  OutlierDetection,
  PeerName,
  Warmup,
} from './cluster.ts';
export { applyPlanChange, isOfRoutes, isSamePlan, isWithin, planChange, type PlanChange } from './change.ts';
export { byId, changeListing, elementIn, emptyListing, listById, type Listing } from './collection.ts';
export type { PlanCollection } from './collections.ts';
export { diffPlans, nextListing, sameData, shareListing, type CollectionDiff, type PlanDiff } from './diff.ts';
export {
  listingsOf,
  packPlan,
  planOf,
  unpackPlan,
  withListings,
  type PackedPlan,
  type PlanListings,
} from './listings.ts';
export type {
  AuthorizationPolicy,
  PathPattern,
  PolicyCondition,
  PolicyOperation,
  PolicyRule,
  PolicySource,
  StringMatch,
} from './policy.ts';
export type {
  ClaimHeader,
  JwtKeys,
  JwtRule,
  PublicJwk,
  RequestAuthentication,
  TokenLocation,
} from './request-authentication.ts';
export type {
  CorsPolicy,
  DirectResponse,
  Fault,
  HeaderMatch,
  HeaderOperations,
  Mirror,
  NamedMatch,
  NameValue,
  PathMatch,
  PathRewrite,
  Redirect,
  RetryCondition,
  RetryPolicy,
  Rewrite,
  RouteAction,
  RouteFilters,
  RouteMatch,
  TextMatch,
  WeightedBackend,
} from './route.ts';
export { stableJson } from './stable-json.ts';
export type {
  Certificate,
  ClientValidation,
  Listener,
  Mesh,
  Outbound,
  Plan,
  PlanSecrets,
  PlanSink,
  Port,
  PortSecurity,
  Proxy,
  Route,
  VirtualHost,
} from './types.ts';
export {
  booleanAttributes,
  numberAttributes,
  textTests,
  textAttributes,
  type AccessLogRule,
  type CallAttribute,
  type CallCondition,
  type ComputedLabel,
  type HeaderAttribute,
  type MetricRule,
  type ProxyTelemetry,
  type TelemetryReporter,
  type TextAttribute,
  type TextExpression,
} from './telemetry.ts';
export { certificatesOf, validatePlan } from './validate.ts';
export type { WorkloadLabels } from './workload-labels.ts';
