import type { Origin } from '../base/index.ts';
import type { ConfigMap } from './core/config-map.ts';
import type { EndpointSlice } from './core/endpoint-slice.ts';
import type { Namespace } from './core/namespace.ts';
import type { Pod } from './core/pod.ts';
import type { SecretObject } from './core/secret.ts';
import type { ServiceAccount } from './core/service-account.ts';
import type { Service } from './core/service.ts';
import type { Workload } from './core/workload.ts';
import type { BackendTlsPolicy } from './gateway-api/backend-tls-policy.ts';
import type { GatewayClass } from './gateway-api/gateway-class.ts';
import type { Gateway } from './gateway-api/gateway.ts';
import type { GrpcRoute } from './gateway-api/grpc-route.ts';
import type { HttpRoute } from './gateway-api/http-route.ts';
import type { TcpRoute, TlsRoute } from './gateway-api/byte-routes.ts';
import type { ListenerSet } from './gateway-api/listener-set.ts';
import type { ReferenceGrant } from './gateway-api/reference-grant.ts';
import type { AuthorizationPolicy } from './istio/authorization-policy.ts';
import type { DestinationRule } from './istio/destination-rule.ts';
import type { IstioGateway } from './istio/istio-gateway.ts';
import type { PeerAuthentication } from './istio/peer-authentication.ts';
import type { VirtualService } from './istio/virtual-service.ts';
import type { RequestAuthentication } from './istio/request-authentication.ts';
import type { ServiceEntry } from './istio/service-entry.ts';
import type { ProxyConfig } from './istio/proxy-config.ts';
import type { Telemetry } from './istio/telemetry.ts';
import type { Sidecar } from './istio/sidecar.ts';
import type { WorkloadEntry } from './istio/workload-entry.ts';
import type { WorkloadGroup } from './istio/workload-group.ts';

/** Everything that was read, by kind, each list in the order of the files. */
export interface Resources {
  readonly gatewayClasses: readonly GatewayClass[];
  readonly gateways: readonly Gateway[];
  readonly listenerSets: readonly ListenerSet[];
  readonly httpRoutes: readonly HttpRoute[];
  readonly grpcRoutes: readonly GrpcRoute[];
  readonly tlsRoutes: readonly TlsRoute[];
  readonly tcpRoutes: readonly TcpRoute[];
  readonly backendTlsPolicies: readonly BackendTlsPolicy[];
  readonly referenceGrants: readonly ReferenceGrant[];
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly serviceAccounts: readonly ServiceAccount[];
  readonly secrets: readonly SecretObject[];
  readonly configMaps: readonly ConfigMap[];
  readonly pods: readonly Pod[];
  readonly deployments: readonly Workload[];
  readonly statefulSets: readonly Workload[];
  readonly daemonSets: readonly Workload[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly sidecars: readonly Sidecar[];
  readonly destinationRules: readonly DestinationRule[];
  readonly istioGateways: readonly IstioGateway[];
  readonly virtualServices: readonly VirtualService[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly telemetries: readonly Telemetry[];
  readonly proxyConfigs: readonly ProxyConfig[];
  readonly workloadGroups: readonly WorkloadGroup[];
  readonly rejected: readonly RejectedResource[];
}

/**
 * An object with an error in itself, which an API server would have refused. A reference to it is not "absent", and
 * the absence of a policy among these must not open what it was to close.
 */
export interface RejectedResource {
  readonly origin: Origin;
  /** API group, empty for core. `origin` has kind, namespace and name. */
  readonly group: string;
}
