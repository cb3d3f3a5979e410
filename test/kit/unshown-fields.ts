/** Implemented fields that no call, plan, status or finding can show, or shows yet, and why; docs/supported.md says so. */
import type { SupportedField } from '../../src/resource/index.ts';
import { fieldKey } from './shown-fields.ts';

export const unshownFields: readonly (readonly [field: RegExp, because: string])[] = [
  [/^\S+ (?:apiVersion|kind|metadata\.namespace)$/, 'says which object it is, before any field is looked at'],
  [/^\/ServiceAccount metadata(?:\.name)?$/, 'pods name their account whether it is written or not'],
  [/WorkloadGroup spec\.(?:metadata|template)/, 'checked, and reported as a whole: no machine registers itself here'],
  [/ProxyConfig spec\.selector/, 'checked, and reported as a whole'],
  [/istio\.io\/\w+ spec\.targetRefs?(?:\[\])?\.namespace$/, 'only the empty text is valid'],
  [/GatewayClass spec\.description$/, 'words'],
];

/** Implemented fields of Istio's kinds that a golden shows, and no call could. */
export const uncallableFields: readonly (readonly [field: RegExp, because: string])[] = [
  [/istio\.io\/\w+ metadata\.generation$/, 'is told in the status'],
  [/ tcpKeepalive|\.tcpKeepalive/, 'the kernel asks and answers'],
  [/\.httpQueryParameterName$/, 'calls that are sent on have no query'],
  [/VirtualService spec\.http\[\]\.name$/, 'findings name the route by it'],
  [/VirtualService spec\.tls\[\]\.match\[\]\.destinationSubnets/, 'apps dial the port of a Service, not its address'],
  [/\.(?:exponentialDelay|http2Error)$/, 'an error, as in Istio'],
  [/AuthorizationPolicy spec\.provider/, 'the action CUSTOM is refused'],
  [/Gateway spec\.servers\[\]\.tls\.maxProtocolVersion$/, 'TLS 1.2 alone is a finding'],
  [/RequestAuthentication spec\.jwtRules\[\]\.timeout$/, 'how long keys are waited for, before any call'],
  [/Telemetry spec\..*(?:providers|customMetric)/, 'what is not known here is a finding'],
  [/Sidecar spec\.(?:in|e)gress\[\]\.captureMode$/, 'a finding'],
  [/\/(?:ProxyConfig|WorkloadGroup) /, 'a finding, or how workloads are asked whether they are well'],
];

/** Why a field that is implemented has no test on the page; undefined where there is no reason. */
export function reasonFor(field: SupportedField): string | undefined {
  return unshownFields.find(([pattern]) => pattern.test(fieldKey(field)))?.[1];
}

/** Why no call shows a field; undefined where there is no reason. */
export function whyUncallable(field: SupportedField): string | undefined {
  return uncallableFields.find(([pattern]) => pattern.test(fieldKey(field)))?.[1];
}
