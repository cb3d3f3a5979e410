import type { LookupFunction } from 'node:net';
import type { Clock, ListeningSocket } from '../base/index.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import type { SvidHolder } from '../identity/index.ts';
import type { Plan, PlanSecrets } from '../plan/index.ts';
import type { AccessLog, Counters, RequestMetrics } from '../telemetry/index.ts';
import type { ProxyLimits } from './limits.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ProxyOptions {
  /** Which of the plan's proxies this one is. */
  readonly proxyId: string;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Makes `x-request-id`s; random UUIDs by default. */
  readonly newRequestId?: () => string;
  /** Looks up names that requests and connections ask for themselves; default: as the system does. */
  readonly lookup?: LookupFunction;
  readonly identity: SvidHolder;
  readonly metrics: RequestMetrics;
  readonly counters: Counters;
  /** Absent: no access log. */
  readonly accessLog?: AccessLog;
  /** Operational lines for the operator: who was refused and why, which limit acted. Safe to print. */
  readonly log: (line: string) => void;
  readonly limits?: Partial<ProxyLimits>;
  /** Other processes listen, or will, on the same ports (SO_REUSEPORT). */
  readonly sharesPorts?: boolean;
  /**
   * The socket on which another process listens for this port. It is used instead of a new one, so that whoever waits in its queue is
   * accepted by this process when the other one closes it. Called once for each port, which then owns the socket.
   */
  readonly inherit?: (portId: string) => ListeningSocket | undefined;
  /** A port of the plan is bound; `address` is the real one. */
  readonly onListening: (portId: string, address: Address) => void;
  /** A fixed port could not be had, and the port moved by `limits.portOffset` could; called before `onListening`. */
  readonly onMoved?: (portId: string, move: { readonly wanted: Address; readonly got: Address }) => void;
  /** Neither could be had; the proxy serves its other ports. The next `apply` tries again. */
  readonly onBindFailed: (portId: string, message: string) => void;
  /** A token named a key that the set fetched from this URL does not have. At most once a second for each. */
  readonly onKeyMissing?: (url: string) => void;
  /** Sidecars: what the workload behind an inbound cluster told about itself by reflection. `serviceHost` as in the cluster. */
  readonly onDescriptors?: (serviceHost: string, source: DescriptorSource) => void;
}

/** The data plane of one process. */
export interface Proxy {
  /**
   * Puts a plan in force: requests that begin after this call use it, those in flight keep theirs; unchanged ports keep
   * their socket, removed endpoints' connections drain. Resolves when every port is bound or has been reported as failed.
   * @throws RangeError at once if the plan has no such proxy; the plan in force stays.
   */
  apply(plan: Plan, secrets: PlanSecrets): Promise<void>;
  /** Gateways: what the workloads behind each service (`cluster.service.host`) told about themselves. */
  setDescriptors(sources: ReadonlyMap<string, DescriptorSource>): void;
  /** Accepts no more, says GOAWAY, waits for requests in flight at most `graceMs`, then closes. */
  drain(graceMs: number): Promise<void>;
  /** Cuts everything at once. */
  close(): Promise<void>;
  /** Puts the messages of calls under way into the metrics; for just before those are read. */
  bookOngoing(): void;
  snapshot(): ProxySnapshot;
  /** The sockets that it listens on, by port id: for `inherit` of the process that comes after this one. */
  listeners(): ReadonlyMap<string, ListeningSocket>;
}

/** The state of a proxy for the admin pages; plain JSON. */
export interface ProxySnapshot {
  readonly proxyId: string;
  /** `spiffe://…`; empty until there is an SVID. */
  readonly spiffeId: string;
  readonly activeRequests: number;
  readonly ports: readonly {
    readonly id: string;
    readonly address: Address | undefined;
    readonly connections: number;
  }[];
  readonly clusters: readonly ClusterSnapshot[];
}

export interface ClusterSnapshot {
  readonly id: string;
  readonly activeRequests: number;
  /** Those of them that a route's policy is retrying. */
  readonly activeRetries: number;
  readonly endpoints: readonly {
    readonly id: string;
    readonly address: Address;
    readonly activeRequests: number;
    readonly connections: number;
    /** Connections opened since the endpoint was added. */
    readonly connectionsOpened: number;
    readonly pendingRequests: number;
    readonly isBackingOff: boolean;
    /** By outlier detection. */
    readonly isEjected: boolean;
    /** The plan's, or less while the endpoint warms up. */
    readonly weight: number;
  }[];
}
