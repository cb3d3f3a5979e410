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

/** Why a field that is implemented has no test on the page; undefined where there is no reason. */
export function reasonFor(field: SupportedField): string | undefined {
  return unshownFields.find(([pattern]) => pattern.test(fieldKey(field)))?.[1];
}
