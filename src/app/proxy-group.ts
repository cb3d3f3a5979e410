import type { Proxy } from '../plan/index.ts';
import type { Assignment } from './assignment.ts';
import type { ServiceDescriptors } from './messages.ts';
import {
  SupervisedProxy,
  type Address,
  type PassedListeners,
  type ProxyState,
  type SupervisedProxyOptions,
} from './supervised-proxy.ts';

/** What all proxies are given. */
export type ProxyGroupOptions = Omit<SupervisedProxyOptions, 'worker'>;

/** One process of a proxy, as `/proxies` shows it. */
export interface WorkerStatus {
  readonly state: ProxyState;
  /** 0 while there is no process. */
  readonly pid: number;
  readonly restarts: number;
}

/**
 * One proxy of the plan as one or several worker processes that listen on the same ports (SO_REUSEPORT: the kernel spreads new
 * connections). They share nothing but the plan, so limits of the plan hold for each worker. The first one binds; the
 * others join what is bound, and go on serving when it dies.
 */
export class ProxyGroup {
  readonly #options: ProxyGroupOptions;
  /** The first of them opens ports that nobody holds yet. */
  #workers: SupervisedProxy[] = [];
  /** A successor has taken over, and they finish their calls. */
  readonly #leaving = new Set<SupervisedProxy>();
  readonly #started = new Set<SupervisedProxy>();
  readonly #ports = new Map<string, { readonly address: Address; readonly holders: Set<SupervisedProxy> }>();
  readonly #size: number;
  #assignment: Assignment;
  #made = 0;
  /** Looked at whenever a worker got on. */
  #onProgress: (() => void) | undefined;
  #handingOver: Promise<boolean> | undefined;
  #isStopping = false;

  constructor(options: ProxyGroupOptions, { assignment, size }: { assignment: Assignment; size: number }) {
    this.#options = options;
    this.#size = size;
    this.#assignment = assignment;
    for (let i = 0; i < size; i++) this.#workers.push(this.#makeWorker());
  }

  /** Of the newest plan. */
  get assignment(): Assignment {
    return this.#assignment;
  }

  get id(): string {
    return this.#assignment.proxy.id;
  }

  get role(): Proxy['role'] {
    return this.#assignment.proxy.role;
  }

  get spiffeId(): string {
    return this.#assignment.spiffeId;
  }

  get workers(): readonly WorkerStatus[] {
    return this.#all.map(({ state, pid, restarts }) => ({ state, pid, restarts }));
  }

  get ports(): ReadonlyMap<string, Address> {
    return new Map([...this.#ports].map(([id, { address }]) => [id, address]));
  }

  /** Every worker runs, and the newest assignment is in force there. */
  get isSettled(): boolean {
    return this.#workers.every((worker) => worker.isSettled);
  }

  get #all(): readonly SupervisedProxy[] {
    return [...this.#leaving, ...this.#workers];
  }

  start(): void {
    this.#startNext();
  }

  assign(assignment: Assignment): void {
    this.#assignment = assignment;
    for (const worker of this.#all) worker.assign(assignment);
  }

  describe(descriptors: ServiceDescriptors): void {
    for (const worker of this.#workers) worker.describe(descriptors);
  }

  async scrape(timeoutMs: number): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.scrape(timeoutMs)));
  }

  /** Lets all workers finish within `graceMs` milliseconds; resolves when they are gone. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#onProgress?.();
    await Promise.all(this.#all.map((worker) => worker.stop(graceMs)));
  }

  kill(): void {
    this.#isStopping = true;
    this.#onProgress?.();
    for (const worker of this.#all) worker.kill();
  }

  /**
   * Puts a new process in the place of each worker, one after the other: the new one takes over the old one's listening sockets, so
   * that nobody who waits in their queues is lost, before the old one drains, for at most `graceMs` milliseconds. Workers that do
   * not run are left alone: their processes will be new. Answers false when an old one had to stay, or everything is being stopped.
   */
  handOver(graceMs: number): Promise<boolean> {
    this.#handingOver ??= this.#handOverAll(graceMs).finally(() => (this.#handingOver = undefined));
    return this.#handingOver;
  }

  async #handOverAll(graceMs: number): Promise<boolean> {
    for (const old of [...this.#workers]) {
      if (old.state === 'running' && !(await this.#replace(old, graceMs))) return false;
    }
    return !this.#isStopping;
  }

  async #replace(old: SupervisedProxy, graceMs: number): Promise<boolean> {
    const inherited = await old.passListeners();
    const isAway = old.state !== 'running';
    if (isAway || this.#isStopping || !this.#canFollow(old, inherited)) {
      for (const socket of inherited.values()) socket.close();
      return isAway && !this.#isStopping;
    }
    const successor = this.#makeWorker();
    this.#workers.push(successor);
    this.#startWorker(successor, inherited);
    const hasDied = (one: SupervisedProxy): boolean => one.state === 'restarting';
    await this.#until(() => successor.isSettled || hasDied(successor) || hasDied(old) || this.#isStopping);
    if (this.#isStopping) return false;
    // With it the sockets are lost, and those who come after it hardly fare better.
    if (hasDied(successor) && !hasDied(old)) {
      this.#workers = this.#workers.filter((worker) => worker !== successor);
      await successor.stop(0);
      this.#notHandedOver('its new process ended');
      return false;
    }
    this.#workers = this.#workers.filter((worker) => worker !== old);
    this.#leaving.add(old);
    // It may be another one now that opens what is new.
    this.#workers[0]?.refresh();
    await old.stop(graceMs);
    this.#leaving.delete(old);
    this.#options.onProgress();
    return true;
  }

  /** Several can bind the same ports. Where there is one, its successor needs the sockets: without them it would find the ports taken. */
  #canFollow(old: SupervisedProxy, inherited: PassedListeners): boolean {
    if (this.#size > 1) return true;
    const missing = [...old.ports.keys()].filter((portId) => !inherited.has(portId));
    if (missing.length === 0) return true;
    this.#notHandedOver(`its process did not pass on the sockets of ${missing.join(', ')}`);
    return false;
  }

  #notHandedOver(reason: string): void {
    this.#options.onEvent({ type: 'log', proxy: this.id, line: `not handed over: ${reason}` });
  }

  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onProgress = () => {
        if (!isDone()) return;
        this.#onProgress = undefined;
        resolve();
      };
      this.#onProgress();
    });
  }

  #makeWorker(): SupervisedProxy {
    const index = this.#made++;
    const worker: SupervisedProxy = new SupervisedProxy(
      {
        ...this.#options,
        onListening: (portId, address) => this.#placed(worker, portId, address),
        onProgress: () => {
          this.#startNext();
          this.#onProgress?.();
          this.#options.onProgress();
        },
        worker: {
          index,
          sharesPorts: this.#size > 1,
          opensPorts: () => this.#workers[0] === worker,
          held: () => this.#heldBeside(worker),
        },
      },
      this.#assignment,
    );
    return worker;
  }

  /** Ports that other workers listen on. */
  #heldBeside(worker: SupervisedProxy): ReadonlyMap<string, number> {
    const held = new Map<string, number>();
    for (const [id, { address, holders }] of this.#ports) {
      if (holders.size > (holders.has(worker) ? 1 : 0)) held.set(id, address.port);
    }
    return held;
  }

  /** The others wait for the first one, whose ports they join. */
  #startNext(): void {
    if (this.#isStopping) return;
    const [first, ...others] = this.#workers;
    if (first !== undefined && !this.#started.has(first)) this.#startWorker(first);
    if (first?.isSettled !== true) return;
    for (const worker of others) if (!this.#started.has(worker)) this.#startWorker(worker);
  }

  #startWorker(worker: SupervisedProxy, inherited?: PassedListeners): void {
    this.#started.add(worker);
    worker.start(inherited);
  }

  #placed(worker: SupervisedProxy, portId: string, address: Address | undefined): void {
    const port = this.#ports.get(portId);
    if (address === undefined) {
      port?.holders.delete(worker);
      if (port?.holders.size !== 0) return;
      this.#ports.delete(portId);
      this.#options.onListening(portId, undefined);
      return;
    }
    if (port?.address.port === address.port) {
      port.holders.add(worker);
      return;
    }
    this.#ports.set(portId, { address, holders: new Set([worker]) });
    for (const other of this.#workers) if (other !== worker) other.refresh();
    this.#options.onListening(portId, address);
  }
}
