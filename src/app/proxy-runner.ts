import { Secret, type Clock, type ListeningSocket } from '../base/index.ts';
import { grpcStatusName } from '../grpc/index.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import { SvidHolder } from '../identity/index.ts';
import { applyPlanChange, unpackPlan, type Plan } from '../plan/index.ts';
import { createProxy, withLimitSettings, type Proxy, type ProxyOptions } from '../proxy/index.ts';
import {
  AccessLog,
  accessLogDropped,
  applyMetricRules,
  Counters,
  RequestMetrics,
  takeSnapshot,
  type LogSink,
} from '../telemetry/index.ts';
import type { ControlMessage, ProxyMessage } from './messages.ts';
import type { Schedule } from './supervised-proxy.ts';

export interface ProxyRunnerOptions {
  /** A socket that goes with it stays open here. */
  readonly send: (message: ProxyMessage, socket?: ListeningSocket) => void;
  /** Where access log lines go. */
  readonly output: LogSink;
  readonly clock: Clock;
  readonly random: () => number;
  readonly schedule: Schedule;
  /** Everything has been said and done: end the process. */
  readonly onDone: () => void;
  /** For tests. */
  readonly createProxy?: (options: ProxyOptions) => Proxy;
}

/**
 * How often, in milliseconds, the certificate's age is looked at. Short, because a timer stands still while a laptop
 * sleeps, and long ones overflow (setTimeout's limit is 24.8 days, a certificate's half-life may be 45).
 */
const identityCheckMs = 30_000;
/** A CSR without an answer, or with a refusal, is followed by the next one after this long, in milliseconds. */
const csrRetryMs = 5_000;

interface NewestPlan extends Pick<Extract<ControlMessage, { type: 'plan' }>, 'version' | 'keys'> {
  readonly slice: Plan;
}

/** The life of a proxy process, told what to do by control's messages. Holds its private key and never sends it. */
export class ProxyRunner {
  readonly #options: ProxyRunnerOptions;
  readonly #identity: SvidHolder;
  readonly #metrics = new RequestMetrics();
  readonly #counters = new Counters();
  readonly #descriptors = new Map<string, DescriptorSource>();
  /** What the process before this one listens on, until it is used. */
  readonly #inherited = new Map<string, ListeningSocket>();
  #accessLog: AccessLog | undefined;
  #proxy: Proxy | undefined;
  #newest: NewestPlan | undefined;
  /** Plans wait for the first certificate, or for the word that there is none now. */
  #identityKnown = false;
  #nextCsrAtMs = 0;
  #cancelCheck: () => void = () => undefined;
  #isEnding = false;

  constructor(options: ProxyRunnerOptions) {
    this.#options = options;
    this.#identity = new SvidHolder({ clock: options.clock, random: options.random });
  }

  receive(message: ControlMessage, socket?: ListeningSocket): void {
    switch (message.type) {
      case 'start':
        this.#start(message);
        break;
      case 'plan':
        this.#newest = { ...message, slice: unpackPlan(message.slice) };
        this.#applyNewest();
        break;
      case 'plan-change':
        this.#change(message);
        break;
      case 'svid':
        this.#accept(message.chainPem, message.bundlePem);
        break;
      case 'svid-refused':
        this.#identityUnavailable();
        break;
      case 'renew':
        this.#requestSvid();
        break;
      case 'descriptors':
        this.#describe(message.descriptors);
        break;
      case 'scrape':
        this.#sendMetrics(message.id);
        break;
      case 'listener':
        if (socket !== undefined) this.#inherited.set(message.port, socket);
        break;
      case 'pass-listeners':
        this.#passListeners();
        break;
      case 'drain':
        void this.drain(message.graceMs);
        break;
    }
  }

  #change({ version, change, keys }: Extract<ControlMessage, { type: 'plan-change' }>): void {
    // Control sends changes only after a whole plan.
    if (this.#newest === undefined) return;
    const { slice } = this.#newest;
    this.#newest = {
      version,
      slice: change === undefined ? slice : applyPlanChange(slice, change),
      keys,
    };
    this.#applyNewest();
  }

  /** Finishes what is under way within `graceMs` milliseconds, then calls `onDone`. */
  async drain(graceMs: number): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#cancelCheck();
    await this.#proxy?.drain(graceMs);
    // Calls that ended while draining count too.
    this.#sendMetrics(lastScrapeId);
    await this.#accessLog?.drain();
    this.#options.onDone();
  }

  #start({ proxy: proxyId, accessLog, limits, sharesPorts }: Extract<ControlMessage, { type: 'start' }>): void {
    const { send, clock, random } = this.#options;
    this.#accessLog = accessLog === 'off' ? undefined : this.#makeAccessLog(accessLog);
    this.#proxy = (this.#options.createProxy ?? createProxy)({
      proxyId,
      clock,
      random,
      identity: this.#identity,
      limits: withLimitSettings(limits),
      sharesPorts,
      inherit: (portId) => this.#inherit(portId),
      metrics: this.#metrics,
      counters: this.#counters,
      ...(this.#accessLog === undefined ? {} : { accessLog: this.#accessLog }),
      log: (line) => send({ type: 'log', line }),
      onListening: (port, { host, port: number }) => send({ type: 'listening', port, host, number }),
      onBindFailed: (port, message) => send({ type: 'bind-failed', port, message }),
      onKeyMissing: (url) => send({ type: 'key-missing', url }),
      onDescriptors: (service, source) => send({ type: 'descriptors', service, source }),
    });
    this.#requestSvid();
    this.#checkIdentity();
  }

  #makeAccessLog(mode: 'text' | 'json'): AccessLog {
    return new AccessLog({
      sink: this.#options.output,
      format: mode === 'json' ? 'JSON' : 'TEXT',
      statusName: grpcStatusName,
      schedule: (flush) => void this.#options.schedule(flush, 0),
      onDropped: (lines) => this.#counters.add(accessLogDropped, [], lines),
    });
  }

  #applyNewest(): void {
    const message = this.#newest;
    if (this.#proxy === undefined || message === undefined || !this.#identityKnown || this.#isEnding) return;
    const secrets = new Map([...message.keys].map(([id, pem]) => [id, new Secret(pem)]));
    void this.#proxy.apply(message.slice, secrets).then(() => {
      // Ports that the plan does not have any more.
      for (const [portId] of this.#inherited) this.#inherit(portId)?.close();
      // A newer plan speaks for itself.
      if (message === this.#newest) this.#options.send({ type: 'applied', version: message.version });
      return undefined;
    });
  }

  #inherit(portId: string): ListeningSocket | undefined {
    const socket = this.#inherited.get(portId);
    this.#inherited.delete(portId);
    return socket;
  }

  #passListeners(): void {
    const { send } = this.#options;
    for (const [port, socket] of this.#proxy?.listeners() ?? []) send({ type: 'listener', port }, socket);
    send({ type: 'listeners-passed' });
  }

  #requestSvid(): void {
    this.#nextCsrAtMs = this.#options.clock.wallMs() + csrRetryMs;
    this.#options.send({ type: 'csr', csrPem: this.#identity.csr() });
  }

  #accept(chainPem: string, bundlePem: string): void {
    const { svid, error } = this.#identity.accept(chainPem, bundlePem);
    if (svid === undefined) {
      this.#options.send({ type: 'identity-error', message: `certificate from control cannot be used: ${error}` });
      this.#identityUnavailable();
      return;
    }
    this.#nextCsrAtMs = svid.renewAtMs;
    this.#identityDecided();
  }

  /** Plaintext listeners work without a certificate; what needs one fails by itself until there is one. */
  #identityUnavailable(): void {
    this.#nextCsrAtMs = this.#options.clock.wallMs() + csrRetryMs;
    this.#identityDecided();
  }

  #identityDecided(): void {
    // Also after each change of `#nextCsrAtMs`: the next look may have to come sooner.
    this.#checkIdentity();
    if (this.#identityKnown) return;
    this.#identityKnown = true;
    this.#applyNewest();
  }

  #checkIdentity(): void {
    this.#cancelCheck();
    if (this.#isEnding) return;
    const dueInMs = this.#nextCsrAtMs - this.#options.clock.wallMs();
    if (dueInMs <= 0) this.#requestSvid();
    const waitMs = dueInMs <= 0 ? csrRetryMs : Math.min(dueInMs, identityCheckMs);
    this.#cancelCheck = this.#options.schedule(() => this.#checkIdentity(), waitMs);
  }

  #describe({ service, source }: { readonly service: string; readonly source: DescriptorSource | undefined }): void {
    if (source === undefined) this.#descriptors.delete(service);
    else this.#descriptors.set(service, source);
    this.#proxy?.setDescriptors(new Map(this.#descriptors));
  }

  #sendMetrics(id: number): void {
    this.#proxy?.bookOngoing();
    const counted = takeSnapshot(this.#metrics, this.#counters);
    // A slice has one proxy: this one.
    const [proxy] = Object.values(this.#newest?.slice.proxies ?? {});
    const snapshot = applyMetricRules(counted, proxy?.telemetry?.metrics ?? []);
    this.#options.send({ type: 'metrics', id, snapshot });
  }
}

/** Nobody waits for the last counts; control's own numbers begin with 1. */
const lastScrapeId = 0;
