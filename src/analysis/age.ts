import { compareText } from '../base/index.ts';

/** Kubernetes writes timestamps in UTC with whole seconds, so that their text sorts as their time does. */
export function compareAge(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareText(a, b);
}

/** Oldest first, ties by name. */
export function compareObjects(
  a: { readonly metadata: { readonly creationTimestamp?: string; readonly namespace: string; readonly name: string } },
  b: { readonly metadata: { readonly creationTimestamp?: string; readonly namespace: string; readonly name: string } },
): number {
  return (
    compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
    compareText(a.metadata.name, b.metadata.name) ||
    compareText(a.metadata.namespace, b.metadata.namespace)
  );
}
