/** Two hops as an attack and those who measure it see them, whoever's proxies they are. */
import { readFileSync } from 'node:fs';
import type { ApplicationCounts } from './application.ts';

export interface AttackTarget {
  /** `HOST:PORT` of the gateway's plaintext listener. */
  readonly gateway: string;
  /** `HOST:PORT` of the honest workload's sidecar. */
  readonly sidecar: string;
  /** Process ids by role. */
  readonly pids: Readonly<Record<string, number>>;
  /** PEM files of an identity that the policy lets in. */
  readonly certFile: string;
  readonly keyFile: string;
  /** All that the proxies have logged. */
  log(): string;
  backendCounts(options?: { readonly reset: boolean }): Promise<ApplicationCounts>;
  /** Counts of `sallyport_limits_acted_total` by limit, over all proxies. */
  limitsActed(): Promise<Readonly<Record<string, number>>>;
}

/** Resident memory of a process, in KiB. */
export function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}
