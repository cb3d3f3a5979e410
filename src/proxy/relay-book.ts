import type { Clock } from '../base/index.ts';
import type { AuthorizationDecision, CompiledCluster, CompiledProxy, CompiledRoute } from '../decide/index.ts';
import type { Endpoint } from '../plan/index.ts';
import {
  connectionLabelValues,
  newRequestRecord,
  tcpConnectionsClosed,
  tcpConnectionsOpened,
  tcpReceivedBytes,
  tcpSentBytes,
  unknownService,
  unknownWorkload,
  type AccessLog,
  type CounterDefinition,
  type Counters,
  type PairLabels,
  type RequestRecord,
  type Tags,
  type WorkloadIdentity,
} from '../telemetry/index.ts';
import type { SocketFacts } from '../transport/index.ts';
import { isLogged } from './log-rules.ts';
import { tagRules } from './tag-rules.ts';

/** Who books relayed connections: metrics always, a line where there is a log. */
export interface RelayBooks {
  readonly clock: Clock;
  readonly counters: Counters;
  /** Undefined: no access log. */
  readonly accessLog: AccessLog | undefined;
}

/** Where a connection stands; the relay fills it in as it learns. */
export interface RelayAccount {
  readonly compiled: CompiledProxy;
  readonly isInbound: boolean;
  /** The port of the YAML. */
  readonly destinationPort: number;
  readonly facts: SocketFacts;
  readonly peer: WorkloadIdentity;
  readonly startMs: number;
  authorization: AuthorizationDecision | undefined;
  route: CompiledRoute | undefined;
  cluster: CompiledCluster | undefined;
  endpoint: Endpoint | undefined;
  /** Where the connection to the endpoint goes. */
  dialled: Endpoint['address'] | undefined;
  upstreamLocalAddress: string;
  attempts: number;
  /** From the client. */
  receivedBytes: number;
  /** To the client. */
  sentBytes: number;
}

/** Why a connection ended. */
export interface RelayEnd {
  /** Envoy's response flags, `-` for none. */
  readonly flag: string;
  /** Envoy's connection termination details. */
  readonly details: string;
  /** For the log; empty where nothing went wrong. */
  readonly reason: string;
}

/** The books of one relayed connection. Bytes are counted as they come to be known, so that long connections are seen. */
export class RelayBook {
  readonly #books: RelayBooks;
  readonly #account: RelayAccount;
  #opened = false;
  /** Computed once, before the first metric, as in Istio. */
  #tags: Tags | undefined;
  #hasTags = false;
  #receivedBooked = 0;
  #sentBooked = 0;

  constructor(books: RelayBooks, account: RelayAccount) {
    this.#books = books;
    this.#account = account;
  }

  open(): void {
    this.#opened = true;
    this.#count(tcpConnectionsOpened, '-');
  }

  addBytes(flag = '-'): void {
    const { receivedBytes, sentBytes } = this.#account;
    const received = receivedBytes - this.#receivedBooked;
    const sent = sentBytes - this.#sentBooked;
    if (received > 0) this.#count(tcpReceivedBytes, flag, received);
    if (sent > 0) this.#count(tcpSentBytes, flag, sent);
    this.#receivedBooked = receivedBytes;
    this.#sentBooked = sentBytes;
  }

  close(end: RelayEnd): void {
    // A connection that led nowhere was opened all the same.
    if (!this.#opened) this.#count(tcpConnectionsOpened, end.flag);
    this.addBytes(end.flag);
    this.#count(tcpConnectionsClosed, end.flag);
    this.#log(end);
  }

  #count(definition: CounterDefinition, flag: string, amount = 1): void {
    this.#books.counters.add(definition, connectionLabelValues(this.#pair(), flag), amount, this.#tagsOf());
  }

  #tagsOf(): Tags | undefined {
    const { telemetry } = this.#account.compiled.proxy;
    if (telemetry === undefined || this.#hasTags) return this.#tags;
    this.#hasTags = true;
    const rules = tagRules(telemetry, this.#account.isInbound ? 'destination' : 'source');
    if (rules?.connections !== undefined) this.#tags = rules.connections(this.#record());
    return this.#tags;
  }

  /** Gateways report as the source, sidecars as the destination of what comes in. */
  #pair(): PairLabels {
    const { compiled, isInbound, peer, cluster, endpoint } = this.#account;
    const own = compiled.proxy.labels;
    const service = cluster?.cluster.service ?? unknownService;
    if (!isInbound) {
      const destination = endpoint?.labels ?? unknownWorkload;
      return { reporter: 'source', source: own, destination, service, security: 'unknown' };
    }
    const security = peer === unknownWorkload ? 'none' : 'mutual_tls';
    return { reporter: 'destination', source: peer, destination: own, service, security };
  }

  #log(end: RelayEnd): void {
    const { clock, accessLog } = this.#books;
    if (accessLog === undefined) return;
    const { compiled, ...account } = this.#account;
    const record = this.#record();
    record.durationMs = Math.max(0, clock.monotonicMs() - account.startMs);
    record.startWallMs = clock.wallMs() - record.durationMs;
    record.flags = end.flag;
    record.details = end.details;
    record.reason = end.reason;
    const { telemetry } = compiled.proxy;
    if (telemetry === undefined || isLogged(telemetry, record)) accessLog.log(record);
  }

  /** All but its end. */
  #record(): RequestRecord {
    const { compiled, isInbound, facts, endpoint, ...account } = this.#account;
    const record = newRequestRecord();
    const own = compiled.proxy.labels.principal;
    const other = endpoint === undefined || endpoint.labels.principal === 'unknown' ? '' : endpoint.labels.principal;
    record.isTcp = true;
    record.reporter = isInbound ? 'destination' : 'source';
    record.hop = compiled.id;
    record.peerPrincipal = facts.principal;
    record.isMutual = facts.peerCertificate.length > 0;
    record.destinationPort = account.destinationPort;
    record.requestBytes = account.receivedBytes;
    record.responseBytes = account.sentBytes;
    record.attempts = account.attempts;
    record.route = account.route?.route.origin;
    record.policy = account.authorization?.policy?.origin;
    const shadow = account.authorization?.shadow;
    record.shadow = shadow === undefined ? '' : shadow.allowed ? 'allowed' : 'denied';
    record.shadowPolicy = shadow?.policy?.origin;
    record.sourcePrincipal = isInbound ? facts.principal : own;
    record.destinationPrincipal = isInbound ? own : other;
    record.sourceAddress = `${facts.remoteAddress}:${facts.remotePort}`;
    record.localAddress = `${facts.localAddress}:${facts.localPort}`;
    record.sni = facts.sni;
    record.upstreamCluster = account.cluster?.cluster.name ?? '';
    const { dialled } = account;
    record.upstreamAddress = dialled === undefined ? '' : `${dialled.host}:${dialled.port}`;
    record.upstreamLocalAddress = account.upstreamLocalAddress;
    return record;
  }
}
