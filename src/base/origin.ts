/**
 * Where something was written: the object and the place in its file.
 *
 * Every resource and every element of the plan carries one, so that a decision made at run time can still name the
 * YAML that caused it. `line` and `column` count from 1.
 */
export interface Origin {
  /** Kubernetes kind, for example `HTTPRoute`. */
  readonly kind: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Path as the user gave it, `-` for standard input, `(added)` for what `--add-missing` supplied. */
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** `HTTPRoute default/asset httproute.yaml:12`, the one spelling of an origin in logs, findings and reasons. */
export function formatOrigin(origin: Origin): string {
  return `${origin.kind} ${qualifiedName(origin)} ${origin.file}:${origin.line}`;
}

/** `namespace/name`, or `name` alone for cluster-scoped objects. */
export function qualifiedName(object: { readonly namespace: string; readonly name: string }): string {
  return object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
}
