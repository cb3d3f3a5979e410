import type { DiagnosticCode } from '../base/index.ts';

/** Findings about Istio's Gateway and VirtualService, SP0160 to SP0189. */
export const virtualCodes = {
  istioGatewayWithoutWorkload: {
    code: 'SP0160',
    severity: 'info',
    title:
      'The selector of an Istio Gateway matches no workload of the YAML; a gateway with an assumed identity serves it.',
    also: ['IST0101'],
  },
  serverUnsupported: {
    code: 'SP0161',
    severity: 'error',
    title: 'A server of an Istio Gateway has a protocol or TLS mode that is not supported, and is not opened.',
  },
  serverConflict: {
    code: 'SP0162',
    severity: 'error',
    title: 'A server of an Istio Gateway conflicts with an older one on its port, and is left out.',
    also: ['IST0145'],
  },
  serverWithoutCertificate: {
    code: 'SP0163',
    severity: 'error',
    title: 'A server of an Istio Gateway has no usable certificate and is not opened.',
    also: ['IST0101', 'IST0161'],
  },
  virtualGatewayNotFound: {
    code: 'SP0164',
    severity: 'error',
    title: 'A VirtualService names a Gateway that does not exist; it has no effect there.',
    also: ['IST0101'],
  },
  virtualHostNotInGateway: {
    code: 'SP0165',
    severity: 'warning',
    title: 'No host of a VirtualService is one of a Gateway that it names; it has no effect there.',
    also: ['IST0132'],
  },
  meshHostConflict: {
    code: 'SP0166',
    severity: 'error',
    title:
      'Several VirtualServices, or routes on Services, are for one host of the mesh; only the oldest counts, as in Istio.',
    also: ['IST0109', 'KIA1106'],
  },
  destinationPortAmbiguous: {
    code: 'SP0167',
    severity: 'error',
    title: 'A destination of a VirtualService names no port of a service that has several.',
    also: ['IST0112'],
  },
  subsetNotFound: {
    code: 'SP0168',
    severity: 'error',
    title: 'A destination names a subset that no DestinationRule defines.',
    also: ['IST0101', 'KIA1107'],
  },
  delegateNotFound: {
    code: 'SP0169',
    severity: 'error',
    title: 'A VirtualService delegates to one that does not exist or cannot be delegated to.',
    also: ['IST0101'],
  },
  delegateConflict: {
    code: 'SP0170',
    severity: 'warning',
    title: 'A route of a delegate VirtualService contradicts the match of its root, and is left out.',
  },
  unreachableRule: {
    code: 'SP0171',
    severity: 'warning',
    title: 'A route of a VirtualService can never be reached.',
    also: ['IST0130'],
  },
  ineffectiveMatch: {
    code: 'SP0172',
    severity: 'info',
    title: 'A match of a VirtualService is covered by an earlier route.',
    also: ['IST0131'],
  },
  duplicateCertificate: {
    code: 'SP0173',
    severity: 'warning',
    title:
      'Several servers present one certificate; clients that reuse a connection among their hosts are misdirected.',
    also: ['IST0138'],
  },
  gatewayPortNotOnService: {
    code: 'SP0174',
    severity: 'warning',
    title: 'The Service of a gateway does not expose a port of an Istio Gateway.',
    also: ['IST0162'],
  },
  delegateUnused: {
    code: 'SP0175',
    severity: 'warning',
    title: 'No VirtualService delegates to one without hosts, so that it has no effect.',
  },
  meshRoutesNotAtGateway: {
    code: 'SP0176',
    severity: 'warning',
    title: 'A gateway routes to a host whose VirtualService is for the mesh only, and does not apply its routes.',
    also: ['IST0140'],
  },
  connectionConditionUnread: {
    code: 'SP0177',
    severity: 'warning',
    title: 'A match of a tls or tcp route has conditions that a gateway does not look at, as in Istio.',
  },
  routesOfOtherProtocol: {
    code: 'SP0178',
    severity: 'warning',
    title: 'The routes of a VirtualService are for another protocol than that of the servers with its hosts.',
  },
  destinationSubnetsUnknown: {
    code: 'SP0179',
    severity: 'error',
    title: 'A tls or tcp route of the mesh asks for the address of a host of which the YAML has none.',
  },
} as const satisfies Record<string, DiagnosticCode>;
