import { systemClock, type Clock } from '../base/index.ts';
import { createDescriptorPool, type DescriptorSource } from '../protobuf/index.ts';
import type { CertificateAuthority } from '../identity/index.ts';
import { planChange, type Plan, type PlanSecrets, type PlanSink, type Proxy } from '../plan/index.ts';
import type { LimitSettings } from '../proxy/index.ts';
import { createExposition, SnapshotStore } from '../telemetry/index.ts';
import { assign, type Assignment, type Published } from './assignment.ts';
import { forkProxyProcess, type ForkProxy } from './fork-proxy.ts';
import type { AccessLogMode } from './messages.ts';
import { LearnedServices } from './learned-services.ts';
import type { ProxyEvent } from './proxy-event.ts';
import { ProxyGroup, type ProxyGroupOptions, type WorkerStatus } from './proxy-group.ts';
import type { Address, Schedule } from './supervised-proxy.ts';

export type { ProxyEvent } from './proxy-event.ts';

export interface SupervisorOptions {
  readonly authority: Pick<CertificateAuthority, 'issue' | 'rootPem'>;
  readonly trustDomain: string;
  readonly accessLog: AccessLogMode;
  /** Processes of each proxy; from 1. */
  readonly workers?: number;
  /** Absent: every limit has its default. */
  readonly limits?: LimitSettings;
  /** A port was bound, or (`undefined`) is no longer. */
  readonly onListening: (portId: string, address: Address | undefined) => void;
  readonly onEvent: (event: ProxyEvent) => void;
  /** `settled()` has become true; again after each change. Never from within `publish`. */
  readonly onSettled: () => void;
  /** A token named a key that the set of this URL does not have; told by any proxy, so it may be no URL of the plan. */
  readonly onKeyMissing?: (url: string) => void;
  /** For the metric `istio_build`. */
  readonly version?: string;
  /** The rest is for tests. */
  readonly fork?: ForkProxy;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly schedule?: Schedule;
}

/** What `/proxies` shows of a proxy process. */
export interface ProxyStatus extends WorkerStatus {
  readonly id: string;
  readonly role: Proxy['role'];
  readonly spiffeId: string;
  /** Bound `HOST:PORT` by port id. */
  readonly ports: Readonly<Record<string, string>>;
}

/** Keeps one process per proxy of the plan running, and gives each its slice of the plan and its identity. */
export interface Supervisor extends PlanSink {
  /** Every proxy of the newest plan runs, has applied it, and has bound its ports (or said why not). */
  settled(): boolean;
  children(): readonly ProxyStatus[];
  /** Sorted `pkg.Service/Method` of what the workloads told by reflection, so far. */
  methods(): readonly string[];
  /** Prometheus text: the sum over all proxy processes, past ones included. */
  metrics(): Promise<string>;
  /**
   * Drains the gateways and, when they are gone, the sidecars behind them: `graceMs` milliseconds for both together.
   * Called a second time it kills. Resolves when all processes are gone.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
  kill(): void;
  /**
   * Replaces the processes of every proxy one after the other; each new one listens before its predecessor drains, for at
   * most `graceMs` milliseconds. Answers false when one had to stay, which an event has told, or everything is being stopped.
   */
  handOver(options: { readonly graceMs: number }): Promise<boolean>;
}

/** A proxy that cannot count within this time, in milliseconds, is left out of a page; Prometheus waits 10 s for all. */
const scrapeTimeoutMs = 2_000;
/** How long a proxy may drain that is no longer in the plan, in milliseconds. */
const removedGraceMs = 10_000;
/** Sidecars get at least this long, in milliseconds, when the gateways have used up the grace. */
const minSidecarGraceMs = 500;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new ProxySupervisor(options);
}

class ProxySupervisor implements Supervisor {
  readonly #options: SupervisorOptions;
  readonly #schedule: Schedule;
  readonly #clock: Clock;
  readonly #proxyOptions: ProxyGroupOptions;
  readonly #proxies = new Map<string, ProxyGroup>();
  /** Proxies that a newer plan does not have, until their processes are gone. */
  readonly #leaving = new Map<string, ProxyGroup>();
  readonly #learned = new LearnedServices();
  readonly #snapshots = new SnapshotStore();
  #plan: Published | undefined;
  #methods: readonly string[] | undefined;
  #wasSettled = false;
  #checkScheduled = false;
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#schedule = options.schedule ?? scheduleTimeout;
    this.#clock = options.clock ?? systemClock;
    this.#proxyOptions = {
      authority: options.authority,
      accessLog: options.accessLog,
      limits: options.limits ?? {},
      fork: options.fork ?? forkProxyProcess,
      clock: this.#clock,
      random: options.random ?? Math.random,
      schedule: this.#schedule,
      onListening: options.onListening,
      onKeyMissing: options.onKeyMissing ?? (() => undefined),
      onEvent: options.onEvent,
      onProgress: () => this.#checkSoon(),
      onLearned: (proxy, { service, source }) => {
        this.#learned.set(proxy, { service, source });
        this.#tellGateways([service]);
      },
      onSnapshot: (processId, snapshot) => this.#snapshots.update(processId, snapshot),
      onEnded: (processId) => this.#snapshots.end(processId),
      knownDescriptors: () => this.#learned.all(),
    };
  }

  publish(plan: Plan, secrets: PlanSecrets): void {
    if (this.#stopped !== undefined) return;
    const newest = { plan, secrets, trustDomain: this.#options.trustDomain };
    const before = this.#plan?.plan ?? plan;
    const step = { before, plan, change: planChange(before, plan) };
    this.#plan = newest;
    // Told again for each plan, also where no proxy has anything to do.
    this.#wasSettled = false;
    for (const [id, proxy] of this.#proxies) {
      if (!Object.hasOwn(plan.proxies, id)) this.#remove(id, proxy);
    }
    for (const proxy of Object.values(plan.proxies)) {
      const known = this.#proxies.get(proxy.id);
      if (known !== undefined) known.assign(assign(proxy, newest, { assignment: known.assignment, step }));
      // The old process may still hold the ports; it starts when that one is gone.
      else if (!this.#leaving.has(proxy.id)) this.#add(assign(proxy, newest));
    }
    this.#checkSoon();
  }

  settled(): boolean {
    if (this.#plan === undefined) return false;
    const ids = Object.keys(this.#plan.plan.proxies);
    return ids.every((id) => this.#proxies.get(id)?.isSettled === true);
  }

  children(): readonly ProxyStatus[] {
    return this.#all().flatMap(({ id, role, spiffeId, ports: bound, workers }) => {
      const ports = Object.fromEntries([...bound].map(([portId, { host, port }]) => [portId, `${host}:${port}`]));
      return workers.map((worker) => ({ id, role, ...worker, spiffeId, ports }));
    });
  }

  methods(): readonly string[] {
    this.#methods ??= methodsOf(this.#learned.all().map(({ source }) => source));
    return this.#methods;
  }

  async metrics(): Promise<string> {
    const proxies = [...this.#proxies.values(), ...this.#leaving.values()];
    await Promise.all(proxies.map((proxy) => proxy.scrape(scrapeTimeoutMs)));
    const version = this.#options.version ?? 'unknown';
    return createExposition({ version, snapshot: () => this.#snapshots.merged() }).text();
  }

  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    if (this.#stopped === undefined) this.#stopped = this.#stopInOrder(graceMs);
    else this.#killAll();
    return this.#stopped;
  }

  kill(): void {
    this.#stopped ??= Promise.all(this.#all().map((proxy) => proxy.stop(0))).then(() => undefined);
    this.#killAll();
  }

  async handOver({ graceMs }: { readonly graceMs: number }): Promise<boolean> {
    let isWhole = true;
    for (const proxy of [...this.#proxies.values()]) isWhole = (await proxy.handOver(graceMs)) && isWhole;
    return isWhole;
  }

  /** Calls that are inside must be able to leave: nothing behind a gateway ends before it. */
  async #stopInOrder(graceMs: number): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const all = this.#all();
    const stopRole = (role: Proxy['role'], roleGraceMs: number): Promise<unknown> =>
      Promise.all(all.filter((proxy) => proxy.role === role).map((proxy) => proxy.stop(roleGraceMs)));
    await stopRole('gateway', graceMs);
    const leftMs = graceMs - (this.#clock.monotonicMs() - startedMs);
    await stopRole('sidecar', Math.max(minSidecarGraceMs, leftMs));
  }

  #killAll(): void {
    for (const proxy of this.#all()) proxy.kill();
  }

  #all(): readonly ProxyGroup[] {
    return [...this.#proxies.values(), ...this.#leaving.values()];
  }

  #add(assignment: Assignment): void {
    const proxy = new ProxyGroup(this.#proxyOptions, { assignment, size: this.#options.workers ?? 1 });
    this.#proxies.set(proxy.id, proxy);
    proxy.start();
  }

  #remove(id: string, proxy: ProxyGroup): void {
    this.#proxies.delete(id);
    this.#leaving.set(id, proxy);
    this.#tellGateways(this.#learned.forget(id));
    void proxy.stop(removedGraceMs).then(() => {
      this.#leaving.delete(id);
      const wanted = this.#stopped === undefined ? this.#plan : undefined;
      const again = wanted?.plan.proxies[id];
      if (wanted !== undefined && again !== undefined) this.#add(assign(again, wanted));
      return undefined;
    });
  }

  #tellGateways(services: readonly string[]): void {
    if (services.length > 0) this.#methods = undefined;
    for (const service of services) {
      const descriptors = { service, source: this.#learned.get(service) };
      for (const proxy of this.#proxies.values()) proxy.describe(descriptors);
    }
  }

  /**
   * Not at once: a bound port makes control compile again in the same turn of the event loop, and only that plan's
   * application counts. A timer runs after what this turn has set immediate.
   */
  #checkSoon(): void {
    if (!this.settled()) this.#wasSettled = false;
    if (this.#checkScheduled) return;
    this.#checkScheduled = true;
    this.#schedule(() => {
      this.#checkScheduled = false;
      const isSettled = this.settled();
      const isNews = isSettled && !this.#wasSettled;
      this.#wasSettled = isSettled;
      if (isNews && this.#stopped === undefined) this.#options.onSettled();
    }, 0);
  }
}

function scheduleTimeout(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

function methodsOf(sources: readonly DescriptorSource[]): readonly string[] {
  const methods = createDescriptorPool(sources).files.flatMap(({ file, services }) =>
    file.proto.service.flatMap((service) => {
      const name = file.proto.package === '' ? service.name : `${file.proto.package}.${service.name}`;
      return services.includes(name) ? service.method.map((method) => `${name}/${method.name}`) : [];
    }),
  );
  return methods.sort();
}
