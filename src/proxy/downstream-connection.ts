// Hot file: hands the engine's calls to the relay, and knows what is the same for all requests of one client connection.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  bindAuthorization,
  localAnswer,
  selectListenerForSni,
  type CompiledPort,
  type CompiledProxy,
} from '../decide/index.ts';
import {
  ErrorCode,
  errorCodeName,
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Stream,
} from '../http2/index.ts';
import { certificateFacts, principalOf } from '../identity/index.ts';
import { unknownWorkload, type WorkloadIdentity } from '../telemetry/index.ts';
import { Http2Transport, isAnyoneAtWork, type CloseReason, type SocketFacts } from '../transport/index.ts';
import { DispatchQueue } from './dispatch-queue.ts';
import { settleExchange } from './ending.ts';
import type { Exchange, Scope } from './exchange.ts';
import { flushResponse, serveWaiting } from './flow.ts';
import { leaveMirrors, sendOn } from './mirror.ts';
import { beginRequest, continueRequest, endRequestWithTrailers, type RequestSource } from './relay-request.ts';
import type { HeadRules } from './request-head.ts';
import type { Runtime } from './runtime.ts';
import { WaitingList } from './waiting-list.ts';
import { formatClientCert, formatEdgeClientCert } from './xfcc.ts';

/** What a port tells its connections. */
export interface DownstreamOwner {
  /** The plan of this moment; for a port that was removed, the last one that had it. */
  current(): { readonly compiled: CompiledProxy; readonly port: CompiledPort };
  onClosed(connection: DownstreamConnection, reason: CloseReason): void;
  /** A limit acted, or the client broke the protocol. */
  onNotice(connection: DownstreamConnection, message: string): void;
}

export interface DownstreamConnectionOptions {
  readonly runtime: Runtime;
  readonly owner: DownstreamOwner;
  readonly socket: Socket;
  readonly facts: SocketFacts;
  /** `spiffe://…` of this proxy, for `x-forwarded-client-cert`. */
  readonly ownSpiffeId: string;
}

/** One client connection; carries many requests. */
export class DownstreamConnection implements ConnectionHandler<Exchange>, RequestSource {
  readonly waiting = new WaitingList<Exchange>();
  readonly facts: SocketFacts;
  readonly peerSpiffeId: string;
  readonly rules: HeadRules;
  readonly #runtime: Runtime;
  readonly #owner: DownstreamOwner;
  readonly #transport: Http2Transport<Exchange>;
  readonly #queue: DispatchQueue;
  #scope: Scope | undefined;
  /** Each is said once per connection; how often they acted is the metric's. */
  #loggedLimits: Set<string> | undefined;

  constructor(options: DownstreamConnectionOptions) {
    const { facts } = options;
    const { limits } = options.runtime;
    this.#runtime = options.runtime;
    this.#owner = options.owner;
    this.facts = facts;
    this.peerSpiffeId = facts.principal;
    this.rules = headRules(options);
    this.#transport = new Http2Transport<Exchange>({
      socket: options.socket,
      facts,
      role: 'server',
      handler: this,
      wheel: options.runtime.wheel,
      limits: this.rules.isFirstHop ? limits.clientConnection : limits.sharedConnection,
      creditsOnReceipt: !this.rules.isFirstHop,
      served: () => this.#queue.served,
      transportLimits: limits.transport,
      onWritable: () => serveWaiting(this, flushResponse),
      onChunkEnd: () => this.#queue.dispatch(),
      onClose: (reason) => this.#owner.onClosed(this, reason),
    });
    this.#queue = new DispatchQueue({
      connection: this.#transport.connection,
      wheel: options.runtime.wheel,
      limits,
      startsSlowly: () => !this.#transport.isKnown && isAnyoneAtWork(options.runtime.wheel.nowMs()),
      send: (exchange) => sendOn(options.runtime, exchange),
    });
  }

  get connection(): Http2Transport<Exchange>['connection'] {
    return this.#transport.connection;
  }

  get writeBlocked(): boolean {
    return this.#transport.writeBlocked;
  }

  get nowMs(): number {
    return this.#transport.nowMs;
  }

  /** The current plan for this connection; what depends on the connection is evaluated once per plan. */
  get scope(): Scope {
    const { compiled, port } = this.#owner.current();
    if (this.#scope?.compiled === compiled) return this.#scope;
    const { remoteAddress, remotePort, localAddress, sni } = this.facts;
    const connection = {
      sourceIp: remoteAddress,
      sourcePort: remotePort,
      destinationIp: localAddress,
      sni,
      principal: principalOf(this.peerSpiffeId),
    };
    this.#scope = {
      compiled,
      port,
      authorization: bindAuthorization(compiled, { port, connection }),
      // Tokens are for those who come in; what a workload sends is verified where it arrives.
      authenticator: port.port.direction === 'outbound' ? undefined : this.#runtime.authenticatorOf(compiled),
      peer: peerLabels(compiled, this.peerSpiffeId),
      sniListener: port.port.security.mode === 'tls' ? selectListenerForSni(port, sni) : undefined,
    };
    return this.#scope;
  }

  awaitRequestEnd(exchange: Exchange): void {
    const { answeredRequestBytes, answeredRequestMs } = this.#runtime.limits;
    exchange.requestBytesAllowed = exchange.requestBytes + answeredRequestBytes;
    this.#runtime.wheel.arm(exchange.timer, answeredRequestMs);
  }

  dispatchSoon(exchange: Exchange): void {
    this.#queue.add(exchange);
  }

  /** No new requests; those under way finish, then it closes. */
  drain(): void {
    this.#transport.drain();
  }

  bookOngoing(): void {
    this.connection.forEachUser((exchange) => this.#runtime.recordMessages(exchange));
  }

  close(): void {
    this.#transport.close();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  onHeaders(stream: Http2Stream<Exchange>, fields: readonly Field[], count: number, endStream: boolean): void {
    beginRequest(this.#runtime, this, stream, fields, count, endStream);
  }

  onTrailers(stream: Http2Stream<Exchange>, fields: readonly Field[], count: number): void {
    if (stream.user !== undefined) endRequestWithTrailers(this.#runtime, stream.user, fields, count);
  }

  onData(stream: Http2Stream<Exchange>, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    if (stream.user === undefined) this.#transport.connection.creditReceived(stream, end - start);
    else continueRequest(this.#runtime, stream.user, chunk, start, end, endStream);
  }

  onReset(stream: Http2Stream<Exchange>, code: ErrorCode, byPeer: boolean): void {
    const exchange = stream.user;
    // After the whole response a reset only says that the client will not send the rest.
    if (exchange === undefined || exchange.responseEndSent || exchange.error !== undefined) return;
    const cause = this.connection.isClosed
      ? 'downstream_disconnect'
      : byPeer
        ? 'downstream_reset'
        : 'downstream_protocol_error';
    exchange.error = localAnswer(cause, exchange.responseStarted);
    exchange.errorDetail = errorCodeName(code);
  }

  onWindow(stream: Http2Stream<Exchange> | undefined): void {
    if (stream === undefined) {
      serveWaiting(this, flushResponse);
    } else if (stream.user !== undefined && stream.user.responseQueue.byteLength > 0) {
      this.waiting.delete(stream.user);
      flushResponse(stream.user);
    }
  }

  onStreamClosed(stream: Http2Stream<Exchange>): void {
    const exchange = stream.user;
    if (exchange === undefined) return;
    this.#queue.onEnded(exchange);
    if (exchange.mirrors !== undefined) leaveMirrors(this.#runtime, exchange);
    settleExchange(this.#runtime, exchange);
  }

  onSettings(): void {}

  onPingAck(): void {}

  onPing(): void {}

  onGoaway(_lastStreamId: number, code: ErrorCode, debug: Buffer): void {
    if (code === ErrorCode.NO_ERROR) return;
    this.#owner.onNotice(this, `peer sent GOAWAY ${errorCodeName(code)} ${JSON.stringify(debug.toString('latin1'))}`);
  }

  /** Servers open no streams, so none of ours can be refused. */
  onRefused(): void {}

  onConnectionError(code: ErrorCode, message: string): void {
    this.#owner.onNotice(this, `protocol error ${errorCodeName(code)}: ${message}`);
  }

  onLimit(name: string): void {
    this.#runtime.countLimit(name);
    if (this.#loggedLimits?.has(name) === true) return;
    (this.#loggedLimits ??= new Set()).add(name);
    this.#owner.onNotice(this, `limit ${name} acted`);
  }
}

/** Who is behind a verified SPIFFE id; `unknownWorkload` where there is none. */
export function peerLabels({ plan }: CompiledProxy, spiffeId: string): WorkloadIdentity {
  if (spiffeId === '') return unknownWorkload;
  return plan.peers[spiffeId] ?? { ...unknownWorkload, principal: spiffeId };
}

function headRules({ owner, facts, ownSpiffeId }: DownstreamConnectionOptions): HeadRules {
  const { direction } = owner.current().port.port;
  const isEdge = direction === 'gateway';
  const clientCert = isEdge ? edgeClientCert(facts) : meshClientCert(facts, ownSpiffeId);
  return {
    isEdge,
    isFirstHop: direction !== 'inbound',
    remoteIp: facts.remoteAddress,
    forwardedFor: internField('x-forwarded-for', facts.remoteAddress),
    forwardedProto: internField('x-forwarded-proto', facts.isTls ? 'https' : 'http'),
    scheme: internField(':scheme', facts.isTls ? 'https' : 'http'),
    clientCert: clientCert === undefined ? undefined : internField('x-forwarded-client-cert', clientCert),
  };
}

function edgeClientCert({ peerCertificate: [leaf] }: SocketFacts): string | undefined {
  return leaf === undefined ? undefined : formatEdgeClientCert(certificateFacts(leaf));
}

function meshClientCert({ peerCertificate: [leaf], principal }: SocketFacts, by: string): string | undefined {
  if (leaf === undefined || principal === '') return undefined;
  const hash = createHash('sha256').update(leaf).digest('hex');
  return formatClientCert({ by, hash, subject: '', uri: principal });
}
