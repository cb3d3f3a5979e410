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
  /** Gateway: where its listeners bind; absent when none is served. */
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  /** GatewayClass: names of features of the Gateway API, sorted. */
  readonly supportedFeatures?: readonly { readonly name: string }[];
  /** Routes: one entry for each parentRef. */
  readonly parents?: readonly ParentStatus[];
  /** Policies: one entry for each Gateway that they have an effect on. */
  readonly ancestors?: readonly AncestorStatus[];
}

export interface AncestorStatus {
  readonly ancestorRef: {
    readonly group: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  };
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

export interface ParentStatus {
  readonly parentRef: {
    readonly group: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly sectionName?: string;
    readonly port?: number;
  };
  /** Of the class of the Gateway. */
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}
