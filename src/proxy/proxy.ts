import { qualifiedName, type ListeningSocket } from '../base/index.ts';
import { recompileProxy, type CompiledCluster, type CompiledProxy } from '../decide/index.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import type { Endpoint, Plan, PlanSecrets, Port } from '../plan/index.ts';
import {
  dryRunDecisions,
  limitsActed,
  mirroredRequests,
  outlierEjections,
  upstreamConnections,
} from '../telemetry/index.ts';
import { TimerWheel, type ListenSecurity } from '../transport/index.ts';
import { sendRequest } from './attempt.ts';
import { Authenticators } from './authenticators.ts';
import { ClusterRuntime } from './cluster-runtime.ts';
import { BackendTls, renewedTls } from './backend-tls.ts';
import type { EndpointPool, PoolSettings } from './endpoint-pool.ts';
import { HostPools } from './host-pools.ts';
import { timeIsUp } from './ending.ts';
import { ExchangePool } from './exchange.ts';
import { createGatewayTls, type CertificateCache } from './gateway-tls.ts';
import { HeadView } from './head-view.ts';
import { defaultProxyLimits, type ProxyLimits } from './limits.ts';
import { limitLog } from './log-limiter.ts';
import { MeshTls } from './mesh-tls.ts';
import { retryElsewhere } from './pool-failure.ts';
import { PortServer, type PortState } from './port-server.ts';
import { endMirror } from './mirror.ts';
import type { Proxy, ProxyOptions, ProxySnapshot } from './proxy-api.ts';
import { createRecorder } from './record.ts';
import { DescriptorWatch } from './reflection-learn.ts';
import { ReflectionService } from './reflection-service.ts';
import { reportRefused } from './refused.ts';
import { createUpstreamEvents } from './relay-response.ts';
import { randomRequestId } from './request-id.ts';
import { gatewayTreatment, meshTreatment, relayedClusters } from './relay-treatment.ts';
import type { Runtime, UpstreamTls } from './runtime.ts';
import type { UpstreamEvents } from './upstream-connection.ts';
import { UpstreamPool, type PoolEvents } from './upstream-pool.ts';

/** Makes the data plane of one process; it serves nothing until the first `apply`. */
export function createProxy(options: ProxyOptions): Proxy {
  return new DataPlane(options);
}

class DataPlane implements Proxy {
  readonly #options: ProxyOptions;
  readonly #limits: ProxyLimits;
  readonly #wheel: TimerWheel;
  readonly #mesh: MeshTls;
  readonly #backendTls: BackendTls;
  readonly #runtime: Runtime;
  readonly #upstreamEvents: UpstreamEvents;
  readonly #poolEvents: PoolEvents;
  readonly #reflection: ReflectionService;
  readonly #stopWatchingIdentity: () => void;
  readonly #clusters = new Map<string, ClusterRuntime>();
  readonly #ports = new Map<string, PortServer>();
  /** Removed from the plan, requests still in flight. */
  readonly #drainingPorts = new Set<PortServer>();
  readonly #drainingClusters = new Set<ClusterRuntime>();
  readonly #watches = new Map<string, DescriptorWatch>();
  readonly #certificates: CertificateCache = new Map();
  readonly #authenticators = new Authenticators((remote) => this.#options.onKeyMissing?.(remote));
  readonly #log: (line: string) => void;
  #compiled: CompiledProxy | undefined;
  #secrets: PlanSecrets = new Map();
  #isClosed = false;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#log = limitLog(options.log, options.clock);
    this.#limits = { ...defaultProxyLimits, ...options.limits };
    this.#wheel = new TimerWheel({ monotonicMs: () => options.clock.monotonicMs() });
    this.#mesh = new MeshTls({
      identity: options.identity,
      clock: options.clock,
      mesh: () => this.#compiled?.plan.mesh,
    });
    this.#backendTls = new BackendTls({ plan: () => this.#compiled?.plan, secrets: () => this.#secrets });
    this.#reflection = new ReflectionService(this.#limits, this.#log);
    this.#runtime = this.#makeRuntime();
    this.#upstreamEvents = createUpstreamEvents(this.#runtime);
    this.#poolEvents = {
      onStream: (exchange, connection, stream) => sendRequest(this.#runtime, exchange, connection, stream),
      onFailure: (exchange, failure, detail) => retryElsewhere(this.#runtime, exchange, failure, detail),
    };
    this.#stopWatchingIdentity = options.identity.onChange(() => this.#recycle());
  }

  apply(plan: Plan, secrets: PlanSecrets): Promise<void> {
    const before = this.#compiled;
    const compiled = recompileProxy(plan, this.#options.proxyId, before);
    const isRenewed = renewedTls(
      { certificates: before?.plan.certificates ?? {}, secrets: this.#secrets },
      { certificates: plan.certificates, secrets },
    );
    this.#compiled = compiled;
    this.#secrets = secrets;
    if (compiled.clusters !== before?.clusters) this.#applyClusters(compiled);
    if (isRenewed !== undefined) for (const cluster of this.#clusters.values()) cluster.recycleTls(isRenewed);
    const opened = this.#applyPorts(compiled);
    this.#reflection.use(compiled);
    this.#applyWatches(compiled);
    return opened;
  }

  setDescriptors(sources: ReadonlyMap<string, DescriptorSource>): void {
    this.#reflection.setDescriptors(sources);
  }

  async drain(graceMs: number): Promise<void> {
    const ports = this.#allPorts();
    await Promise.all(ports.map((port) => port.drain()));
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, graceMs);
    // A connection closes when its last answer has left, so this waits for the bytes too, not only for the requests.
    await Promise.race([Promise.all(ports.map((port) => port.whenEmpty())), timeout.promise]);
    clearTimeout(timer);
    await this.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWatchingIdentity();
    for (const watch of this.#watches.values()) watch.close();
    await Promise.all(this.#allPorts().map((port) => port.close()));
    for (const cluster of [...this.#clusters.values(), ...this.#drainingClusters]) cluster.close();
    this.#wheel.close();
  }

  bookOngoing(): void {
    for (const port of this.#allPorts()) port.bookOngoing();
  }

  listeners(): ReadonlyMap<string, ListeningSocket> {
    const sockets = new Map<string, ListeningSocket>();
    for (const [id, { socket }] of this.#ports) if (socket !== undefined) sockets.set(id, socket);
    return sockets;
  }

  snapshot(): ProxySnapshot {
    return {
      proxyId: this.#options.proxyId,
      spiffeId: this.#mesh.spiffeId,
      activeRequests: this.#runtime.exchanges.active,
      ports: [...this.#ports].map(([id, port]) => ({ id, address: port.address, connections: port.connectionCount })),
      clusters: [...this.#clusters.values()].map((cluster) => cluster.snapshot()),
    };
  }

  #makeRuntime(): Runtime {
    const { clock, random, metrics, counters, accessLog, newRequestId } = this.#options;
    const view = new HeadView();
    const exchanges = new ExchangePool({
      capacity: this.#limits.pooledExchanges,
      onDeadline: timeIsUp,
    });
    const mirrors = new ExchangePool({
      // A copy is never used again: the request that feeds it may know it for longer than it lives.
      capacity: 0,
      isForMirrors: true,
      onDeadline: (copy) => endMirror(this.#runtime, copy, 'timeout'),
    });
    return {
      clock,
      random,
      newRequestId: newRequestId ?? randomRequestId,
      limits: this.#limits,
      wheel: this.#wheel,
      exchanges,
      mirrors,
      view,
      clusters: this.#clusters,
      authenticatorOf: (compiled) => this.#authenticators.of(compiled),
      localService: (exchange, scope) => this.#reflection.serviceFor(exchange, scope),
      ...createRecorder({ clock, metrics, accessLog, view }),
      relayBooks: { clock, counters, accessLog },
      lookup: this.#options.lookup,
      tlsOf: ({ security }) => this.#clientTls(security),
      log: this.#log,
      countMirror: (cluster, outcome) => counters.add(mirroredRequests, [cluster, outcome]),
      countLimit: (name) => counters.add(limitsActed, [name]),
      countDryRun: ({ allowed, policy }) =>
        counters.add(dryRunDecisions, [
          allowed ? 'allowed' : 'denied',
          policy === undefined ? 'none' : qualifiedName(policy),
        ]),
    };
  }

  #applyClusters(compiled: CompiledProxy): void {
    for (const cluster of this.#drainingClusters) if (cluster.isIdle) this.#drainingClusters.delete(cluster);
    for (const [id, cluster] of this.#clusters) {
      if (compiled.clusters.has(id)) continue;
      this.#clusters.delete(id);
      this.#drainingClusters.add(cluster);
      cluster.drain();
    }
    for (const [id, cluster] of compiled.clusters) {
      const kept = this.#clusters.get(id);
      if (kept !== undefined) kept.update(cluster);
      else this.#clusters.set(id, this.#cluster(cluster));
    }
  }

  async #applyPorts(compiled: CompiledProxy): Promise<void> {
    for (const server of this.#drainingPorts) if (server.connectionCount === 0) this.#drainingPorts.delete(server);
    const closing: Promise<void>[] = [];
    for (const [id, server] of this.#ports) {
      const port = compiled.ports.get(id);
      if (port !== undefined && isSameSocket(port.port, server.current().port.port)) {
        server.update({ compiled, port });
        continue;
      }
      this.#ports.delete(id);
      this.#drainingPorts.add(server);
      closing.push(server.drain());
    }
    // A new port may want the address that an old one is giving up.
    await Promise.all(closing);
    if (this.#compiled !== compiled || this.#isClosed) return;
    await Promise.all([...compiled.ports].map(([id, port]) => this.#open(id, { compiled, port })));
  }

  /** Binds a port that is not bound yet; one whose binding failed before gets another try. */
  async #open(id: string, state: PortState): Promise<void> {
    const known = this.#ports.get(id);
    if (known !== undefined) return known.open();
    const { onListening, onBindFailed, onMoved, counters } = this.#options;
    const server = new PortServer(
      {
        runtime: this.#runtime,
        sharesPorts: this.#options.sharesPorts === true,
        inherit: this.#options.inherit,
        security: (one) => this.#security(one),
        ownSpiffeId: () => this.#mesh.spiffeId,
        onListening,
        onMoved: (portId, move) => onMoved?.(portId, move),
        onBindFailed,
        onRefused: (port, refused) => reportRefused({ port, refused, counters, log: this.#log }),
      },
      state,
    );
    this.#ports.set(id, server);
    return server.open();
  }

  #security({ compiled, port }: PortState): ListenSecurity {
    const { security } = port.port;
    if (security.mode === 'plaintext') {
      return port.asksServerName ? { mode: 'peek', acceptsPlaintext: !port.relays } : { mode: 'plaintext' };
    }
    if (security.mode === 'tls') {
      const log = this.#log;
      const { clock } = this.#options;
      const { plan } = compiled;
      const tls = createGatewayTls({ plan, secrets: this.#secrets, port, cache: this.#certificates, clock, log });
      return { mode: 'tls', tls, ...(port.relays ? { treatmentOf: gatewayTreatment(port) } : {}) };
    }
    if (security.peerAuthentication === 'DISABLE') return { mode: 'plaintext' };
    const acceptsPlaintext = security.peerAuthentication === 'PERMISSIVE';
    return {
      mode: 'sniff',
      tls: this.#mesh.server,
      acceptPlaintext: () => acceptsPlaintext,
      ...(port.relays ? { treatmentOf: meshTreatment(port, acceptsPlaintext) } : {}),
    };
  }

  #cluster(compiled: CompiledCluster): ClusterRuntime {
    const { id } = compiled.cluster;
    return new ClusterRuntime(compiled, {
      wheel: this.#wheel,
      makePool: (endpoint, settings) => this.#endpointPool(endpoint, settings),
      log: (message) => this.#log(`cluster ${id}: ${message}`),
      onEjected: (cause) => this.#options.counters.add(outlierEjections, [id, cause]),
    });
  }

  /** What an outgoing connection does for TLS; undefined for plaintext. */
  #clientTls(security: Endpoint['security']): UpstreamTls | undefined {
    if (security.mode === 'plaintext') return undefined;
    if (security.mode === 'mtls') return () => this.#mesh.client(security);
    return () => this.#backendTls.client(security, '');
  }

  /** Connections of their own for each host that is called, where the server name follows the request. */
  #endpointPool(endpoint: Endpoint, settings: PoolSettings): EndpointPool {
    const { security } = endpoint;
    const { address, followsRequest = false } = endpoint;
    const isNamed = security.mode === 'tls' && security.sni === '';
    if (!isNamed && !followsRequest) return this.#pool(endpoint, settings, this.#clientTls(security));
    return new HostPools(settings, (host, current) => {
      const tls: UpstreamTls | undefined = isNamed
        ? () => this.#backendTls.client(security, host)
        : this.#clientTls(security);
      return this.#pool(followsRequest ? { ...endpoint, address: { ...address, host } } : endpoint, current, tls);
    });
  }

  #pool(endpoint: Endpoint, settings: PoolSettings, tls: UpstreamTls | undefined): UpstreamPool {
    const { clock, random, lookup } = this.#options;
    const { host, port } = endpoint.address;
    return new UpstreamPool(
      {
        host,
        port,
        ...(lookup === undefined ? {} : { lookup }),
        tls,
        spreads: this.#options.sharesPorts === true,
        clock,
        random,
        wheel: this.#wheel,
        limits: this.#limits,
        events: this.#upstreamEvents,
        poolEvents: this.#poolEvents,
        countLimit: (name) => this.#runtime.countLimit(name),
        log: (message) => this.#log(`upstream ${host}:${port} (${endpoint.cluster}): ${message}`),
        onOpened: () => this.#options.counters.add(upstreamConnections, [endpoint.cluster]),
        onReached: () => this.#watches.get(endpoint.cluster)?.refresh(),
      },
      settings,
    );
  }

  /** Sidecars ask the workload behind each inbound cluster what it serves. */
  #applyWatches(compiled: CompiledProxy): void {
    const { onDescriptors, random } = this.#options;
    if (onDescriptors === undefined || compiled.proxy.role !== 'sidecar') return;
    const relayed = relayedClusters(compiled);
    for (const [id, watch] of this.#watches) {
      if (compiled.clusters.has(id) && !relayed.has(id)) continue;
      watch.close();
      this.#watches.delete(id);
    }
    for (const [id, { cluster, endpoints }] of compiled.clusters) {
      const [endpoint] = endpoints;
      if (!cluster.name.startsWith('inbound|') || endpoint === undefined || relayed.has(id)) continue;
      const known = this.#watches.get(id);
      if (known !== undefined) {
        known.follow(endpoint.address);
        continue;
      }
      const watch = new DescriptorWatch({
        address: endpoint.address,
        authority: cluster.service.host || `${endpoint.address.host}:${endpoint.address.port}`,
        wheel: this.#wheel,
        random,
        limits: this.#limits,
        log: this.#log,
        onLearned: (source) => onDescriptors(cluster.service.host, source),
      });
      this.#watches.set(id, watch);
    }
  }

  #recycle(): void {
    for (const port of this.#ports.values()) {
      if (port.current().port.port.security.mode === 'mtls') port.recycle();
    }
    for (const cluster of this.#clusters.values()) cluster.recycle();
  }

  #allPorts(): PortServer[] {
    return [...this.#ports.values(), ...this.#drainingPorts];
  }
}

/** Whether a port may keep its socket: all else can change while it stays open. */
function isSameSocket(a: Port, b: Port): boolean {
  return a.bind.host === b.bind.host && a.bind.port === b.bind.port && a.direction === b.direction;
}
