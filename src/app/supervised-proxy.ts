import type { Clock, ListeningSocket } from '../base/index.ts';
import type { CertificateAuthority } from '../identity/index.ts';
import { packPlan, planChange, type Plan, type Proxy } from '../plan/index.ts';
import type { LimitSettings } from '../proxy/index.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import type { MetricsSnapshot } from '../telemetry/index.ts';
import { isSameAssignment, type Assignment } from './assignment.ts';
import type { ForkProxy, ProxyChild } from './fork-proxy.ts';
import { readProxyMessage, type AccessLogMode, type ProxyMessage, type ServiceDescriptors } from './messages.ts';
import { pinPorts, sharePorts, type ToldBind } from './plan-slice.ts';
import type { ProxyEvent } from './proxy-event.ts';
import { RestartDelay } from './restart-delay.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the supervisor gives to each of its proxies. */
export interface SupervisedProxyOptions {
  readonly authority: Pick<CertificateAuthority, 'issue' | 'rootPem'>;
  readonly accessLog: AccessLogMode;
  readonly limits: LimitSettings;
  readonly fork: ForkProxy;
  readonly clock: Clock;
  readonly random: () => number;
  readonly schedule: Schedule;
  readonly onListening: (portId: string, address: Address | undefined) => void;
  readonly onEvent: (event: ProxyEvent) => void;
  /** Something that `settled` depends on has changed. */
  readonly onProgress: () => void;
  readonly onLearned: (
    proxyId: string,
    descriptors: { readonly service: string; readonly source: DescriptorSource },
  ) => void;
  /** A token named a key that the set of this URL does not have. */
  readonly onKeyMissing: (url: string) => void;
  /** `processId` names one run of one proxy. */
  readonly onSnapshot: (processId: string, snapshot: MetricsSnapshot) => void;
  readonly onEnded: (processId: string) => void;
  /** What a new gateway process must be told. */
  readonly knownDescriptors: () => Iterable<ServiceDescriptors>;
  readonly worker: Worker;
}

/** One of the processes of a proxy: there are several at once with `--workers`, and while one takes the place of another. */
interface Worker {
  /** From 0, never used twice in one proxy. */
  readonly index: number;
  /** Others bind the same ports; a successor is given those of its predecessor. */
  readonly sharesPorts: boolean;
  /** It binds ports that nobody holds; the others leave these alone. */
  readonly opensPorts: () => boolean;
  /** Numbers of the ports that other workers listen on, by port id. */
  readonly held: () => ReadonlyMap<string, number>;
}

/** Runs a function after a time in milliseconds; returns the way to call it off. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

export type ProxyState = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';

/** Time for the process to end after its grace, in milliseconds: then it hangs, and is killed. */
const killMarginMs = 1_000;

/** Time for a process to pass its listening sockets on, in milliseconds; without an answer its successor binds its own. */
const passTimeoutMs = 1_000;

/** Sockets that a process listens on, by port id. */
export type PassedListeners = ReadonlyMap<string, ListeningSocket>;

interface Run {
  readonly child: ProxyChild;
  readonly processId: string;
  readonly startedMs: number;
  /** Ports that an earlier run had bound, kept so that clients find the new one where the old one was. */
  readonly pins: Map<string, number>;
  readonly openPorts: Map<string, Address>;
  /** Of the open ports, how it came to bind them. */
  readonly bound: Map<string, ToldBind>;
  readonly scrapes: Map<number, () => void>;
  /** Set while its listening sockets are asked for. */
  passing: { readonly sockets: Map<string, ListeningSocket>; readonly finish: () => void } | undefined;
  /** What the process has been told; it is sent changes of this. */
  sentSlice: Plan | undefined;
  appliedVersion: number;
}

/** One proxy of the plan, through all its processes. */
export class SupervisedProxy {
  readonly #options: SupervisedProxyOptions;
  readonly #restartDelay: RestartDelay;
  readonly #lastPorts = new Map<string, number>();
  #assignment: Assignment;
  #version = 1;
  #runs = 0;
  #run: Run | undefined;
  #state: ProxyState = 'starting';
  #cancelTimer: () => void = () => undefined;
  #scrapeId = 0;
  #onStopped: (() => void)[] = [];

  constructor(options: SupervisedProxyOptions, assignment: Assignment) {
    this.#options = options;
    this.#restartDelay = new RestartDelay(options.random);
    this.#assignment = assignment;
  }

  get id(): string {
    return this.#assignment.proxy.id;
  }

  get role(): Proxy['role'] {
    return this.#assignment.proxy.role;
  }

  get state(): ProxyState {
    return this.#state;
  }

  /** Process id; 0 while there is no process. */
  get pid(): number {
    return this.#run?.child.pid ?? 0;
  }

  get restarts(): number {
    return Math.max(0, this.#runs - 1);
  }

  get spiffeId(): string {
    return this.#assignment.spiffeId;
  }

  get ports(): ReadonlyMap<string, Address> {
    return this.#run?.openPorts ?? new Map();
  }

  /** It runs, and the newest assignment is in force. */
  get isSettled(): boolean {
    return this.#state === 'running' && this.#run?.appliedVersion === this.#version;
  }

  /** `inherited`: what the process listens on that this one replaces. */
  start(inherited: PassedListeners = new Map()): void {
    this.#runs += 1;
    this.#state = 'starting';
    const { worker } = this.#options;
    const processId = `${this.id}#${worker.index}.${this.#runs}`;
    // A child that ends before `fork` returns is told through `exited`: its run does not exist yet.
    let exited: string | undefined;
    let run: Run | undefined;
    const child = this.#options.fork(this.id, {
      onMessage: (message, socket) => {
        if (run === undefined) socket?.close();
        else this.#receive(run, message, socket);
      },
      onErrorLine: (line) => this.#options.onEvent({ type: 'log', proxy: this.id, line }),
      onExit: (description) => {
        if (run === undefined) exited = description;
        else this.#exit(run, description);
      },
    });
    run = {
      child,
      processId,
      startedMs: this.#options.clock.monotonicMs(),
      pins: new Map(this.#lastPorts),
      openPorts: new Map(),
      bound: new Map(),
      scrapes: new Map(),
      passing: undefined,
      sentSlice: undefined,
      appliedVersion: 0,
    };
    this.#run = run;
    if (exited !== undefined) {
      for (const socket of inherited.values()) socket.close();
      this.#exit(run, exited);
      return;
    }
    const { accessLog, limits } = this.#options;
    child.send({ type: 'start', proxy: this.id, accessLog, limits, sharesPorts: worker.sharesPorts });
    if (this.role === 'gateway') {
      for (const descriptors of this.#options.knownDescriptors()) child.send({ type: 'descriptors', descriptors });
    }
    for (const [port, socket] of inherited) child.send({ type: 'listener', port }, socket);
    this.#sendPlan(run);
  }

  /** Takes a newer assignment; sent on only if it differs. */
  assign(assignment: Assignment): void {
    if (isSameAssignment(assignment, this.#assignment)) return;
    const isNewIdentity = assignment.spiffeId !== this.#assignment.spiffeId;
    this.#assignment = assignment;
    this.#version += 1;
    const run = this.#run;
    if (run === undefined) return;
    for (const portId of run.openPorts.keys()) {
      if (!Object.hasOwn(assignment.slice.ports, portId)) this.#closePort(run, portId);
    }
    this.#sendPlan(run);
    if (isNewIdentity) run.child.send({ type: 'renew' });
  }

  /** What other workers hold, or who opens ports, has changed: says it to the process, if that makes a difference there. */
  refresh(): void {
    const run = this.#run;
    if (run?.sentSlice === undefined || planChange(run.sentSlice, this.#sliceFor(run)) === undefined) return;
    this.#version += 1;
    this.#sendPlan(run);
  }

  /** Tells a gateway what the workload behind a service serves. */
  describe(descriptors: ServiceDescriptors): void {
    if (this.role === 'gateway') this.#run?.child.send({ type: 'descriptors', descriptors });
  }

  /** Asks for the newest counts; resolves when they are in, when there is no process, or after `timeoutMs`. */
  scrape(timeoutMs: number): Promise<void> {
    const run = this.#run;
    if (run === undefined || this.#state === 'starting') return Promise.resolve();
    this.#scrapeId += 1;
    const id = this.#scrapeId;
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        run.scrapes.delete(id);
        resolve();
      };
      const cancel = this.#options.schedule(finish, timeoutMs);
      run.scrapes.set(id, finish);
      run.child.send({ type: 'scrape', id });
    });
  }

  /** The sockets that its process listens on, for a successor; the process keeps them. None when it does not answer. */
  passListeners(): Promise<PassedListeners> {
    const run = this.#run;
    if (run === undefined) return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const sockets = new Map<string, ListeningSocket>();
      const finish = (): void => {
        cancel();
        run.passing = undefined;
        resolve(sockets);
      };
      const cancel = this.#options.schedule(finish, passTimeoutMs);
      run.passing = { sockets, finish };
      run.child.send({ type: 'pass-listeners' });
    });
  }

  /** Lets it finish within `graceMs` milliseconds; resolves when the process is gone. Never restarted. */
  stop(graceMs: number): Promise<void> {
    if (this.#state === 'stopped') return Promise.resolve();
    this.#cancelTimer();
    const run = this.#run;
    if (run === undefined) {
      this.#state = 'stopped';
      return Promise.resolve();
    }
    if (this.#state !== 'stopping') run.child.send({ type: 'drain', graceMs });
    this.#state = 'stopping';
    this.#cancelTimer = this.#options.schedule(() => run.child.kill('SIGKILL'), graceMs + killMarginMs);
    return new Promise((resolve) => this.#onStopped.push(resolve));
  }

  /** Ends the process at once. */
  kill(): void {
    const stopped = this.stop(0);
    this.#run?.child.kill('SIGKILL');
    // Who wants to wait calls `stop`, which resolves as well.
    void stopped;
  }

  #sliceFor(run: Run): Plan {
    const { worker } = this.#options;
    const ports = { bound: run.bound, held: worker.held(), opensOthers: worker.opensPorts() };
    return pinPorts(sharePorts(this.#assignment.slice, ports), run.pins);
  }

  #sendPlan(run: Run): void {
    const { keys } = this.#assignment;
    const version = this.#version;
    const slice = this.#sliceFor(run);
    if (run.sentSlice === undefined) run.child.send({ type: 'plan', version, slice: packPlan(slice), keys });
    else run.child.send({ type: 'plan-change', version, change: planChange(run.sentSlice, slice), keys });
    run.sentSlice = slice;
    this.#options.onProgress();
  }

  #receive(run: Run, value: unknown, socket?: ListeningSocket): void {
    const message = readProxyMessage(value);
    if (message?.type === 'listener' && socket !== undefined && run.passing?.sockets.has(message.port) === false) {
      run.passing.sockets.set(message.port, socket);
      return;
    }
    // Too late, or never asked for.
    socket?.close();
    // Late words of a process that has been given up.
    if (run !== this.#run) return;
    if (message === undefined) {
      this.#options.onEvent({ type: 'log', proxy: this.id, line: 'sent a message that cannot be read' });
      return;
    }
    this.#act(run, message);
  }

  #act(run: Run, message: ProxyMessage): void {
    const proxy = this.id;
    switch (message.type) {
      case 'csr':
        void this.#issue(run, message.csrPem);
        break;
      case 'listening':
        this.#openPort(run, message.port, { host: message.host, port: message.number });
        break;
      case 'bind-failed':
        this.#bindFailed(run, message.port, message.message);
        break;
      case 'applied':
        run.appliedVersion = message.version;
        if (this.#state === 'starting') this.#state = 'running';
        this.#options.onProgress();
        break;
      case 'descriptors':
        if (this.role === 'sidecar') this.#options.onLearned(proxy, message);
        break;
      case 'key-missing':
        this.#options.onKeyMissing(message.url);
        break;
      case 'metrics':
        this.#options.onSnapshot(run.processId, message.snapshot);
        run.scrapes.get(message.id)?.();
        break;
      case 'listeners-passed':
        run.passing?.finish();
        break;
      // Without its socket, or not asked for.
      case 'listener':
        break;
      case 'log':
        this.#options.onEvent({ type: 'log', proxy, line: message.line });
        break;
      case 'identity-error':
        this.#options.onEvent({ type: 'identity-error', proxy, message: message.message });
        break;
    }
  }

  /** The identity is that of the plan at this moment; nothing in the CSR but its key counts. */
  async #issue(run: Run, csrPem: string): Promise<void> {
    const { authority, onEvent } = this.#options;
    const issued = await authority.issue({ csrPem, spiffeId: this.#assignment.spiffeId });
    if (run !== this.#run) return;
    if (issued.error === undefined) {
      run.child.send({ type: 'svid', chainPem: issued.chainPem, bundlePem: authority.rootPem });
      return;
    }
    onEvent({ type: 'identity-error', proxy: this.id, message: `certificate refused: ${issued.error}` });
    run.child.send({ type: 'svid-refused', error: issued.error });
  }

  #openPort(run: Run, portId: string, address: Address): void {
    const { ports } = this.#assignment.slice;
    const port = Object.hasOwn(ports, portId) ? ports[portId] : undefined;
    // Bound under a plan that has changed meanwhile; the newer plan, already sent, closes it.
    if (port === undefined) return;
    run.openPorts.set(portId, address);
    const told = run.sentSlice?.ports[portId]?.bind;
    if (told !== undefined) run.bound.set(portId, { wanted: port.bind, told });
    this.#lastPorts.set(portId, address.port);
    const wanted = port.bind.port;
    const isHeld = this.#options.worker.held().has(portId);
    if (wanted !== 0 && wanted !== address.port && !isHeld) {
      this.#options.onEvent({ type: 'bound-elsewhere', proxy: this.id, port: portId, wanted, got: address.port });
    }
    this.#options.onListening(portId, address);
  }

  #bindFailed(run: Run, portId: string, message: string): void {
    this.#lastPorts.delete(portId);
    const wasPinned = run.pins.delete(portId) && this.#assignment.slice.ports[portId]?.bind.port === 0;
    // Somebody took the port while the proxy was away: any other will do.
    if (!wasPinned) this.#options.onEvent({ type: 'bind-failed', proxy: this.id, port: portId, message });
    else {
      this.#version += 1;
      this.#sendPlan(run);
    }
  }

  #closePort(run: Run, portId: string): void {
    run.openPorts.delete(portId);
    run.bound.delete(portId);
    this.#lastPorts.delete(portId);
    this.#options.onListening(portId, undefined);
  }

  #exit(run: Run, description: string): void {
    if (run !== this.#run) return;
    this.#run = undefined;
    for (const finish of run.scrapes.values()) finish();
    run.passing?.finish();
    this.#options.onEnded(run.processId);
    for (const portId of run.openPorts.keys()) this.#options.onListening(portId, undefined);
    if (this.#state === 'stopping') {
      this.#cancelTimer();
      this.#state = 'stopped';
      for (const resolve of this.#onStopped.splice(0)) resolve();
      return;
    }
    const restartInMs = this.#restartDelay.next(this.#options.clock.monotonicMs() - run.startedMs);
    this.#state = 'restarting';
    this.#cancelTimer = this.#options.schedule(() => this.start(), restartInMs);
    this.#options.onEvent({ type: 'exit', proxy: this.id, description, restartInMs });
    this.#options.onProgress();
  }
}
