import type { Origin } from '../base/index.ts';

/** The part of `metadata` that decides something. */
export interface ObjectMeta {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 in UTC with whole seconds, so that text order is time order ("the oldest wins"). */
  readonly creationTimestamp?: string;
  readonly generation?: number;
}

/** What every kind has. */
export interface ResourceObject {
  /** The first line of the object. */
  readonly origin: Origin;
  readonly apiVersion: string;
  readonly metadata: ObjectMeta;
}

/** A value that needs its own place in the file. */
export interface Located<T> {
  readonly value: T;
  readonly origin: Origin;
}

/**
 * A field that is written, is not supported, and would change what its element means if it were left out. It has been
 * reported already; whoever compiles the element must not serve it (`fail closed`), naming this field as the reason.
 */
export interface Unsupported {
  /** As in the finding, for example `filters[0]` or `tls.mode`. */
  readonly field: string;
  readonly origin: Origin;
}

/** `metav1.LabelSelector`: all parts must hold; empty selects everything. */
export interface LabelSelector {
  readonly origin: Origin;
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** Istio's `WorkloadSelector`: plain equality, all must hold. Never empty (`{}` is reported and means "no selector"). */
export interface WorkloadSelector {
  readonly origin: Origin;
  readonly matchLabels: Readonly<Record<string, string>>;
}
