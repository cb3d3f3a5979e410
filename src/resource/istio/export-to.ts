import type { DecodeContext } from '../context.ts';

/** What Istio's validation asks of `exportTo` (pkg/config/validation, `validateExportTo`). */

interface ExportTo {
  readonly values: readonly string[];
  /** `~`, to nobody, is for these only. */
  readonly isServiceEntry?: boolean;
  /** A DestinationRule for selected workloads, which are of its own namespace. */
  readonly hasSelector?: boolean;
}

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function checkExportTo(
  { values, isServiceEntry = false, hasSelector = false }: ExportTo,
  context: DecodeContext,
): void {
  const { namespace } = context.document;
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    const path = ['spec', 'exportTo', index];
    const key = value === '.' ? namespace : value;
    if (seen.has(key)) {
      context.error(path, { message: `exportTo names "${value}" twice`, remedy: 'Keep one of the two.' });
    } else if (key !== '*' && !(key === '~' && isServiceEntry) && !namespaceName.test(key)) {
      context.error(path, {
        message: `exportTo "${value}" is no namespace`,
        remedy: 'Write the name of a namespace, "." for the own one, or "*" for all.',
      });
    }
    seen.add(key);
  }
  if (values.length > 1 && (seen.has('*') || seen.has('~'))) {
    context.error(['spec', 'exportTo'], {
      message: `exportTo has "${seen.has('*') ? '*' : '~'}" beside other values`,
      remedy: 'Keep it alone, or take it away.',
    });
  }
  if (hasSelector && [...seen].some((key) => key !== namespace)) {
    context.error(['spec', 'exportTo'], {
      message: 'exportTo of a rule with workloadSelector names more than its own namespace',
      remedy: 'Write ".", or take exportTo away.',
    });
  }
}
