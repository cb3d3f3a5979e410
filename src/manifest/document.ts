/** A place in a file; both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Steps from a document's root: keys of maps, indexes of sequences. */
export type Path = readonly (string | number)[];

/** A Kubernetes object as written, before anything is known about its kind. */
export interface Document {
  /** Path as the user gave it, `-` for standard input. */
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Empty for cluster-scoped kinds; `default` where a namespaced object names none. */
  readonly namespace: string;
  /** Plain data without prototypes: maps are null-prototype objects, so no key of a file can reach `Object.prototype`. */
  readonly value: Readonly<Record<string, unknown>>;
  /** No value in it is null; absent: nobody has looked. */
  readonly isNullFree?: boolean;
  /** The key of a map entry, the item of a sequence. A path that is not in the file gives its nearest ancestor. */
  locate(path: Path): Position;
  /** Like `locate`, but the start of the value where that differs from its key. */
  locateValue(path: Path): Position;
}
