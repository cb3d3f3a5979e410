import { configMapKind } from './core/config-map.ts';
import { endpointSliceKind } from './core/endpoint-slice.ts';
import { namespaceKind } from './core/namespace.ts';
import { podKind } from './core/pod.ts';
import { secretKind } from './core/secret.ts';
import { serviceAccountKind } from './core/service-account.ts';
import { serviceKind } from './core/service.ts';
import { daemonSetKind, deploymentKind, statefulSetKind } from './core/workload.ts';
import { backendTlsPolicyKind } from './gateway-api/backend-tls-policy.ts';
import { gatewayClassKind } from './gateway-api/gateway-class.ts';
import { gatewayKind } from './gateway-api/gateway.ts';
import { grpcRouteKind } from './gateway-api/grpc-route.ts';
import { httpRouteKind } from './gateway-api/http-route.ts';
import { tcpRouteKind, tlsRouteKind } from './gateway-api/byte-routes.ts';
import { listenerSetKind } from './gateway-api/listener-set.ts';
import { referenceGrantKind } from './gateway-api/reference-grant.ts';
import { authorizationPolicyKind } from './istio/authorization-policy.ts';
import { destinationRuleKind } from './istio/destination-rule.ts';
import { istioGatewayKind } from './istio/istio-gateway.ts';
import { peerAuthenticationKind } from './istio/peer-authentication.ts';
import { virtualServiceKind } from './istio/virtual-service.ts';
import { requestAuthenticationKind } from './istio/request-authentication.ts';
import { serviceEntryKind } from './istio/service-entry.ts';
import { proxyConfigKind } from './istio/proxy-config.ts';
import { telemetryKind } from './istio/telemetry.ts';
import { sidecarKind } from './istio/sidecar.ts';
import { workloadEntryKind } from './istio/workload-entry.ts';
import { workloadGroupKind } from './istio/workload-group.ts';
import type { Kind } from './kind.ts';
import type { Resources } from './resources.ts';

type ListName = Exclude<keyof Resources, 'rejected'>;

/** Each list of `Resources` with the kind that fills it: the one table of kinds that are read. */
export const kinds = {
  gatewayClasses: gatewayClassKind,
  gateways: gatewayKind,
  listenerSets: listenerSetKind,
  httpRoutes: httpRouteKind,
  grpcRoutes: grpcRouteKind,
  tlsRoutes: tlsRouteKind,
  tcpRoutes: tcpRouteKind,
  backendTlsPolicies: backendTlsPolicyKind,
  referenceGrants: referenceGrantKind,
  namespaces: namespaceKind,
  services: serviceKind,
  endpointSlices: endpointSliceKind,
  serviceAccounts: serviceAccountKind,
  secrets: secretKind,
  configMaps: configMapKind,
  pods: podKind,
  deployments: deploymentKind,
  statefulSets: statefulSetKind,
  daemonSets: daemonSetKind,
  workloadEntries: workloadEntryKind,
  serviceEntries: serviceEntryKind,
  sidecars: sidecarKind,
  destinationRules: destinationRuleKind,
  istioGateways: istioGatewayKind,
  virtualServices: virtualServiceKind,
  authorizationPolicies: authorizationPolicyKind,
  peerAuthentications: peerAuthenticationKind,
  requestAuthentications: requestAuthenticationKind,
  telemetries: telemetryKind,
  proxyConfigs: proxyConfigKind,
  workloadGroups: workloadGroupKind,
} satisfies { [List in ListName]: Kind<Resources[List][number]> };

const meshGroups = [
  'gateway.networking.k8s.io',
  'gateway.networking.x-k8s.io',
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
];

/** Kubernetes' own API groups, whose kinds gain fields with each release. */
export function isKubernetesGroup(group: string): boolean {
  return group === '' || group === 'apps' || group === 'discovery.k8s.io';
}

/**
 * Whether a kind that is not read has a part in the traffic path, so that leaving it out changes what happens to
 * requests: all of the Gateway API and Istio, and the older ways into a cluster and around it.
 */
export function isTrafficKind(group: string, kind: string): boolean {
  if (meshGroups.includes(group)) return true;
  if (group === 'networking.k8s.io') return kind === 'Ingress' || kind === 'NetworkPolicy';
  if (group === '') return kind === 'Endpoints' || kind === 'ReplicationController';
  return group === 'apps' && kind === 'ReplicaSet';
}
