/** Every condition and reason of the Gateway API v1.6 (`apis/v1`), with the golden that shows it, or why it never occurs here. */

export type ConditionOf =
  | 'GatewayClass'
  | 'Gateway'
  | 'Listener'
  | 'ListenerSet'
  | 'ListenerEntry'
  | 'Route'
  | 'BackendTLSPolicy';

export interface Reason {
  readonly of: ConditionOf;
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  /** A case of `test/golden/compile` whose status has it. */
  readonly golden?: string;
  /** Why no status has it. */
  readonly never?: string;
}

type Row = readonly [
  type: string,
  status: Reason['status'],
  reason: string,
  shown: string | { readonly never: string },
];

const pending = { never: 'status is worked out at once, there is no time in between' };
const alike = {
  never: 'listeners of one object that are alike in port, protocol and hostname are refused, as by an API server',
};
const deprecated = { never: 'deprecated or reserved in the Gateway API' };

/** The same for listeners of Gateways and of ListenerSets. */
const neverOfListeners: readonly Row[] = [
  [
    'Conflicted',
    'False',
    'NoConflicts',
    { never: 'not required since v1.6: the condition is there only when it is true' },
  ],
  ['Accepted', 'False', 'UnsupportedValue', { never: 'every value that the CRD allows is supported' }],
  [
    'Accepted',
    'False',
    'PortUnavailable',
    { never: 'where a port of this machine is taken, any free one is bound (SP0405)' },
  ],
  ['Accepted', 'Unknown', 'Pending', pending],
  ['Programmed', 'Unknown', 'Pending', pending],
  [
    'OverlappingTLSConfig',
    'True',
    'OverlappingCertificates',
    { never: 'optional; names are looked at, certificates are not' },
  ],
  ['Detached', 'True', 'PortUnavailable', deprecated],
  ['Ready', 'True', 'Ready', deprecated],
];

const rows: Readonly<Record<ConditionOf, readonly Row[]>> = {
  GatewayClass: [
    ['Accepted', 'True', 'Accepted', 'class-and-status'],
    [
      'Accepted',
      'False',
      'InvalidParameters',
      { never: 'parameters of a class shape what is not made here; they are reported (SP0205)' },
    ],
    [
      'Accepted',
      'False',
      'Unsupported',
      { never: 'Gateways of every class are served, or of the one that was asked for' },
    ],
    ['Accepted', 'Unknown', 'Pending', pending],
    ['Accepted', 'Unknown', 'Waiting', deprecated],
    [
      'SupportedVersion',
      'True',
      'SupportedVersion',
      { never: 'no CRDs are installed whose version it could speak of' },
    ],
    [
      'SupportedVersion',
      'False',
      'UnsupportedVersion',
      { never: 'no CRDs are installed whose version it could speak of' },
    ],
  ],
  Gateway: [
    ['Accepted', 'True', 'Accepted', 'gateway-conditions'],
    ['Accepted', 'True', 'ListenersNotValid', 'gateway-listeners'],
    ['Accepted', 'False', 'ListenersNotValid', 'gateway-listeners'],
    ['Accepted', 'False', 'UnsupportedAddress', 'gateway-places'],
    ['Accepted', 'False', 'InvalidParameters', 'gateway-conditions'],
    [
      'Accepted',
      'False',
      'Invalid',
      { never: 'a Gateway that breaks the rules of its CRD is refused, as by an API server' },
    ],
    ['Accepted', 'Unknown', 'Pending', pending],
    ['Accepted', 'Unknown', 'NotReconciled', deprecated],
    ['Programmed', 'True', 'Programmed', 'gateway-conditions'],
    ['Programmed', 'False', 'Invalid', 'gateway-listeners'],
    ['Programmed', 'False', 'AddressNotUsable', 'gateway-places'],
    ['Programmed', 'False', 'AddressNotAssigned', { never: 'there always is an address of this machine' }],
    ['Programmed', 'False', 'NoResources', { never: 'nothing is scheduled' }],
    ['Programmed', 'Unknown', 'Pending', pending],
    ['ResolvedRefs', 'True', 'ResolvedRefs', 'gateway-conditions'],
    ['ResolvedRefs', 'False', 'InvalidClientCertificateRef', 'class-and-status'],
    ['ResolvedRefs', 'False', 'RefNotPermitted', 'class-and-status'],
    ['ResolvedRefs', 'False', 'ListenersNotResolved', 'gateway-listeners'],
    ['InsecureFrontendValidationMode', 'True', 'ConfigurationChanged', 'frontend-validation'],
    ['Scheduled', 'True', 'Scheduled', deprecated],
    ['Ready', 'True', 'Ready', deprecated],
  ],
  Listener: [
    ['Accepted', 'True', 'Accepted', 'gateway-listeners'],
    ['Accepted', 'False', 'UnsupportedProtocol', 'gateway-listeners'],
    ['Accepted', 'False', 'NoValidCACertificate', 'frontend-validation'],
    ['Accepted', 'False', 'ProtocolConflict', 'listener-conflicts'],
    ['Accepted', 'False', 'HostnameConflict', alike],
    ['Conflicted', 'True', 'ProtocolConflict', 'listener-conflicts'],
    ['Conflicted', 'True', 'HostnameConflict', alike],
    ['Programmed', 'True', 'Programmed', 'gateway-listeners'],
    ['Programmed', 'False', 'Invalid', 'gateway-listeners'],
    ['ResolvedRefs', 'True', 'ResolvedRefs', 'gateway-listeners'],
    ['ResolvedRefs', 'False', 'InvalidCertificateRef', 'gateway-tls'],
    ['ResolvedRefs', 'False', 'InvalidRouteKinds', 'gateway-listeners'],
    ['ResolvedRefs', 'False', 'RefNotPermitted', 'gateway-tls'],
    ['ResolvedRefs', 'False', 'InvalidCACertificateRef', 'frontend-validation'],
    ['ResolvedRefs', 'False', 'InvalidCACertificateKind', 'frontend-validation'],
    ['OverlappingTLSConfig', 'True', 'OverlappingHostnames', 'gateway-conditions'],
    ...neverOfListeners,
  ],
  ListenerSet: [
    ['Accepted', 'True', 'Accepted', 'listener-set-parents'],
    ['Accepted', 'True', 'ListenersNotValid', 'listener-sets'],
    ['Accepted', 'False', 'ListenersNotValid', 'listener-set-refused'],
    ['Accepted', 'False', 'NotAllowed', 'listener-sets'],
    ['Accepted', 'False', 'ParentNotAccepted', 'listener-set-parents'],
    [
      'Accepted',
      'False',
      'Invalid',
      { never: 'a ListenerSet that breaks the rules of its CRD is refused, as by an API server' },
    ],
    ['Accepted', 'Unknown', 'Pending', pending],
    ['Programmed', 'True', 'Programmed', 'listener-sets'],
    ['Programmed', 'False', 'ListenersNotValid', 'listener-set-refused'],
    ['Programmed', 'False', 'NotAllowed', 'listener-sets'],
    ['Programmed', 'False', 'Invalid', 'listener-set-parents'],
    ['Programmed', 'Unknown', 'Pending', pending],
  ],
  ListenerEntry: [
    ['Accepted', 'True', 'Accepted', 'listener-set-parents'],
    ['Accepted', 'False', 'UnsupportedProtocol', 'listener-set-refused'],
    ['Accepted', 'False', 'NoValidCACertificate', 'listener-set-refused'],
    ['Accepted', 'False', 'HostnameConflict', 'listener-set-conflicts'],
    ['Accepted', 'False', 'ProtocolConflict', 'listener-set-conflicts'],
    ['Conflicted', 'True', 'HostnameConflict', 'listener-set-conflicts'],
    ['Conflicted', 'True', 'ProtocolConflict', 'listener-set-conflicts'],
    ['Programmed', 'True', 'Programmed', 'listener-set-parents'],
    ['Programmed', 'False', 'Invalid', 'listener-set-refused'],
    ['ResolvedRefs', 'True', 'ResolvedRefs', 'listener-set-parents'],
    ['ResolvedRefs', 'False', 'InvalidCertificateRef', 'listener-set-refused'],
    ['ResolvedRefs', 'False', 'InvalidRouteKinds', 'listener-set-refused'],
    ['ResolvedRefs', 'False', 'RefNotPermitted', 'listener-sets'],
    ['ResolvedRefs', 'False', 'InvalidCACertificateRef', 'listener-set-refused'],
    ['ResolvedRefs', 'False', 'InvalidCACertificateKind', 'listener-set-refused'],
    ['OverlappingTLSConfig', 'True', 'OverlappingHostnames', 'listener-set-parents'],
    ...neverOfListeners,
    [
      'Conflicted',
      'True',
      'ListenerConflict',
      { never: 'the more telling reason is given, of the hostname or of the protocol' },
    ],
    ['Accepted', 'False', 'TooManyListeners', { never: 'there is no limit beyond that of the CRD' }],
  ],
  Route: [
    ['Accepted', 'True', 'Accepted', 'attachment'],
    ['Accepted', 'False', 'NotAllowedByListeners', 'attachment'],
    ['Accepted', 'False', 'NoMatchingListenerHostname', 'attachment'],
    ['Accepted', 'False', 'NoMatchingParent', 'attachment'],
    ['Accepted', 'False', 'UnsupportedValue', 'route-unsupported'],
    [
      'Accepted',
      'False',
      'IncompatibleFilters',
      { never: 'the only filters that exclude each other are refused by the CRD' },
    ],
    ['Accepted', 'Unknown', 'Pending', pending],
    ['ResolvedRefs', 'True', 'ResolvedRefs', 'attachment'],
    ['ResolvedRefs', 'False', 'RefNotPermitted', 'class-and-status'],
    ['ResolvedRefs', 'False', 'InvalidKind', 'class-and-status'],
    ['ResolvedRefs', 'False', 'BackendNotFound', 'backends'],
    ['ResolvedRefs', 'False', 'UnsupportedProtocol', 'listener-set-refused'],
    ['PartiallyInvalid', 'True', 'UnsupportedValue', 'route-unsupported'],
  ],
  BackendTLSPolicy: [
    ['Accepted', 'True', 'Accepted', 'backend-tls-policy'],
    ['Accepted', 'False', 'Conflicted', 'backend-tls-policy-refused'],
    ['Accepted', 'False', 'NoValidCACertificate', 'backend-tls-policy-refused'],
    ['Accepted', 'False', 'Invalid', 'backend-tls-policy-refused'],
    ['Accepted', 'False', 'TargetNotFound', 'backend-tls-policy-refused'],
    ['ResolvedRefs', 'True', 'ResolvedRefs', 'backend-tls-policy'],
    ['ResolvedRefs', 'False', 'InvalidCACertificateRef', 'backend-tls-policy-refused'],
    ['ResolvedRefs', 'False', 'InvalidKind', 'backend-tls-policy-refused'],
  ],
};

export const reasons: readonly Reason[] = (Object.keys(rows) as ConditionOf[]).flatMap((of) =>
  rows[of].map(([type, status, reason, shown]) => ({
    of,
    type,
    status,
    reason,
    ...(typeof shown === 'string' ? { golden: shown } : shown),
  })),
);
