/** A whole mesh in this process from manifests: every proxy of the compiled plan, with its certificate, in front of the apps given. */
import { isIP, type LookupFunction } from 'node:net';
import type { FetchedKeySets, WorkloadBinding } from '../../src/analysis/index.ts';
import type { CompileOptions, CompileResult, ResolvedNames } from '../../src/compile/index.ts';
import { systemClock } from '../../src/base/index.ts';
import { askOnce, HealthChecks } from '../../src/health/index.ts';
import { CertificateAuthority } from '../../src/identity/index.ts';
import type { Address, ProxyOptions } from '../../src/proxy/index.ts';
import { slicePlan } from '../../src/app/plan-slice.ts';
import { bindingsOf, compileText } from './compile-kit.ts';
import { enroll, startProxy, type TestProxy } from './proxy-process.ts';

export interface CompiledMesh {
  /** By the id of the plan. */
  proxy(id: string): TestProxy;
  /** Where a port of the plan is bound. */
  addressOf(portId: string): Address;
  result(): CompileResult;
  /** Puts other manifests in force; workloads stay. */
  change(manifests: string): Promise<void>;
  close(): Promise<void>;
}

export interface CompiledMeshSpec {
  readonly manifests: string;
  /** Where apps listen, by `namespace/name`. */
  readonly apps: Readonly<Record<string, Address>>;
  /** Workloads among `apps` that count as started here, and so have ports for service links. */
  readonly started?: readonly string[];
  readonly options?: Partial<CompileOptions>;
  /** What DNS says. */
  readonly resolved?: ResolvedNames;
  /** What came of fetching key sets. */
  readonly jwks?: FetchedKeySets;
  /** What the proxy with this id is to use in place of what a test has anyway. */
  readonly proxyOptions?: (id: string) => Partial<ProxyOptions>;
}

/** Names that are looked up when a connection asks for them; what is not there does not exist. */
function lookupIn(resolved: ResolvedNames): LookupFunction {
  return (name, options, done) => {
    const found = (resolved[name] ?? []).map((address) => ({ address, family: isIP(address) }));
    const [first] = found;
    if (first === undefined) done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []);
    else if (options.all === true) done(null, found);
    else done(null, first.address, first.family);
  };
}

export async function startCompiledMesh(spec: CompiledMeshSpec): Promise<CompiledMesh> {
  const authority = await CertificateAuthority.ephemeral();
  const proxies = new Map<string, TestProxy>();
  const bindings = Object.entries(spec.apps).map(([name, { host, port }]): WorkloadBinding => {
    const [binding] = bindingsOf([`${name}=${host}:${port}`]) as [WorkloadBinding];
    return { ...binding, ...(spec.started?.includes(name) === true ? { isStarted: true } : {}) };
  });
  const options = { outbound: true, freePorts: true, ...spec.options };
  const { resolved = {}, jwks = {} } = spec;
  let result: CompileResult;
  let onAnswer: () => void = () => undefined;
  const health = new HealthChecks({
    ask: askOnce,
    nowMs: () => systemClock.monotonicMs(),
    schedule: (run, delayMs) => {
      const timer = setTimeout(run, delayMs).unref();
      return () => clearTimeout(timer);
    },
    startedHere: new Set(),
    onChange: () => undefined,
    onTold: () => undefined,
    onProgress: () => onAnswer(),
  });

  const apply = async (manifests: string): Promise<void> => {
    const first = compileText(manifests, { bindings, options, resolved, jwks });
    for (const { id, namespace, serviceAccount } of Object.values(first.plan.proxies)) {
      if (proxies.has(id)) continue;
      const proxy = await startProxy(id, { lookup: lookupIn(resolved), ...spec.proxyOptions?.(id) });
      await enroll(
        proxy.identity,
        authority,
        `spiffe://${first.plan.mesh.trustDomain}/ns/${namespace}/sa/${serviceAccount}`,
      );
      proxies.set(id, proxy);
    }
    await applyAll(first);
    const placements = Object.fromEntries(
      Object.values(first.plan.ports)
        .filter(({ direction }) => direction === 'inbound')
        .map(({ id, proxy }) => [id, find(proxy).addressOf(id)]),
    );
    await hasAnswered(first);
    const readiness = health.current();
    result = compileText(manifests, { bindings, options, resolved, jwks, placements, readiness });
    await applyAll(result);
  };
  /** Who is ready is what the first answers say; what workloads answer later changes nothing here. */
  const hasAnswered = async (compiled: CompileResult): Promise<void> => {
    health.follow(compiled.health);
    while (health.isPending) await new Promise<void>((resolve) => (onAnswer = resolve));
  };
  const applyAll = async ({ plan, secrets }: CompileResult): Promise<void> => {
    await Promise.all(Object.keys(plan.proxies).map((id) => find(id).apply(slicePlan(plan, id), secrets)));
  };
  const find = (id: string): TestProxy => {
    const proxy = proxies.get(id);
    if (proxy === undefined) throw new Error(`no proxy ${id}; there are ${[...proxies.keys()].join(', ')}`);
    return proxy;
  };

  await apply(spec.manifests);
  return {
    proxy: find,
    addressOf: (portId) => {
      const port = result.plan.ports[portId];
      if (port === undefined)
        throw new Error(`no port ${portId}; there are ${Object.keys(result.plan.ports).join(', ')}`);
      return find(port.proxy).addressOf(portId);
    },
    result: () => result,
    change: apply,
    close: async () => {
      health.close();
      await Promise.all([...proxies.values()].map(({ proxy }) => proxy.close()));
    },
  };
}
