import type { Gateway, ListenerSet } from '../resource/index.ts';

/** A fault as the reason and message of a condition. */
export interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** What has listeners. Routes name it, and its namespace counts for what its listeners refer to and allow. */
export type ListenerOwner =
  | { readonly kind: 'Gateway'; readonly source: Gateway }
  | { readonly kind: 'ListenerSet'; readonly source: ListenerSet };
