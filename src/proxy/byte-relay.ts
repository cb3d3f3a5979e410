// Hot file per chunk: two sockets, and bytes between them as they come.
import type { Socket } from 'node:net';
import {
  authorizeConnection,
  chooseBackend,
  decideRelay,
  explainNoRelay,
  explainRefusal,
  localAnswer,
  type CompiledProxy,
  type CompiledPort,
  type LocalCause,
} from '../decide/index.ts';
import { principalOf } from '../identity/index.ts';
import type { Endpoint } from '../plan/index.ts';
import { connect, WheelTimer, type ConnectAttempt, type ConnectFailure, type SocketFacts } from '../transport/index.ts';
import type { ClusterRuntime } from './cluster-runtime.ts';
import type { EndpointRuntime } from './endpoint-runtime.ts';
import { peerLabels } from './downstream-connection.ts';
import { RelayBook, type RelayAccount, type RelayEnd } from './relay-book.ts';
import type { Runtime } from './runtime.ts';

export interface RelayOwner {
  /** The plan of this moment; a connection keeps that with which it began. */
  current(): { readonly compiled: CompiledProxy; readonly port: CompiledPort };
  onRelayClosed(relay: ByteRelay): void;
}

export interface ByteRelayOptions {
  readonly runtime: Runtime;
  readonly owner: RelayOwner;
  /** Accepted, TLS done where this proxy ends it. */
  readonly socket: Socket;
  readonly facts: SocketFacts;
}

/** What to offer in the handshake with a mesh peer (istio.md 6.5; metadata exchange is not spoken, so it is not offered). */
const meshAlpn: readonly string[] = ['istio'];

/** A backend that ends TLS itself knows what it speaks; nothing is known here. */
const noAlpn: readonly string[] = [];

function alpnFor({ security }: Endpoint): readonly string[] {
  return security.mode === 'mtls' ? meshAlpn : noAlpn;
}

/** How outlier detection is told that an endpoint took a connection. */
const connectedStatus = 200;

const orderly: RelayEnd = { flag: '-', details: '', reason: '' };
const drained: RelayEnd = { flag: '-', details: 'drained', reason: '' };
const tooOld: RelayEnd = {
  flag: 'DT',
  details: 'max_duration',
  reason: 'the connection reached its maxConnectionDuration',
};

/**
 * One client connection whose bytes go to one endpoint and back as they are: policies first, then the route, then the
 * endpoint. Each side reads only as fast as the other takes, and the end of one direction leaves the other open.
 */
export class ByteRelay {
  readonly facts: SocketFacts;
  readonly #runtime: Runtime;
  readonly #owner: RelayOwner;
  readonly #down: Socket;
  readonly #account: RelayAccount;
  readonly #book: RelayBook;
  readonly #timer = new WheelTimer(() => this.#onTick());
  readonly #tried: EndpointRuntime[] = [];
  #up: Socket | undefined;
  #attempt: ConnectAttempt | undefined;
  #endpoint: EndpointRuntime | undefined;
  #movedMs: number;
  #bytesSeen = 0;
  #endAtMs = Number.POSITIVE_INFINITY;
  #timedEnd = drained;
  #end: RelayEnd | undefined;
  #isClosed = false;

  constructor({ runtime, owner, socket, facts }: ByteRelayOptions) {
    const { compiled, port } = owner.current();
    this.facts = facts;
    this.#runtime = runtime;
    this.#owner = owner;
    this.#down = socket;
    this.#movedMs = runtime.wheel.nowMs();
    this.#account = {
      compiled,
      isInbound: port.port.direction === 'inbound',
      destinationPort: port.port.number,
      facts,
      peer: peerLabels(compiled, facts.principal),
      startMs: runtime.clock.monotonicMs(),
      authorization: undefined,
      route: undefined,
      cluster: undefined,
      endpoint: undefined,
      dialled: undefined,
      upstreamLocalAddress: '',
      attempts: 0,
      receivedBytes: 0,
      sentBytes: 0,
    };
    this.#book = new RelayBook(runtime.relayBooks, this.#account);
    socket.allowHalfOpen = true;
    socket.on('error', () => this.#lost(socket, { flag: 'DC', details: 'downstream_connection_termination' }));
    socket.on('close', () => this.#onClosed(socket));
  }

  /** Decides where the bytes go; whatever comes of it, `onRelayClosed` follows in the end. */
  start(): void {
    this.#begin(this.#owner.current().port);
  }

  /** Connections cannot be asked to end: it is left alone for a while, then cut. */
  drain(): void {
    this.#endBy(this.#runtime.limits.relayDrainMs, drained);
    this.#armTick();
  }

  #endBy(delayMs: number, end: RelayEnd): void {
    const atMs = this.#runtime.wheel.nowMs() + delayMs;
    if (atMs >= this.#endAtMs) return;
    this.#endAtMs = atMs;
    this.#timedEnd = end;
  }

  /** Cuts both sides. */
  destroy(): void {
    this.#finish({ flag: '-', details: 'closed', reason: '' });
  }

  #begin(port: CompiledPort): void {
    const { facts } = this;
    const { compiled } = this.#account;
    const connection = {
      sourceIp: facts.remoteAddress,
      sourcePort: facts.remotePort,
      destinationIp: facts.localAddress,
      sni: facts.sni,
      principal: principalOf(facts.principal),
    };
    const decision = decideRelay(port, facts.sni);
    if (decision.type === 'route') {
      this.#account.route = decision.route;
      this.#account.cluster = decision.route.backends[0]?.cluster;
    }
    if (decision.type !== 'route' || decision.listener.listener.unguarded !== true) {
      const { decision: authorization, reason } = authorizeConnection(compiled, { port, connection });
      this.#account.authorization = authorization;
      if (authorization.shadow !== undefined) this.#runtime.countDryRun(authorization.shadow);
      if (!authorization.allowed) return this.#finish({ flag: '-', details: authorization.details, reason });
    }
    if (decision.type !== 'route') return this.#fail('no_route', explainNoRelay(decision, facts.sni));
    const { route } = decision;
    const backend = chooseBackend(route, this.#runtime.random);
    this.#account.cluster = backend?.cluster;
    const cluster = this.#runtime.clusters.get(backend?.cluster?.cluster.id ?? '');
    if (route.failReason !== undefined || cluster === undefined) {
      return this.#fail('backend_invalid', explainRefusal({ type: 'backend', route, backend }));
    }
    if (cluster.compiled.cluster.undefinedSubset === true) return this.#failUpstream('cluster_not_found', cluster);
    this.#connect(cluster);
  }

  #connect(cluster: ClusterRuntime): void {
    const { random, tlsOf, lookup } = this.#runtime;
    const endpoint = cluster.chooseForBytes(this.#tried, this.facts.remoteAddress, random);
    if (endpoint === undefined) return this.#failUpstream('no_healthy_upstream', cluster);
    this.#tried.push(endpoint);
    this.#account.attempts++;
    this.#account.endpoint = endpoint.endpoint;
    const { settings } = endpoint.pool;
    const { usage, maxConnections = Number.POSITIVE_INFINITY } = settings;
    // As in Envoy, an endpoint without any connection gets its first one all the same.
    if (usage.connections >= maxConnections && endpoint.active > 0) return this.#failUpstream('overflow', cluster);
    const tls = tlsOf(endpoint.endpoint)?.();
    if (tls !== undefined && 'error' in tls) return this.#failUpstream('connect_failed', cluster, tls.error);
    this.#take(endpoint);
    const { address, followsRequest } = endpoint.endpoint;
    const dialled = followsRequest === true ? { ...address, host: this.facts.sni } : address;
    this.#account.dialled = dialled;
    this.#attempt = connect({
      ...dialled,
      ...(lookup === undefined ? {} : { lookup }),
      ...(tls === undefined ? {} : { tls: { ...tls, bytesAlpn: alpnFor(endpoint.endpoint) } }),
      connectTimeoutMs: settings.connectTimeoutMs,
      ...(settings.tcpKeepalive === undefined ? {} : { keepAlive: settings.tcpKeepalive }),
      onConnected: (socket) => this.#join(socket, endpoint),
      onFailed: (failure) => this.#retry(cluster, failure),
    });
  }

  /** Counts this connection towards the limits of the cluster. */
  #take(endpoint: EndpointRuntime): void {
    this.#endpoint = endpoint;
    endpoint.active++;
    endpoint.pool.settings.usage.connections++;
  }

  #release(): void {
    if (this.#endpoint === undefined) return;
    this.#endpoint.active--;
    this.#endpoint.pool.settings.usage.connections--;
    this.#endpoint = undefined;
  }

  /** Nothing has been sent yet, so another endpoint may be tried. */
  #retry(cluster: ClusterRuntime, { cause, detail }: ConnectFailure): void {
    if (this.#isClosed) return;
    this.#release();
    this.#tried.at(-1)?.noteFailure(cause === 'connect-timeout' ? 'timeout' : 'reset');
    const isLast =
      this.#account.attempts >= this.#runtime.limits.attemptsPerRequest ||
      cluster.chooseForBytes(this.#tried, this.facts.remoteAddress, this.#runtime.random) === undefined;
    if (!isLast) return this.#connect(cluster);
    this.#failUpstream(cause === 'connect-timeout' ? 'connect_timeout' : 'connect_failed', cluster, detail || cause);
  }

  #join(up: Socket, endpoint: EndpointRuntime): void {
    const down = this.#down;
    if (this.#isClosed) {
      up.destroy();
      return;
    }
    this.#up = up;
    endpoint.noteStatus(connectedStatus);
    const { maxConnectionDurationMs } = endpoint.pool.settings;
    if (maxConnectionDurationMs !== undefined) this.#endBy(maxConnectionDurationMs, tooOld);
    up.allowHalfOpen = true;
    this.#account.upstreamLocalAddress = `${up.localAddress ?? ''}:${up.localPort ?? 0}`;
    up.on('error', (error) =>
      this.#lost(up, { flag: 'UC', details: 'upstream_connection_termination', reason: error.message }),
    );
    up.on('close', () => this.#onClosed(up));
    this.#book.open();
    this.#armTick();
    const account = this.#account;
    this.#pump(down, up, (bytes) => (account.receivedBytes += bytes));
    this.#pump(up, down, (bytes) => (account.sentBytes += bytes));
  }

  #pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    from.on('data', (chunk: Buffer) => {
      count(chunk.length);
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.resume();
  }

  /** A side that broke: the other must not take it for an orderly end. */
  #lost(socket: Socket, end: Pick<RelayEnd, 'flag' | 'details'> & Partial<RelayEnd>): void {
    const other = socket === this.#down ? this.#up : this.#down;
    this.#end ??= { reason: '', ...end };
    if (other !== undefined && !other.destroyed) cut(other);
  }

  #onClosed(socket: Socket): void {
    const { closed: downClosed } = this.#down;
    const up = this.#up;
    // What was read to its end and written to its end leaves the other side to finish by itself.
    const isOrderly = socket.readableEnded && socket.writableFinished;
    if (!isOrderly || up === undefined) {
      const other = socket === this.#down ? up : this.#down;
      if (other !== undefined && !other.destroyed) cut(other);
    }
    if (downClosed && (up === undefined || up.closed)) this.#finish(this.#end ?? orderly);
  }

  #fail(cause: LocalCause, reason: string): void {
    const { flag, details } = localAnswer(cause);
    this.#finish({ flag, details, reason });
  }

  #failUpstream(cause: LocalCause, { compiled }: ClusterRuntime, detail?: string): void {
    const told = detail === undefined ? {} : { detail };
    this.#fail(cause, explainRefusal({ type: 'upstream', cause, cluster: compiled, ...told }));
  }

  #finish(end: RelayEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#runtime.wheel.cancel(this.#timer);
    this.#attempt?.cancel();
    this.#release();
    this.#down.destroy();
    this.#up?.destroy();
    this.#book.close(end);
    this.#owner.onRelayClosed(this);
  }

  #armTick(): void {
    const untilEndMs = this.#endAtMs - this.#runtime.wheel.nowMs();
    const delayMs = Math.min(this.#runtime.limits.relayReportMs, untilEndMs);
    if (!this.#isClosed) this.#runtime.wheel.arm(this.#timer, Math.max(1, delayMs));
  }

  #onTick(): void {
    const nowMs = this.#runtime.wheel.nowMs();
    const bytes = this.#account.receivedBytes + this.#account.sentBytes;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#movedMs = nowMs;
      this.#book.addBytes();
    }
    if (nowMs >= this.#endAtMs) return this.#finish(this.#timedEnd);
    const idleMs = this.#endpoint?.pool.settings.idleTimeoutMs ?? this.#runtime.limits.relayIdleMs;
    if (idleMs > 0 && nowMs - this.#movedMs >= idleMs) {
      this.#runtime.countLimit('relay-idle');
      return this.#finish({ flag: 'SI', details: 'stream_idle_timeout', reason: 'no byte for too long' });
    }
    this.#armTick();
  }
}

/** A reset where the socket is plain TCP; a TLS peer sees the missing close_notify. */
function cut(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
