import type { DiagnosticCode } from '../base/index.ts';
import { gatewayCodes } from './gateway-codes.ts';
import { outboundCodes } from './outbound-codes.ts';
import { virtualCodes } from './virtual-codes.ts';

/** Findings about references between objects (SP01xx), policy and mutual TLS (SP03xx), workloads (SP04xx), supplied objects (SP05xx). */
export const codes = {
  gatewayNotServed: {
    code: 'SP0101',
    severity: 'info',
    title: 'A Gateway is of a class other than the one that is served.',
  },
  parentKindUnsupported: {
    code: 'SP0102',
    severity: 'warning',
    title: 'A route names a parent that is not a Gateway.',
  },
  noMatchingParent: {
    code: 'SP0103',
    severity: 'error',
    title: 'A route names a listener or port that its Gateway does not have.',
    also: ['IST0101'],
  },
  parentNotFound: {
    code: 'SP0104',
    severity: 'error',
    title: 'A route names a Gateway that does not exist.',
    also: ['IST0101'],
  },
  notAllowedByListeners: {
    code: 'SP0105',
    severity: 'error',
    title: 'No listener of the Gateway allows this route.',
  },
  noMatchingHostname: {
    code: 'SP0106',
    severity: 'error',
    title: 'No hostname of the route is one of a listener of the Gateway.',
    also: ['IST0132'],
  },
  backendNotFound: {
    code: 'SP0107',
    severity: 'error',
    title: 'A backend names a Service that does not exist.',
    also: ['IST0101', 'KIA1102'],
  },
  backendPortNotFound: {
    code: 'SP0108',
    severity: 'error',
    title: 'A backend names a port that its Service does not have.',
    also: ['IST0101'],
  },
  backendKindUnsupported: {
    code: 'SP0109',
    severity: 'error',
    title: 'A backend is of a kind that cannot be routed to.',
  },
  backendNotPermitted: {
    code: 'SP0110',
    severity: 'error',
    title: 'A backend in another namespace without a ReferenceGrant.',
  },
  listenerConflict: {
    code: 'SP0112',
    severity: 'error',
    title: 'Two listeners of a Gateway cannot share their port.',
    also: ['IST0145'],
  },
  certificateInvalid: {
    code: 'SP0113',
    severity: 'error',
    title: 'A listener names a certificate that does not exist or cannot be used.',
    also: ['IST0161'],
  },
  certificateNotPermitted: {
    code: 'SP0114',
    severity: 'error',
    title: 'A certificate in another namespace without a ReferenceGrant.',
    also: ['IST0161'],
  },
  routeKindUnsupported: {
    code: 'SP0115',
    severity: 'error',
    title: 'A listener allows a kind of route that is not supported.',
  },
  routeKindsMixed: {
    code: 'SP0117',
    severity: 'info',
    title: 'HTTPRoute and GRPCRoute share a hostname on one listener; other gateways may refuse one of them.',
  },
  ruleWithoutBackend: {
    code: 'SP0118',
    severity: 'warning',
    title: 'A rule has no backend that takes requests.',
  },
  destinationHostUnknown: {
    code: 'SP0119',
    severity: 'warning',
    title: 'The host of a DestinationRule is no Service.',
    also: ['IST0174', 'KIA0202'],
  },
  certificateAllUnusable: {
    code: 'SP0120',
    severity: 'error',
    title: 'An HTTPS listener has no usable certificate and is not opened.',
  },
  queryNeverHolds: {
    code: 'SP0121',
    severity: 'info',
    title: 'A rule that forwards gRPC calls asks for query parameters, which they do not have.',
  },
  retryCodesOfHttp: {
    code: 'SP0122',
    severity: 'info',
    title: 'A rule retries by HTTP status codes, of which gRPC calls have only 200.',
  },
  methodNeverHolds: {
    code: 'SP0123',
    severity: 'info',
    title: 'A rule that forwards gRPC calls asks for a method other than POST, which all of them have.',
  },
  ...gatewayCodes,
  ...virtualCodes,
  ...outboundCodes,
  policySelectsNothing: {
    code: 'SP0301',
    severity: 'warning',
    title: 'The selector of a policy matches no workload.',
    also: ['IST0127'],
  },
  principalUnknown: {
    code: 'SP0302',
    severity: 'warning',
    title: 'A policy allows principals that no workload or gateway presents.',
  },
  peerAuthenticationRootSelector: {
    code: 'SP0303',
    severity: 'warning',
    title: 'A PeerAuthentication with a selector in the root namespace is ignored, as Istio does.',
    also: ['IST0167'],
  },
  peerAuthenticationShadowed: {
    code: 'SP0304',
    severity: 'warning',
    title: 'Several PeerAuthentications have the same scope; only the oldest counts.',
  },
  mutualTowardsDisable: {
    code: 'SP0305',
    severity: 'error',
    title: 'A DestinationRule asks for mutual TLS where PeerAuthentication disables it.',
    also: ['KIA0501'],
  },
  plaintextTowardsStrict: {
    code: 'SP0306',
    severity: 'error',
    title: 'A DestinationRule disables TLS where PeerAuthentication is STRICT.',
    also: ['KIA0503'],
  },
  policyNamesServicePort: {
    code: 'SP0307',
    severity: 'warning',
    title: 'A policy names a Service port where the workload port is meant.',
  },
  policyTargetUnsupported: {
    code: 'SP0311',
    severity: 'warning',
    title: 'A policy targets something that is not enforced here, as in a mesh without waypoints.',
    also: ['IST0167'],
  },
  policyTargetNotFound: {
    code: 'SP0312',
    severity: 'warning',
    title: 'A policy targets a Gateway that does not exist.',
    also: ['IST0101'],
  },
  destinationRuleShadowed: {
    code: 'SP0314',
    severity: 'warning',
    title: 'Several DestinationRules set the traffic policy of one host; only the oldest counts.',
    also: ['KIA0201'],
  },
  mutualWithoutProxy: {
    code: 'SP0316',
    severity: 'warning',
    title: 'A DestinationRule asks for mutual TLS towards endpoints that have no proxy.',
    also: ['IST0103'],
  },
  dryRun: {
    code: 'SP0319',
    severity: 'info',
    title: 'A policy is only tried (dry run), never enforced.',
  },
  policyUnread: {
    code: 'SP0320',
    severity: 'error',
    title: 'A policy with an error in itself closes its whole namespace.',
  },
  gatewayNotAdmitted: {
    code: 'SP0321',
    severity: 'error',
    title: 'No ALLOW policy of a workload admits the gateway that routes to it.',
  },
  credentialUnusable: {
    code: 'SP0330',
    severity: 'error',
    title: 'A DestinationRule names a credential that does not exist or cannot be used.',
  },
  ownTlsTowardsProxy: {
    code: 'SP0332',
    severity: 'error',
    title: 'TLS that should end at a backend meets its proxy, which takes mutual TLS of the mesh.',
  },
  backendTlsUnusable: {
    code: 'SP0333',
    severity: 'error',
    title: 'A BackendTLSPolicy names certificate authorities that cannot be used.',
  },
  backendTlsConflicted: {
    code: 'SP0334',
    severity: 'error',
    title: 'Two BackendTLSPolicies have one target; only the oldest counts.',
  },
  backendTlsTargetNotFound: {
    code: 'SP0335',
    severity: 'error',
    title: 'A BackendTLSPolicy targets something that does not exist or is no Service.',
    also: ['IST0101'],
  },
  subsetSelectsNothing: {
    code: 'SP0336',
    severity: 'error',
    title: 'A subset that is routed to selects no endpoint of its Service.',
    also: ['IST0173'],
  },
  jwksInvalid: {
    code: 'SP0351',
    severity: 'error',
    title: 'Keys of a RequestAuthentication cannot be used; tokens that need them are refused.',
  },
  jwksUnavailable: {
    code: 'SP0352',
    severity: 'warning',
    title: 'The remote keys of a RequestAuthentication cannot be fetched; tokens that need them are refused meanwhile.',
  },
  tokenNeverVerified: {
    code: 'SP0353',
    severity: 'warning',
    title:
      'A policy asks for a property of a token where no RequestAuthentication applies, so that no request has one.',
  },
  telemetryShadowed: {
    code: 'SP0354',
    severity: 'warning',
    title: 'Several Telemetry objects are for the same workload or namespace; only the oldest counts.',
    also: ['IST0159', 'IST0160'],
  },
  logFilterUnsupported: {
    code: 'SP0355',
    severity: 'warning',
    title: 'The filter of an access log is not understood; every request is logged.',
  },
  tagOverrideUnsupported: {
    code: 'SP0356',
    severity: 'warning',
    title: 'A label of a metric cannot be changed as a Telemetry asks; it stays as it is.',
  },
  proxyConfigAnnotation: {
    code: 'SP0357',
    severity: 'warning',
    title: 'An annotation sets up Envoy, which does not run here; of its settings only the trusted proxies count.',
  },
  claimRouteWithoutToken: {
    code: 'SP0358',
    severity: 'error',
    title: 'A VirtualService routes by a claim at a gateway where no RequestAuthentication applies.',
    also: ['IST0149'],
  },
  serviceSelectsNothing: {
    code: 'SP0401',
    severity: 'error',
    title: 'The selector of a Service that is routed to matches no workload.',
    also: ['KIA0701'],
  },
  workloadWithoutAddress: {
    code: 'SP0402',
    severity: 'error',
    title: 'Nobody said where the app of a workload listens.',
  },
  bindingUnknown: {
    code: 'SP0403',
    severity: 'error',
    title: 'An address was given for a workload that does not exist.',
  },
  targetPortNotFound: {
    code: 'SP0404',
    severity: 'error',
    title: 'A Service port has a named target port that the workload does not have.',
  },
  portTaken: {
    code: 'SP0405',
    severity: 'info',
    title: 'Two Gateways want one port of this machine; the second listens on a free port.',
  },
  protocolUnknown: {
    code: 'SP0406',
    severity: 'warning',
    title: 'The protocol of a Service port is not declared: behind an Istio gateway gRPC would break.',
    also: ['IST0118', 'KIA0601'],
  },
  bindingPortUnknown: {
    code: 'SP0407',
    severity: 'warning',
    title: 'An address was given for a port that neither the workload nor a Service has.',
  },
  workloadWithoutPort: {
    code: 'SP0408',
    severity: 'warning',
    title: 'A workload has no container port, and no Service names one.',
  },
  workloadNameTaken: {
    code: 'SP0409',
    severity: 'warning',
    title: 'Two workloads have the same name; only the first is served.',
  },
  protocolNotHttp: {
    code: 'SP0410',
    severity: 'warning',
    title: 'A route leads to a Service port that is declared to speak something other than HTTP/2.',
  },
  workloadNotRun: {
    code: 'SP0411',
    severity: 'info',
    title: 'A workload of the YAML that no route leads to has no address, and does not run.',
  },
  serviceWithoutEndpoints: {
    code: 'SP0412',
    severity: 'error',
    title: 'A Service that is routed to has no selector, and no EndpointSlice names its endpoints.',
  },
  added: {
    code: 'SP0501',
    severity: 'info',
    title: 'An object that is referenced but absent was supplied.',
  },
} as const satisfies Record<string, DiagnosticCode>;
