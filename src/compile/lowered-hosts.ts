import type { VirtualHostModel } from '../analysis/index.ts';
import type { Route, VirtualHost } from '../plan/index.ts';

/** A virtual host of the plan with its routes. */
export interface LoweredHost {
  readonly virtualHost: VirtualHost;
  readonly routes: readonly Route[];
}

/** What a listener's hosts came to; both lists have the same order. */
export interface LoweredListener {
  readonly proxy: string;
  readonly models: readonly VirtualHostModel[];
  readonly hosts: readonly LoweredHost[];
}

/** By the listener's id. */
export type LoweredListeners = ReadonlyMap<string, LoweredListener>;
