import type { Diagnostic } from '../base/index.ts';
import {
  compileAll,
  type CompileMemory,
  type CompileOptions,
  type CompileResult,
  type Placements,
  type Readiness,
  type WorkloadBinding,
} from '../compile/index.ts';
import type { Document } from '../manifest/index.ts';
import type { PlanSink } from '../plan/index.ts';
import type { KeySets } from './key-sets.ts';
import { brokenFiles, rememberGood, withLastGood, type LastGood } from './last-good.ts';

/** What the loop works on: manifests as loaded, with the findings of loading them. */
export interface LoadedManifests {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ControlOptions {
  readonly bindings: readonly WorkloadBinding[];
  readonly compile: CompileOptions;
  readonly sink: PlanSink;
  /** Where remote keys come from; absent: they are never fetched. Its `onChange` must call `recompile`. */
  readonly keySets?: Pick<KeySets, 'follow' | 'current' | 'pending'>;
  /** Who asks workloads whether they are ready; absent: all are. Its `onChange` must call `recompile`. */
  readonly health?: {
    /** The workloads from now on. */
    follow(workloads: CompileResult['health']): void;
    current(): Readiness;
  };
  /** Runs a function soon, so that several changes of one moment are compiled once; `setImmediate` outside tests. */
  readonly schedule: (run: () => void) => void;
  /** Called after each compilation. */
  readonly onCompiled: (state: ControlState) => void;
}

export interface ControlState {
  /** What was compiled: present manifests, with the last good version of broken files. */
  readonly documents: readonly Document[];
  readonly result: CompileResult;
  /** All findings: of loading, of broken files that were replaced by their last good version, of compiling. */
  readonly diagnostics: readonly Diagnostic[];
  /** Files whose last good version is in force because the present one is broken. */
  readonly kept: readonly string[];
  /** True when manifests changed, false when only an address did. */
  readonly manifestsChanged: boolean;
}

export interface Control {
  /** New manifests; compiled at once. */
  load(loaded: LoadedManifests): void;
  /** A proxy bound a port; the endpoints that depend on it change soon. `undefined`: it is gone. */
  place(portId: string, address: { readonly host: string; readonly port: number } | undefined): void;
  /** Something beside the manifests has changed: remote keys, or who is ready. */
  recompile(): void;
  /** A DNS name that endpoints depend on was looked up. */
  resolve(name: string, addresses: readonly string[]): void;
  state(): ControlState | undefined;
  /** True while a change has not been compiled yet, or a key set is being fetched for the first time. */
  pending(): boolean;
}

/** The loop: whatever changes, compile everything again and publish. What compiled to the same is not sent again by the sink. */
export function createControl(options: ControlOptions): Control {
  const placements = new Map<string, { readonly host: string; readonly port: number }>();
  const resolved = new Map<string, readonly string[]>();
  let lastGood: LastGood = new Map();
  let documents: readonly Document[] = [];
  let fileDiagnostics: readonly Diagnostic[] = [];
  let kept: readonly string[] = [];
  let current: ControlState | undefined;
  let memory: CompileMemory | undefined;
  let scheduled = false;

  const compile = (input: readonly Document[]): CompileResult => {
    const snapshot = {
      documents: input,
      bindings: options.bindings,
      placements: Object.fromEntries(placements) satisfies Placements,
      resolved: Object.fromEntries(resolved),
      ...(options.health === undefined ? {} : { readiness: options.health.current() }),
      options: options.compile,
      jwks: options.keySets?.current() ?? {},
    };
    const result = compileAll(snapshot, memory);
    memory = result.memory;
    return result;
  };

  const publish = (result: CompileResult, manifestsChanged: boolean) => {
    current = { documents, result, diagnostics: [...fileDiagnostics, ...result.diagnostics], kept, manifestsChanged };
    options.sink.publish(result.plan, result.secrets);
    options.keySets?.follow(result.remoteKeys);
    options.health?.follow(result.health);
    options.onCompiled(current);
  };

  const recompile = (): void => {
    if (scheduled || current === undefined) return;
    scheduled = true;
    options.schedule(() => {
      scheduled = false;
      publish(compile(documents), false);
    });
  };

  return {
    load(loaded) {
      const candidate = compile(loaded.documents);
      const broken = brokenFiles([...loaded.diagnostics, ...candidate.diagnostics]);
      const settled = withLastGood(loaded.documents, { broken, lastGood });
      lastGood = rememberGood(loaded.documents, { broken, lastGood });
      documents = settled.documents;
      kept = settled.kept;
      // The last good version has no finding about the mistake, so the findings of the broken one are kept beside it.
      const replaced = candidate.diagnostics.filter(
        ({ origin, code }) => kept.includes(origin.file) && code.startsWith('SP02'),
      );
      fileDiagnostics = [...loaded.diagnostics, ...replaced];
      publish(kept.length === 0 ? candidate : compile(documents), true);
    },
    place(portId, address) {
      if (address === undefined) placements.delete(portId);
      else placements.set(portId, address);
      recompile();
    },
    resolve(name, addresses) {
      resolved.set(name, addresses);
      recompile();
    },
    recompile,
    state: () => current,
    pending: () => scheduled || options.keySets?.pending() === true,
  };
}
