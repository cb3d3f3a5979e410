import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import type { Unsupported } from '../object.ts';
import { decodeFilters, type RuleFilters, type WrittenFilter } from './filters.ts';
import {
  backendObjectRef,
  decodeBackendObjectRef,
  type BackendObjectRef,
  type WrittenObjectRef,
} from './object-ref.ts';

/** Where a rule sends its requests. */
export interface BackendRef extends BackendObjectRef {
  readonly weight: number;
  /** Header operations after those of the rule. */
  readonly filters: Pick<RuleFilters, 'requestHeaders' | 'responseHeaders'>;
  /** Not empty: this backend's share must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

/** `filters`: the schema of the list of filters that each backend may have. */
export function backendRefs<Filters extends z.ZodType>(filters: Filters) {
  const weight = z.int().min(0).max(1_000_000).default(1);
  return z
    .array(z.strictObject({ ...backendObjectRef, weight, filters }))
    .max(16)
    .default([]);
}

interface WrittenBackendRef extends WrittenObjectRef {
  readonly weight: number;
  readonly filters: readonly WrittenFilter[];
}

export function decodeBackendRefs(
  refs: readonly WrittenBackendRef[],
  rule: Path,
  context: DecodeContext,
): BackendRef[] {
  return refs.map((ref, index) => {
    const path = [...rule, 'backendRefs', index];
    const { requestHeaders, responseHeaders } = decodeFilters(ref.filters, [...path, 'filters'], context);
    if (requestHeaders?.set.some(({ name }) => name === 'host') === true) {
      context.refuse([...path, 'filters'], {
        message: 'the header "host" cannot be set for one backend: this backend answers its share with an error',
        remedy: 'Set it in the filters of the rule.',
      });
    }
    return {
      ...decodeBackendObjectRef(ref, path, context),
      weight: ref.weight,
      filters: {
        ...(requestHeaders === undefined ? {} : { requestHeaders }),
        ...(responseHeaders === undefined ? {} : { responseHeaders }),
      },
      unsupported: context.refusedBelow(path),
    };
  });
}
