import { lookup } from 'node:dns/promises';
import { mkdirSync } from 'node:fs';
import type { AdminServer } from '../admin/index.ts';
import { systemClock, type Origin } from '../base/index.ts';
import { decodeAhead, type CompileOptions, type WorkloadBinding } from '../compile/index.ts';
import { createControl, KeySets, type Control, type ControlState } from '../control/index.ts';
import { askOnce, HealthChecks, type HealthNews } from '../health/index.ts';
import { CertificateAuthority } from '../identity/index.ts';
import { loadPaths, watchPaths, type LoadResult, type Watch } from '../manifest/index.ts';
import type { Plan } from '../plan/index.ts';
import type { LimitSettings } from '../proxy/index.ts';
import { adminPages } from './admin-pages.ts';
import { fetchDocument } from './fetch-document.ts';
import { findFreePort } from './free-port.ts';
import { NameLookups } from './name-lookups.ts';
import { OutboundGate } from './outbound-gate.ts';
import { removeRunFile, runningElsewhere, writeRunFile, type RunFile } from './run-file.ts';
import { serviceLinks } from './service-links.ts';
import { createSupervisor, type ProxyEvent, type Supervisor } from './supervisor.ts';
import { startWorkloadProcess, waitUntilListening, type WorkloadProcess } from './workload-process.ts';

/** A workload of the mesh: where its application listens, or how to start it. */
export interface MeshWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly origin: Origin;
  readonly address?: { readonly host: string; readonly port: number };
  readonly exec?: { readonly command: string; readonly cwd: string; readonly env: Readonly<Record<string, string>> };
}

export interface MeshOptions {
  /** For the metric `istio_build`. */
  readonly version: string;
  /** Files, directories, `-`. */
  readonly paths: readonly string[];
  readonly workloads: readonly MeshWorkload[];
  readonly compile: CompileOptions;
  /** Holds the CA's key; made with mode 0700. */
  readonly stateDir: string;
  /** 0: any free port. */
  readonly adminPort: number;
  readonly accessLog: 'text' | 'json' | 'off';
  /** Processes of each proxy; from 1. */
  readonly workers: number;
  /** Of every proxy; what is absent keeps its default. */
  readonly limits: LimitSettings;
  readonly onEvent: (event: MeshEvent) => void;
}

export type MeshEvent =
  /** Manifests were read and compiled; the plan is on its way to the proxies. */
  | { readonly type: 'compiled'; readonly state: ControlState }
  /**
   * Every proxy has applied the newest plan; every workload that was started listens and has answered its probes, and of the
   * others it is known whether they do. Again after each change.
   */
  | { readonly type: 'settled'; readonly plan: Plan }
  /** A command that was started does not listen yet at the address it was told. */
  | { readonly type: 'workload-waiting'; readonly workload: string; readonly address: string }
  | { readonly type: 'workload-line'; readonly workload: string; readonly line: string }
  | {
      readonly type: 'workload-exit';
      readonly workload: string;
      readonly description: string;
      readonly restartInMs: number;
    }
  /** A workload does not answer its probes, so that it gets no calls, or does again. */
  | { readonly type: 'workload-health'; readonly news: HealthNews }
  /** A DNS name that endpoints depend on could not be looked up; it is tried again. */
  | { readonly type: 'name-failed'; readonly name: string; readonly message: string }
  | { readonly type: 'proxy'; readonly event: ProxyEvent };

export interface Mesh {
  /** Resolves when the mesh has settled for the first time. */
  readonly ready: Promise<void>;
  readonly adminAddress: string;
  state(): ControlState;
  /** Bound `HOST:PORT` by port id. */
  addresses(): ReadonlyMap<string, string>;
  /** Workloads that get no calls because they do not answer their probes: why, by `namespace/name`. */
  unready(): ReadonlyMap<string, string>;
  /** Full method names (`pkg.Service/Method`) that the workloads told by reflection, so far. */
  methods(): readonly string[];
  /** Lets calls in flight finish for at most `graceMs`, then stops everything. */
  stop(graceMs: number): Promise<void>;
  /** Replaces the proxies' processes while they serve; see `Supervisor.handOver`. */
  handOver(graceMs: number): Promise<boolean>;
  /** Stops everything at once. */
  kill(): void;
}

/** Something outside the YAML that keeps the mesh from starting; the message says what to do. */
export class MeshStartError extends Error {}

/**
 * Starts everything: CA, proxies, workloads, admin pages, and the watch on the files.
 * @throws MeshStartError when the state directory or the admin port cannot be used.
 */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  makeStateDir(options.stateDir);
  const other = await runningElsewhere(options.stateDir);
  if (other !== undefined)
    throw new MeshStartError(
      `process ${other.pid} already runs a mesh in ${options.stateDir}\n  Stop it, or give this one a directory of its own with --state-dir.`,
    );
  const opened = await CertificateAuthority.open(options.stateDir);
  if (opened.authority === undefined) throw new MeshStartError(`${opened.error}\n  ${opened.remedy}`);

  const given = new Set(options.workloads.flatMap(({ address }) => (address === undefined ? [] : [address.port])));
  const workloads = await Promise.all(options.workloads.map((workload) => withAddress(workload, given)));
  const mesh = new RunningMesh(options, workloads, opened.authority);
  await mesh.start();
  return mesh;
}

function makeStateDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new MeshStartError(
      `the state directory cannot be made: ${error instanceof Error ? error.message : String(error)}\n  Name another one with --state-dir.`,
      { cause: error },
    );
  }
}

interface PlacedWorkload extends MeshWorkload {
  readonly address: { readonly host: string; readonly port: number };
}

/** Bounds for the wait between the signal to stop and the end of a workload that was started here. */
const workloadStopGraceMs = 5_000;

/** A command that takes this long, in milliseconds, has probably not read the port it was told. */
const slowStartMs = 10_000;

class RunningMesh implements Mesh {
  readonly ready: Promise<void>;
  readonly #options: MeshOptions;
  readonly #workloads: readonly PlacedWorkload[];
  readonly #supervisor: Supervisor;
  readonly #control: Control;
  readonly #keySets: KeySets;
  readonly #names: NameLookups;
  readonly #health: HealthChecks;
  readonly #abort = new AbortController();
  readonly #addresses = new Map<string, string>();
  readonly #processes: WorkloadProcess[] = [];
  readonly #outboundGate = new OutboundGate();
  #watch: Watch | undefined;
  #admin: AdminServer | undefined;
  #workloadsListen = false;
  #settledOnce: () => void = () => {};
  #stopping = false;

  constructor(options: MeshOptions, workloads: readonly PlacedWorkload[], authority: CertificateAuthority) {
    this.#options = options;
    this.#workloads = workloads;
    this.ready = new Promise((resolve) => (this.#settledOnce = resolve));
    this.#supervisor = createSupervisor({
      authority,
      version: options.version,
      trustDomain: options.compile.trustDomain,
      accessLog: options.accessLog,
      workers: options.workers,
      limits: options.limits,
      onListening: (portId, address) => this.#placed(portId, address),
      onEvent: (event) => this.#onProxyEvent(event),
      onSettled: () => this.#maybeSettled(),
      onKeyMissing: (url) => this.#keySets.hint(url),
    });
    this.#keySets = new KeySets({
      fetch: fetchDocument,
      nowMs: () => systemClock.monotonicMs(),
      schedule: scheduleQuietly,
      random: Math.random,
      onChange: () => this.#control.recompile(),
    });
    this.#names = new NameLookups({
      lookup: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
      schedule: (run, delayMs) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      onChanged: (name, addresses) => this.#control.resolve(name, addresses),
      onFailed: (name, message) => options.onEvent({ type: 'name-failed', name, message }),
      onProgress: () => setImmediate(() => this.#maybeSettled()),
    });
    this.#health = new HealthChecks({
      ask: askOnce,
      nowMs: () => systemClock.monotonicMs(),
      schedule: scheduleQuietly,
      startedHere: new Set(workloads.flatMap((workload) => (workload.exec === undefined ? [] : [idOf(workload)]))),
      onChange: () => this.#control.recompile(),
      onTold: (news) => options.onEvent({ type: 'workload-health', news }),
      onProgress: () => setImmediate(() => this.#maybeSettled()),
    });
    this.#control = createControl({
      keySets: this.#keySets,
      health: this.#health,
      bindings: workloads.map(bindingOf),
      compile: options.compile,
      sink: this.#supervisor,
      schedule: setImmediate,
      onCompiled: (state) => {
        this.#names.watch(state.result.names);
        options.onEvent({ type: 'compiled', state });
        // What compiled to the same plan is settled already, and no proxy will say so.
        setImmediate(() => this.#maybeSettled());
      },
    });
  }

  async start(): Promise<void> {
    const { paths, adminPort } = this.#options;
    const loaded = await loadPaths(paths, { onDocument: decodeAhead });
    this.#control.load(loaded);
    this.#startWorkloads();
    this.#watchFiles(loaded);
    try {
      // Now that the proxies are starting, there is time for Node's HTTP, which takes long to load.
      const { startAdminServer } = await import('../admin/index.ts');
      this.#admin = await startAdminServer({
        host: '127.0.0.1',
        port: adminPort,
        pages: adminPages({
          control: this.#control,
          supervisor: this.#supervisor,
          health: this.#health,
          isReady: () => this.#isSettled(),
        }),
      });
    } catch (error) {
      this.kill();
      throw new MeshStartError(
        `admin pages cannot listen on 127.0.0.1:${adminPort}: ${error instanceof Error ? error.message : String(error)}\n  Choose another port with --admin-port, or 0 for any free one.`,
        { cause: error },
      );
    }
    this.#maybeSettled();
  }

  get adminAddress(): string {
    return this.#admin === undefined ? '' : `${this.#admin.address.host}:${this.#admin.address.port}`;
  }

  state(): ControlState {
    const state = this.#control.state();
    if (state === undefined) throw new Error('the mesh has not been started');
    return state;
  }

  addresses(): ReadonlyMap<string, string> {
    return this.#addresses;
  }

  unready(): ReadonlyMap<string, string> {
    return this.#health.unready();
  }

  methods(): readonly string[] {
    return this.#supervisor.methods();
  }

  async stop(graceMs: number): Promise<void> {
    this.#beginStop();
    await this.#supervisor.stop({ graceMs });
    await Promise.all(this.#processes.map((process) => process.stop(workloadStopGraceMs)));
    await this.#admin?.close();
    removeRunFile(this.#options.stateDir);
  }

  kill(): void {
    this.#beginStop();
    this.#supervisor.kill();
    for (const process of this.#processes) void process.stop(0);
    void this.#admin?.close();
    removeRunFile(this.#options.stateDir);
  }

  handOver(graceMs: number): Promise<boolean> {
    return this.#supervisor.handOver({ graceMs });
  }

  #beginStop(): void {
    this.#stopping = true;
    this.#outboundGate.open();
    this.#names.close();
    this.#health.close();
    this.#abort.abort();
    this.#watch?.close();
    this.#keySets.close();
  }

  #startWorkloads(): void {
    const started = this.#workloads.flatMap(({ exec, ...workload }) =>
      exec === undefined ? [] : [this.#startWorkload({ ...workload, exec })],
    );
    Promise.all(started).then(
      () => {
        this.#workloadsListen = true;
        this.#maybeSettled();
      },
      // Only when the mesh is stopped before its workloads came up; then nobody waits for it to settle.
      () => undefined,
    );
  }

  /** Not before its sidecar listens for its calls, so that its first call finds it, and its environment says where. */
  async #startWorkload(workload: PlacedWorkload & Required<Pick<MeshWorkload, 'exec'>>): Promise<void> {
    const { namespace, name, address, exec } = workload;
    const id = idOf(workload);
    const proxy = `sidecar/${id}`;
    await this.#outboundGate.whenDecided(() => this.state().result.plan, proxy);
    if (this.#stopping) return;
    const process = startWorkloadProcess({
      namespace,
      name,
      ...exec,
      env: () => ({ ...serviceLinks(this.state().result.plan, { proxy, addresses: this.#addresses }), ...exec.env }),
      address,
      clock: systemClock,
      onLine: (line) => this.#options.onEvent({ type: 'workload-line', workload: id, line }),
      onStart: () => this.#health.started(id),
      onExit: (exit) => {
        this.#options.onEvent({ type: 'workload-exit', workload: id, ...exit });
        this.#health.ended(id, exit.description);
      },
    });
    this.#processes.push(process);
    await this.#untilListening(process);
    this.#health.listens(id);
  }

  async #untilListening({ namespace, name, address }: WorkloadProcess): Promise<void> {
    const waiting = { workload: idOf({ namespace, name }), address: `${address.host}:${address.port}` };
    const timer = setTimeout(() => this.#options.onEvent({ type: 'workload-waiting', ...waiting }), slowStartMs);
    try {
      await waitUntilListening(address, this.#abort.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #watchFiles(loaded: LoadResult): void {
    // Standard input has been read to its end; it cannot change.
    const paths = this.#options.paths.filter((path) => path !== '-');
    if (paths.length < this.#options.paths.length) return;
    this.#watch = watchPaths(paths, (changed) => this.#control.load(changed), { since: loaded });
  }

  #placed(portId: string, address: { readonly host: string; readonly port: number } | undefined): void {
    if (address === undefined) this.#addresses.delete(portId);
    else this.#addresses.set(portId, `${address.host}:${address.port}`);
    if (address !== undefined) this.#outboundGate.decide(portId);
    // Nobody else calls it, so that the plan does not depend on where it is.
    if (this.#control.state()?.result.plan.ports[portId]?.direction !== 'outbound')
      this.#control.place(portId, address);
  }

  #onProxyEvent(event: ProxyEvent): void {
    if (event.type === 'bind-failed') this.#outboundGate.decide(event.port);
    this.#options.onEvent({ type: 'proxy', event });
  }

  #isSettled(): boolean {
    const isKnown = this.#workloadsListen && !this.#names.isPending && !this.#health.isPending;
    return isKnown && !this.#control.pending() && this.#supervisor.settled();
  }

  #maybeSettled(): void {
    if (this.#stopping || this.#admin === undefined || !this.#isSettled()) return;
    writeRunFile(this.#options.stateDir, this.#describe());
    this.#settledOnce();
    this.#options.onEvent({ type: 'settled', plan: this.state().result.plan });
  }

  #describe(): RunFile {
    const { plan } = this.state().result;
    return {
      pid: process.pid,
      admin: this.adminAddress,
      listeners: Object.values(plan.listeners).flatMap((listener) => {
        const proxy = plan.proxies[plan.ports[listener.port]?.proxy ?? ''];
        const address = this.#addresses.get(listener.port);
        if (proxy?.role !== 'gateway' || address === undefined) return [];
        return [{ gateway: proxy.id.replace(/^gateway\//, ''), listener: listener.name, address }];
      }),
      proxies: this.#supervisor.children().map(({ id, pid }) => ({
        id,
        pid,
        ports: Object.fromEntries([...this.#addresses].filter(([portId]) => plan.ports[portId]?.proxy === id)),
      })),
      workloads: this.#workloads.map(({ namespace, name, address }) => {
        const pid = this.#processes.find((entry) => entry.namespace === namespace && entry.name === name)?.pid();
        return {
          name: `${namespace}/${name}`,
          address: `${address.host}:${address.port}`,
          ...(pid === undefined ? {} : { pid }),
        };
      }),
    };
  }
}

/** A timer that keeps no process alive. */
function scheduleQuietly(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}

function idOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

async function withAddress(workload: MeshWorkload, given: Set<number>): Promise<PlacedWorkload> {
  const host = '127.0.0.1';
  return { ...workload, address: workload.address ?? { host, port: await findFreePort(host, given) } };
}

function bindingOf({ namespace, name, origin, address, exec }: PlacedWorkload): WorkloadBinding {
  const addresses = [{ host: address.host, portNumber: address.port }];
  return { namespace, name, origin, addresses, ...(exec === undefined ? {} : { isStarted: true }) };
}
