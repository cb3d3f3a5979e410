import type { Socket } from 'node:net';
import type { ListeningSocket } from '../base/index.ts';
import { isRelayed, type CompiledPort, type CompiledProxy } from '../decide/index.ts';
import type { Port } from '../plan/index.ts';
import {
  bindError,
  listen,
  probePort,
  type BindError,
  type CloseReason,
  type Listener,
  type ListenSecurity,
  type RefusedConnection,
  type SocketFacts,
} from '../transport/index.ts';
import { ByteRelay, type RelayOwner } from './byte-relay.ts';
import { DownstreamConnection, type DownstreamOwner } from './downstream-connection.ts';
import { ClientShares } from './client-shares.ts';
import type { Address } from './proxy-api.ts';
import type { Runtime } from './runtime.ts';

/** What a port needs of the proxy around it. */
export interface PortServerOptions {
  readonly runtime: Runtime;
  /** Other processes listen, or will, on the same port. */
  readonly sharesPorts: boolean;
  /** See `ProxyOptions`. */
  readonly inherit: ((portId: string) => ListeningSocket | undefined) | undefined;
  readonly security: (scope: PortState) => ListenSecurity;
  readonly ownSpiffeId: () => string;
  readonly onListening: (portId: string, address: Address) => void;
  readonly onMoved: (portId: string, move: { readonly wanted: Address; readonly got: Address }) => void;
  readonly onBindFailed: (portId: string, message: string) => void;
  readonly onRefused: (port: Port, refused: RefusedConnection) => void;
}

/** A port under one plan. */
export interface PortState {
  readonly compiled: CompiledProxy;
  readonly port: CompiledPort;
}

/** A fixed port that may not be bound is moved by the offset: without rights (below 1024), or when somebody has it. */
const movableErrors: ReadonlySet<string> = new Set(['EACCES', 'EADDRINUSE']);

/** One bound TCP port and the client connections on it; lives through plans as long as its address stays the same. */
export class PortServer implements DownstreamOwner, RelayOwner {
  readonly #options: PortServerOptions;
  readonly #connections = new Set<DownstreamConnection | ByteRelay>();
  readonly #shares = new ClientShares();
  #state: PortState;
  #listener: Listener | undefined;
  #opening: Promise<void> | undefined;
  #isDraining = false;
  #isClosed = false;

  constructor(options: PortServerOptions, state: PortState) {
    this.#options = options;
    this.#state = state;
  }

  get address(): Address | undefined {
    return this.#listener?.address;
  }

  /** For the process that comes after this one. */
  get socket(): ListeningSocket | undefined {
    return this.#listener?.socket;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Binds unless it is bound; every outcome is reported, none thrown. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<void> {
    if (this.#listener !== undefined) return;
    const { id, bind } = this.#state.port.port;
    const { portOffset } = this.#options.runtime.limits;
    const inherited = this.#options.inherit?.(id);
    if (inherited !== undefined) {
      if ((await this.#bind(bind.port, inherited)) === undefined) return;
      inherited.close();
    }
    // Sharing a port hides that a stranger of the same user has it, so the first process looks before.
    let error = (await this.#probe(bind)) ?? (await this.#bind(bind.port));
    if (error !== undefined && bind.port !== 0 && movableErrors.has(error.code)) {
      const moved = bind.port + portOffset;
      error = moved > 65_535 ? error : ((await this.#probe({ ...bind, port: moved })) ?? (await this.#bind(moved)));
    }
    if (error !== undefined) this.#options.onBindFailed(id, error.message);
  }

  /** Takes over a new plan; the socket stays. */
  update(state: PortState): void {
    const trusted = clientTrust(this.#state);
    this.#state = state;
    this.#listener?.setSecurity(this.#options.security(state));
    // Who was let in by other rules for client certificates must be judged anew.
    if (clientTrust(state) !== trusted) for (const connection of this.#connections) connection.drain();
    const { security } = state.port.port;
    const plaintextAllowed = security.mode !== 'mtls' || security.peerAuthentication !== 'STRICT';
    if (plaintextAllowed) return;
    for (const connection of this.#connections) if (!connection.facts.isTls) connection.drain();
  }

  /** New connections use what is current now; connections with the old identity finish their requests and close. */
  recycle(): void {
    this.#listener?.setSecurity(this.#options.security(this.#state));
    for (const connection of this.#connections) {
      // Relayed bytes cannot move to a new connection, so they keep the identity with which they began, as in Istio.
      if (connection.facts.isTls && connection instanceof DownstreamConnection) connection.drain();
    }
  }

  /** Accepts no more; requests under way finish, then their connections close. Resolves when the port is free. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.drain();
    await this.#opening;
    await this.#listener?.drain();
  }

  bookOngoing(): void {
    for (const connection of this.#connections)
      if (connection instanceof DownstreamConnection) connection.bookOngoing();
  }

  /** Resolves when the last client has closed its connection too, and so has read the last answer; for a port that has drained. */
  async whenEmpty(): Promise<void> {
    await this.#listener?.whenEmpty();
  }

  /** Cuts everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.destroy();
    await this.#opening;
    await this.#listener?.close();
  }

  current(): PortState {
    return this.#state;
  }

  onClosed(connection: DownstreamConnection, reason: CloseReason): void {
    this.#connections.delete(connection);
    this.#shares.give(connection.facts);
    const { cause } = reason;
    if (cause !== 'headers-timeout' && cause !== 'write-stall') return;
    this.#options.runtime.countLimit(cause);
    this.onNotice(connection, `closed: ${cause}`);
  }

  onRelayClosed(relay: ByteRelay): void {
    this.#connections.delete(relay);
    this.#shares.give(relay.facts);
  }

  onNotice({ facts }: { readonly facts: SocketFacts }, message: string): void {
    const peer = facts.principal === '' ? '' : ` (${facts.principal})`;
    this.#options.runtime.log(
      `${this.#state.port.port.id}: client ${facts.remoteAddress}:${facts.remotePort}${peer}: ${message}`,
    );
  }

  async #probe({ host, port, isHeld }: Port['bind']): Promise<BindError | undefined> {
    if (!this.#options.sharesPorts || isHeld === true || port === 0) return undefined;
    return probePort(host, port);
  }

  async #bind(port: number, inherited?: ListeningSocket): Promise<BindError | undefined> {
    try {
      const listener = await listen({
        host: this.#state.port.port.bind.host,
        port,
        security: this.#options.security(this.#state),
        maxConnections: this.#options.runtime.limits.connectionsPerPort,
        reusePort: this.#options.sharesPorts,
        ...(inherited === undefined ? {} : { inherited }),
        onConnection: (socket, facts) => this.#accept(socket, facts),
        onRefused: (refused) => this.#options.onRefused(this.#state.port.port, refused),
        onError: (error) => this.#options.runtime.log(`${this.#state.port.port.id}: accept failed: ${error.message}`),
      });
      this.#listener = listener;
      if (this.#isDraining || this.#isClosed) await listener.close();
      else this.#report(listener.address);
      return undefined;
    } catch (error) {
      return bindError(error);
    }
  }

  #report(got: Address): void {
    const { id, bind } = this.#state.port.port;
    if (bind.port !== 0 && got.port !== bind.port) this.#options.onMoved(id, { wanted: bind, got });
    this.#options.onListening(id, got);
  }

  #accept(socket: Socket, facts: SocketFacts): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    const { connectionsPerClient } = this.#options.runtime.limits;
    if (!this.#shares.take(facts, connectionsPerClient)) {
      socket.destroy();
      const detail = `this client has ${connectionsPerClient} connections`;
      this.#options.onRefused(this.#state.port.port, { cause: 'client-cap', detail, facts });
      return;
    }
    if (isRelayed(this.#state.port, facts.sni)) {
      const relay = new ByteRelay({ runtime: this.#options.runtime, owner: this, socket, facts });
      this.#connections.add(relay);
      relay.start();
      if (this.#isDraining) relay.drain();
      return;
    }
    const connection = new DownstreamConnection({
      runtime: this.#options.runtime,
      owner: this,
      socket,
      facts,
      ownSpiffeId: this.#options.ownSpiffeId(),
    });
    this.#connections.add(connection);
    // The system had taken it before the port closed, or its handshake ended late.
    if (this.#isDraining) connection.drain();
  }
}

function clientTrust({ port }: PortState): string {
  return JSON.stringify(
    port.listeners.map(({ listener: { id, hostname, clientValidation } }) =>
      clientValidation === undefined ? [] : [id, hostname, { ...clientValidation, origin: undefined }],
    ),
  );
}
