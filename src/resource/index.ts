export { fieldCodes } from './codes.ts';
export { decodeAhead, decodeAll, type DecodeResult } from './decode-all.ts';
export { nearestName } from './nearest.ts';
export { requirementHolds } from './selectors.ts';
export { supportedFields, type SupportedField } from './supported-fields.ts';
export type { FieldSupport } from './schema.ts';
export type { ConfigMap } from './core/config-map.ts';
export type { EndpointSlice, SliceEndpoint, SlicePort } from './core/endpoint-slice.ts';
export type { Namespace } from './core/namespace.ts';
export type { ContainerPort, ContainerProbes, Pod, PodSpec } from './core/pod.ts';
export { userVolumes, type MountedVolume } from './core/volumes.ts';
export type { Probe, ProbeHandler } from './core/probe.ts';
export type { SecretObject } from './core/secret.ts';
export type { ServiceAccount } from './core/service-account.ts';
export type { Service, ServicePort } from './core/service.ts';
export type { PodTemplate, Workload } from './core/workload.ts';
export type { BackendTlsPolicy, BackendTlsTarget, CaReference } from './gateway-api/backend-tls-policy.ts';
export type { GatewayClass } from './gateway-api/gateway-class.ts';
export type { ByteRouteRule, TcpRoute, TlsRoute } from './gateway-api/byte-routes.ts';
export type { CaCertificateRef, FrontendTls, FrontendValidation } from './gateway-api/frontend-tls.ts';
export type { Gateway, GatewayAddress, GatewaySpec } from './gateway-api/gateway.ts';
export type { AllowedRoutes, CertificateRef, Listener, ListenerTls, RouteGroupKind } from './gateway-api/listener.ts';
export type { ListenerSet } from './gateway-api/listener-set.ts';
export type {
  GrpcMethodMatch,
  GrpcRoute,
  GrpcRouteMatch,
  GrpcRouteRule,
  GrpcRouteSpec,
} from './gateway-api/grpc-route.ts';
export type {
  HttpPathMatch,
  HttpRoute,
  HttpRouteMatch,
  HttpRouteRule,
  HttpRouteSpec,
} from './gateway-api/http-route.ts';
export type { ReferenceGrant, ReferenceGrantFrom, ReferenceGrantTo } from './gateway-api/reference-grant.ts';
export type { BackendRef } from './gateway-api/backend-refs.ts';
export type { CorsFilter } from './gateway-api/cors-filter.ts';
export type { RuleFilters } from './gateway-api/filters.ts';
export type { HeaderModifier } from './gateway-api/header-modifier.ts';
export type { MirrorFilter } from './gateway-api/mirror-filter.ts';
export type { NamedMatch } from './gateway-api/named-matches.ts';
export type { BackendObjectRef } from './gateway-api/object-ref.ts';
export type { ParentRef } from './gateway-api/references.ts';
export type { RetryRule } from './gateway-api/retry.ts';
export type { PathModifier, RedirectFilter, RewriteFilter } from './gateway-api/url-filters.ts';
export type {
  AuthorizationPolicy,
  AuthorizationPolicySpec,
  AuthorizationRule,
  PolicyCondition,
  PolicyOperation,
  PolicySource,
} from './istio/authorization-policy.ts';
export type { ClientTls } from './istio/client-tls.ts';
export type { ConnectionPoolSettings } from './istio/connection-pool.ts';
export type { DestinationRule, DestinationRuleSpec, Subset } from './istio/destination-rule.ts';
export type { LoadBalancer } from './istio/load-balancer.ts';
export type { Distribution, LocalitySetting } from './istio/locality-lb.ts';
export type { PortTrafficPolicy, TrafficPolicy } from './istio/traffic-policy.ts';
export type { GatewayServer, IstioGateway, ServerHost, ServerTls } from './istio/istio-gateway.ts';
export type { MtlsMode, PeerAuthentication, PortMtls } from './istio/peer-authentication.ts';
export type { HeaderChanges, RouteHeaders } from './istio/route-headers.ts';
export type { NamedStringMatch, StringMatch } from './istio/string-match.ts';
export type { VirtualHttpRoute, VirtualMirror, VirtualService } from './istio/virtual-service.ts';
export { blockHolds, prefixLength } from './address-block.ts';
export type { VirtualByteMatch, VirtualByteRoute } from './istio/virtual-service-bytes.ts';
export type { VirtualMatch } from './istio/virtual-service-match.ts';
export type { VirtualDestination, VirtualRetries, VirtualRouteDestination } from './istio/virtual-service-traffic.ts';
export type { JwtRule, RequestAuthentication } from './istio/request-authentication.ts';
export type { PolicyTargets } from './istio/targets.ts';
export type { ServiceEntry, ServiceEntryEndpoint, ServiceEntryPort } from './istio/service-entry.ts';
export type {
  AccessLogging,
  MetricName,
  MetricOverride,
  TagOverride,
  Telemetry,
  TelemetryMode,
} from './istio/telemetry.ts';
export type { Sidecar, SidecarEgress, SidecarHost, SidecarIngress } from './istio/sidecar.ts';
export type { WorkloadEntry } from './istio/workload-entry.ts';
export type { WorkloadGroup } from './istio/workload-group.ts';
export type {
  LabelRequirement,
  LabelSelector,
  Located,
  ObjectMeta,
  ResourceObject,
  Unsupported,
  WorkloadSelector,
} from './object.ts';
export type { RejectedResource, Resources } from './resources.ts';
export { isRegex } from './regex.ts';
