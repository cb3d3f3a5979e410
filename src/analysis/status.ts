import type { Origin } from '../base/index.ts';

/** As in Kubernetes, without the time of the last transition: status is worked out afresh from the YAML each time. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  /** Present when the object has a `metadata.generation`. */
  readonly observedGeneration?: number;
}

/** The status of one object, with the parts its kind has (Gateway API v1.6, `status.*`). */
export interface ObjectStatus {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly origin: Origin;
  /** Gateway, GatewayClass, ListenerSet. */
  readonly conditions?: readonly Condition[];
  /** Gateway, ListenerSet. */
  readonly listeners?: readonly ListenerStatus[];
  /** Gateway: ListenerSets that are part of it. */
  readonly attachedListenerSets?: number;
  /** Routes: one entry for each parentRef. */
  readonly parents?: readonly ParentStatus[];
  /** Policies: one entry for each Gateway that they have an effect on. */
  readonly ancestors?: readonly AncestorStatus[];
}

export interface AncestorStatus {
  readonly ancestorRef: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly conditions: readonly Condition[];
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly string[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

export interface ParentStatus {
  readonly parentRef: {
    /** Absent: Gateway. */
    readonly kind?: string;
    readonly namespace: string;
    readonly name: string;
    readonly sectionName?: string;
    readonly port?: number;
  };
  readonly conditions: readonly Condition[];
}
