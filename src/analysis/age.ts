import { compareText } from '../base/index.ts';

/** Kubernetes writes timestamps in UTC with whole seconds, so that their text sorts as their time does. */
export function compareAge(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareText(a, b);
}

interface Aged {
  readonly metadata: { readonly creationTimestamp?: string };
}

/** Why the first of two objects goes before the other, for a message; files seldom have timestamps. */
export function whyFirst(first: Aged, other: Aged): string {
  const order = compareAge(first.metadata.creationTimestamp, other.metadata.creationTimestamp);
  return order === 0 ? 'comes first by name' : 'is older';
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
