/** A data plane in the test's own process, with everything it reports kept for assertions. */
import { systemClock } from '../../src/base/index.ts';
import type { DescriptorSource } from '../../src/protobuf/index.ts';
import { CertificateAuthority, SvidHolder } from '../../src/identity/index.ts';
import type { Plan, PlanSecrets } from '../../src/plan/index.ts';
import { createProxy, type Address, type Proxy, type ProxyOptions } from '../../src/proxy/index.ts';
import { AccessLog, Counters, RequestMetrics } from '../../src/telemetry/index.ts';

export interface TestProxy {
  readonly proxy: Proxy;
  readonly identity: SvidHolder;
  readonly metrics: RequestMetrics;
  readonly counters: Counters;
  readonly logLines: string[];
  readonly accessLines: string[];
  readonly bindFailures: string[];
  readonly learned: DescriptorSource[];
  apply(plan: Plan, secrets?: PlanSecrets): Promise<void>;
  /** Where a port of the plan is bound. */
  addressOf(portId: string): Address;
  /** Resolves when a predicate over everything logged holds; asked after each line. */
  logged(predicate: () => boolean): Promise<void>;
}

export async function startProxy(proxyId: string, overrides: Partial<ProxyOptions> = {}): Promise<TestProxy> {
  const identity = overrides.identity ?? new SvidHolder({ clock: systemClock, random: () => 0.5 });
  const metrics = new RequestMetrics();
  const counters = new Counters();
  const logLines: string[] = [];
  const accessLines: string[] = [];
  const bindFailures: string[] = [];
  const learned: DescriptorSource[] = [];
  const addresses = new Map<string, Address>();
  const waiters = new Set<() => void>();
  const noticed = (): void => waiters.forEach((waiter) => waiter());
  const accessLog = new AccessLog({
    sink: {
      write: (text, done) => {
        accessLines.push(...text.trimEnd().split('\n'));
        done();
        noticed();
      },
    },
    format: 'TEXT',
    statusName: String,
    schedule: setImmediate,
    onDropped: () => undefined,
  });
  const proxy = createProxy({
    proxyId,
    clock: systemClock,
    random: Math.random,
    metrics,
    counters,
    accessLog,
    log: (line) => {
      logLines.push(line);
      noticed();
    },
    onListening: (portId, address) => addresses.set(portId, address),
    onBindFailed: (_portId, message) => bindFailures.push(message),
    onDescriptors: (_host, source) => {
      learned.push(source);
      noticed();
    },
    ...overrides,
    identity,
  });
  return {
    proxy,
    identity,
    metrics,
    counters,
    logLines,
    accessLines,
    bindFailures,
    learned,
    apply: (plan, secrets = new Map()) => proxy.apply(plan, secrets),
    addressOf: (portId) => {
      const address = addresses.get(portId);
      if (address === undefined) throw new Error(`port ${portId} is not bound`);
      return address;
    },
    logged: (predicate) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!predicate()) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
  };
}

/** Gives a holder an SVID of this authority. */
export async function enroll(holder: SvidHolder, authority: CertificateAuthority, spiffeId: string): Promise<void> {
  const issued = await authority.issue({ csrPem: holder.csr(), spiffeId });
  if (issued.error !== undefined) throw new Error(issued.error);
  const accepted = holder.accept(issued.chainPem, authority.rootPem);
  if (accepted.error !== undefined) throw new Error(accepted.error);
}
