import type { Origin, Secret } from '../base/index.ts';

/** Where the app of a workload listens: from `--workload`, `sallyport.yaml`, or a command that was started. */
export interface WorkloadBinding {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly BoundAddress[];
  readonly origin: Origin;
  /** Its command is started here, so that it can be told where Services are by environment variables. */
  readonly isStarted?: true;
}

export interface BoundAddress {
  /** The container port this stands for; absent: the only or first container port. */
  readonly port?: number;
  readonly host: string;
  readonly portNumber: number;
}

export interface CompileOptions {
  /** For example `cluster.local`. */
  readonly trustDomain: string;
  readonly trustDomainAliases?: readonly string[];
  /** Namespace of mesh-wide policy, `istio-system` in Istio. */
  readonly rootNamespace: string;
  /** Serve only Gateways of this class; absent: all. */
  readonly gatewayClass?: string;
  /** Supply what is referenced but absent. */
  readonly addMissing: boolean;
  /** Where gateway listeners bind. */
  readonly bindHost: string;
  /** Bind gateway listeners to any free port instead of the port in the YAML. */
  readonly freePorts: boolean;
  /** Added to gateway ports below 1024, where the process may not bind these; absent: nothing. */
  readonly lowPortOffset?: number;
  /** Sidecars take the calls that their own apps make to Services; absent: they do not. */
  readonly outbound?: boolean;
  /** Gateways answer gRPC reflection themselves. */
  readonly reflection: boolean;
  /** Absent: PEM is judged by its frame alone. */
  readonly findPemFault?: FindPemFault;
}

/**
 * Why certificates cannot be used, in words that go on after "…": they cannot be read, or the first does not belong to the
 * key. Pure, and never about the contents of the key.
 */
export type FindPemFault = (pem: { readonly certificates: string; readonly key?: Secret }) => string | undefined;

/** What came of fetching the key sets that `Analysis.remoteKeys` asks for, by url. */
export interface FetchedKeySets {
  readonly [url: string]: { readonly text: string } | { readonly error: string };
}

/** One object that `addMissing` supplied. */
export interface AddedObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Which reference asked for it and what was assumed, one sentence. */
  readonly why: string;
  /** The element that needed it. */
  readonly neededBy: Origin;
  /** The object itself, as one would write it. */
  readonly manifest: Readonly<Record<string, unknown>> & { readonly apiVersion: string };
}

/** Whether what an object of this kind refers to is among what `addMissing` supplies: what calls need, not connections. */
export function canBeSupplied({ kind }: Origin): boolean {
  return kind !== 'TLSRoute' && kind !== 'TCPRoute';
}
