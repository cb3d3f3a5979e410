import type { DiagnosticCode } from '../base/index.ts';

/** Findings about Gateways, ListenerSets and what is attached to them (SP014x, SP015x). */
export const gatewayCodes = {
  addressUnusable: {
    code: 'SP0140',
    severity: 'warning',
    title: 'An address of a Gateway is not one of this machine; the gateway listens elsewhere.',
  },
  addressUnsupported: {
    code: 'SP0141',
    severity: 'error',
    title: 'A Gateway asks for an address of an unknown type; none of its listeners is served.',
  },
  parametersInvalid: {
    code: 'SP0142',
    severity: 'error',
    title: 'The parametersRef of a Gateway cannot be used; none of its listeners is served.',
  },
  parametersIgnored: {
    code: 'SP0143',
    severity: 'warning',
    title: 'The ConfigMap of a parametersRef shapes a workload that is not made here.',
  },
  caCertificateInvalid: {
    code: 'SP0144',
    severity: 'error',
    title: 'A caCertificateRef of a Gateway does not lead to CA certificates.',
  },
  caCertificateNotPermitted: {
    code: 'SP0145',
    severity: 'error',
    title: 'A caCertificateRef leads to another namespace without a ReferenceGrant.',
  },
  insecureFrontend: {
    code: 'SP0146',
    severity: 'warning',
    title: 'A Gateway serves clients also without a valid certificate.',
  },
  listenerSetRefused: {
    code: 'SP0147',
    severity: 'error',
    title: 'A ListenerSet is not let in by its Gateway, or its Gateway does not exist.',
    also: ['IST0101'],
  },
  perPortUnused: {
    code: 'SP0148',
    severity: 'warning',
    title: 'tls.frontend.perPort names a port on which no listener ends TLS.',
  },
  connectionRouteShadowed: {
    code: 'SP0149',
    severity: 'warning',
    title: 'Several routes want the same connections; only the oldest, or the first of its object, gets them.',
  },
  policyOfRequests: {
    code: 'SP0150',
    severity: 'warning',
    title: 'A policy asks something of requests at a port where connections are passed on without reading any.',
    also: ['IST0133'],
  },
  protocolUnsupported: {
    code: 'SP0151',
    severity: 'error',
    title: 'A listener has a protocol that is not supported, and is not opened.',
  },
  routeWithoutParent: {
    code: 'SP0152',
    severity: 'warning',
    title: 'A route names no parent, and so is attached to nothing.',
  },
  matchShadowed: {
    code: 'SP0153',
    severity: 'warning',
    title: 'A match of a route is that of a rule which goes first, so that it takes no requests.',
    also: ['IST0130'],
  },
} as const satisfies Record<string, DiagnosticCode>;
