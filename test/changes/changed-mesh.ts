/**
 * A mesh whose manifests are edited step by step. Each step is taken twice: as a running mesh takes it, from what it has
 * already, and from nothing; all that comes of it must be the same.
 */
import assert from 'node:assert/strict';
import { nextSlice, slicePlan } from '../../src/app/plan-slice.ts';
import type { CompileOptions, FetchedKeySets, WorkloadBinding } from '../../src/analysis/index.ts';
import { compileAll, type CompileResult, type Placements } from '../../src/compile/index.ts';
import { compileProxy, recompileProxy, type CompiledProxy } from '../../src/decide/index.ts';
import { parseManifest, type ParsedManifest } from '../../src/manifest/index.ts';
import { applyPlanChange, planChange, validatePlan, type Plan } from '../../src/plan/index.ts';

export interface MeshInput {
  readonly bindings: readonly WorkloadBinding[];
  readonly options: CompileOptions;
  readonly jwks: FetchedKeySets;
}

/** Text by file name. */
export type Files = ReadonlyMap<string, string>;

/** What a proxy process has. */
interface ProxyState {
  readonly slice: Plan;
  /** As it was told, by one change after the other. */
  readonly received: Plan;
  readonly compiled: CompiledProxy;
}

export class ChangedMesh {
  readonly #input: MeshInput;
  #parsed = new Map<string, ParsedManifest>();
  #result: CompileResult | undefined;
  #proxies = new Map<string, ProxyState>();

  constructor(input: MeshInput) {
    this.#input = input;
  }

  /** Takes new files and addresses both ways, and asserts that there is no difference. */
  change(files: Files, placements: Placements): CompileResult {
    const parsed = new Map(
      [...files].map(([file, text]) => {
        const before = this.#parsed.get(file);
        return [file, parseManifest(text, file, before === undefined ? {} : { before })] as const;
      }),
    );
    const afresh = [...files].map(([file, text]) => parseManifest(text, file));
    const snapshot = { ...this.#input, placements };
    const documentsOf = (manifests: Iterable<ParsedManifest>) => [...manifests].flatMap(({ documents }) => documents);
    const next = compileAll({ ...snapshot, documents: documentsOf(parsed.values()) }, this.#result?.memory);
    const expected = compileAll({ ...snapshot, documents: documentsOf(afresh) });
    assert.deepEqual(present(next), present(expected));
    assert.deepEqual(validatePlan(next.plan), []);
    this.#distribute(next.plan);
    this.#parsed = parsed;
    this.#result = next;
    return next;
  }

  #distribute(plan: Plan): void {
    const before = this.#result?.plan ?? plan;
    const step = { before, plan, change: planChange(before, plan) };
    const proxies = new Map<string, ProxyState>();
    for (const id of Object.keys(plan.proxies)) {
      const known = this.#proxies.get(id);
      const slice = known === undefined ? slicePlan(plan, id) : nextSlice(known.slice, step);
      assert.deepEqual(slice, slicePlan(plan, id), `the slice of ${id}`);
      const received = known === undefined ? slice : receive(known, slice);
      assert.deepEqual(received, slice, `what ${id} received`);
      const compiled = recompileProxy(received, id, known?.compiled);
      assert.deepEqual(outline(compiled), outline(compileProxy(received, id)));
      assert.equal(compiled.plan, received);
      proxies.set(id, { slice, received, compiled });
    }
    this.#proxies = proxies;
  }
}

function receive({ slice: sent, received }: ProxyState, slice: Plan): Plan {
  const change = planChange(sent, slice);
  return change === undefined ? received : applyPlanChange(received, structuredClone(change));
}

function present({ plan, secrets, status, diagnostics, remoteKeys, names, added }: CompileResult): unknown {
  const keys = [...secrets].map(([id, key]) => [id, key.reveal()]);
  return { plan, keys, status, diagnostics, remoteKeys, names, added };
}

/** What requests meet, with a word for each reference that leads to another object than it should. */
function outline({ proxy, ports, clusters }: CompiledProxy): unknown {
  return {
    proxy,
    clusters: [...clusters].sort(([a], [b]) => (a < b ? -1 : 1)),
    ports: [...ports.values()].map(({ port, listeners, listenersByHost, answersPlain, relays, outbound }) => ({
      port,
      answersPlain,
      relays,
      outbound,
      byHost: entriesOf(listenersByHost).map(([name, listener]) => [
        name,
        listener?.listener.id,
        listener === undefined || listeners.includes(listener),
      ]),
      listeners: listeners.map(outlineListener),
    })),
  };
}

/** By name: nothing depends on the order in which they came. */
function entriesOf<T>({ exact, wildcards, any }: HostIndex<T>): readonly (readonly [string, T | undefined])[] {
  const named = [...exact, ...wildcards].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...named, ['*', any]];
}

type HostIndex<T> = {
  readonly exact: ReadonlyMap<string, T>;
  readonly wildcards: ReadonlyMap<string, T>;
  readonly any: T | undefined;
};

type Listener = NonNullable<ReturnType<CompiledProxy['ports']['get']>>['listeners'][number];

function outlineListener(compiled: Listener): unknown {
  const { listener, virtualHosts, virtualHostsByHost, pinned, answeringPlain, noVirtualHost } = compiled;
  return {
    listener,
    pinned: pinned?.virtualHost.id,
    isNamed: 'listener' in noVirtualHost && noVirtualHost.listener === compiled,
    answeringPlain,
    byHost: entriesOf(virtualHostsByHost).map(([name, host]) => [
      name,
      host?.virtualHost.id,
      host === undefined || virtualHosts.includes(host),
    ]),
    hosts: virtualHosts.map(({ virtualHost, routes, noRoute }) => ({
      virtualHost,
      isNamed: 'listener' in noRoute && noRoute.listener === compiled,
      routes: routes.routes.map(({ route, backends, totalWeight, failReason, decision }) => ({
        route,
        backends,
        totalWeight,
        failReason,
        isNamed: 'listener' in decision && decision.listener === compiled,
      })),
      paths: [...routes.exact.keys(), ...routes.prefixes.keys(), ...routes.textPrefixes.keys(), routes.scanned.length],
    })),
  };
}
