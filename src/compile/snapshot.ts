import type {
  AddedObject,
  CompileOptions,
  ContainerHealth,
  FetchedKeySets,
  ObjectStatus,
  RemoteKeySource,
  RouteMemory,
  WorkloadBinding,
} from '../analysis/index.ts';
import type { Diagnostic } from '../base/index.ts';
import type { Document } from '../manifest/index.ts';
import type { Plan, PlanSecrets, Route, VirtualHost } from '../plan/index.ts';
import type { DecodeResult, Resources } from '../resource/index.ts';
import type { LoweredListeners } from './lowered-hosts.ts';

/** Everything that a plan depends on: the same snapshot gives the same bytes. */
export interface Snapshot {
  readonly documents: readonly Document[];
  readonly bindings: readonly WorkloadBinding[];
  readonly placements: Placements;
  /** What DNS says of the names in `CompileResult.names`; absent: nothing yet. */
  readonly resolved?: ResolvedNames;
  /** Absent: nobody asks the workloads, all count as ready. */
  readonly readiness?: Readiness;
  readonly options: CompileOptions;
  /** What came of fetching `CompileResult.remoteKeys`; default: nothing yet. */
  readonly jwks?: FetchedKeySets;
}

/** Real addresses of proxy ports that have been bound, by the port's id in the plan. */
export interface Placements {
  readonly [portId: string]: { readonly host: string; readonly port: number };
}

/** Addresses by DNS name; a name without an entry has not been looked up. */
export type ResolvedNames = Readonly<Record<string, readonly string[]>>;

/**
 * Which workloads answer the probes in `CompileResult.health`, by `namespace/name`. One with probes that is not there has not
 * been heard of yet, and is not called.
 */
export type Readiness = Readonly<Record<string, boolean>>;

/** A workload that runs on this machine, and how it is asked whether it is ready. */
export interface WorkloadHealth {
  /** `namespace/name`. */
  readonly workload: string;
  /** Empty: it is not asked, and always ready. */
  readonly containers: readonly ContainerHealth[];
}

export interface CompileResult {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  /** Worked out whenever it is asked for. */
  readonly status: readonly ObjectStatus[];
  /** Worst first; those of the decoders are among them. */
  readonly diagnostics: readonly Diagnostic[];
  /** Key sets that are to be fetched and kept fresh: what comes of it is part of the next snapshot. */
  readonly remoteKeys: readonly RemoteKeySource[];
  /** DNS names that endpoints depend on, sorted: whoever compiles looks them up, now and then again. */
  readonly names: readonly string[];
  /** Workloads with an address, sorted: whoever compiles asks them, now and then again. */
  readonly health: readonly WorkloadHealth[];
  /** What `addMissing` supplied. */
  readonly added: readonly AddedObject[];
  /** For the next compilation. */
  readonly memory: CompileMemory;
}

/** What one compilation leaves for the next, so that what did not change need not be worked out again. */
export interface CompileMemory {
  readonly written: DecodeResult;
  readonly routes: RouteMemory;
  readonly added: readonly AddedObject[];
  /** Of what was added. */
  readonly supplied: Resources;
  readonly listeners: LoweredListeners;
  /** What of the plan is worked out each time, beside the hosts of `listeners`. */
  readonly others: { readonly virtualHosts: readonly VirtualHost[]; readonly routes: readonly Route[] };
  readonly plan: Plan;
}

/** What the lowering of one proxy needs besides its model. */
export interface LoweringContext {
  readonly options: CompileOptions;
  readonly placements: Placements;
  readonly resolved: ResolvedNames;
  /** Workloads that are not called, by `namespace/name`. */
  readonly unready: ReadonlySet<string>;
  /** Gathers the DNS names that were asked for. */
  readonly names: Set<string>;
}
