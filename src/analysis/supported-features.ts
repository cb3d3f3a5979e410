/**
 * `GatewayClass.status.supportedFeatures`: features of the Gateway API v1.6 (`pkg/features`), sorted by name. A name stands for the
 * conformance tests that need it, so it is here only if all of those could pass.
 *
 * Not here: HTTPRoute and what begins with its name, whose tests send HTTP/1.1, and everything of HTTP/1.1 besides (routes of that
 * kind are served, for gRPC over HTTP/2); GatewayInfrastructurePropagation, since no Pod or Service is made that could carry the
 * labels; UDPRoute; and features of a mesh, which are those of no class.
 */
export const supportedFeatures: readonly string[] = [
  'BackendTLSPolicy',
  'BackendTLSPolicySANValidation',
  'GRPCRoute',
  'GRPCRouteNamedRouteRule',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayBackendClientCertificate',
  'GatewayFrontendClientCertificateValidation',
  'GatewayFrontendClientCertificateValidationInsecureFallback',
  'GatewayHTTPListenerIsolation',
  'GatewayHTTPSListenerDetectMisdirectedRequests',
  'GatewayPort8080',
  'GatewayStaticAddresses',
  'ListenerSet',
  'ReferenceGrant',
  'TCPRoute',
  'TLSRoute',
  'TLSRouteModeMixed',
  'TLSRouteModeTerminate',
];
