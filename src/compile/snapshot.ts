import type { AddedObject, CompileOptions, ObjectStatus, WorkloadBinding } from '../analysis/index.ts';
import type { Diagnostic } from '../base/index.ts';
import type { Document } from '../manifest/index.ts';
import type { Plan, PlanSecrets } from '../plan/index.ts';

/** Everything that a plan depends on: the same snapshot gives the same bytes. */
export interface Snapshot {
  readonly documents: readonly Document[];
  readonly bindings: readonly WorkloadBinding[];
  readonly placements: Placements;
  readonly options: CompileOptions;
}

/** Real addresses of proxy ports that have been bound, by the port's id in the plan. */
export interface Placements {
  readonly [portId: string]: { readonly host: string; readonly port: number };
}

export interface CompileResult {
  readonly plan: Plan;
  readonly secrets: PlanSecrets;
  readonly status: readonly ObjectStatus[];
  /** Worst first; those of the decoders are among them. */
  readonly diagnostics: readonly Diagnostic[];
  /** What `addMissing` supplied. */
  readonly added: readonly AddedObject[];
}

/** What the lowering of one proxy needs besides its model. */
export interface LoweringContext {
  readonly options: CompileOptions;
  readonly placements: Placements;
}
