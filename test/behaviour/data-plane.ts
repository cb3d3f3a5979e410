/**
 * What the suite needs of a data plane: manifests in, addresses out. Another one (Envoy under Istio) is another implementation
 * of `StartDataPlane`; nothing else here knows which it is.
 */
import { formatDiagnostic } from '../../src/base/index.ts';
import {
  AccessLog,
  applyMetricRules,
  Counters,
  createExposition,
  RequestMetrics,
  takeSnapshot,
  type MetricsSnapshot,
} from '../../src/telemetry/index.ts';
import { startCompiledMesh } from '../kit/compiled-mesh.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `gateway NAMESPACE/NAME` or `workload NAMESPACE/NAME`. */
export type ProxyName = string;

export interface DataPlane {
  /** Where clients outside reach a port of a Gateway, `namespace/name`; where nobody listens, if that port is not served. */
  gateway(name: string, port: number): Address;
  /** Where others reach a container's port of a workload, `namespace/name`. */
  workload(name: string, port: number): Address;
  /**
   * Where the app of a workload sends the calls that it makes: all of them, or those to one Service port of its own namespace
   * (`SERVICE:PORT`); where nobody listens, if the app would not be told of that port.
   */
  outbound(name: string, service?: string): Address;
  /** The certificate that the mesh gave a workload, as PEM. */
  certificate(name: string): { readonly chainPem: string; readonly keyPem: string };
  /** What Prometheus would read from a proxy. */
  metrics(proxy: ProxyName): Promise<string>;
  /** Lines of a proxy's access log so far, in Istio's JSON keys. */
  accessLog(proxy: ProxyName): readonly Readonly<Record<string, unknown>>[];
  /** Puts other manifests in force. */
  change(manifests: string): Promise<void>;
  close(): Promise<void>;
}

export interface Environment {
  /** Where the app of each workload (`namespace/name`) listens. */
  readonly apps: Readonly<Record<string, Address>>;
  /** What DNS says. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** What the URLs of key sets answer. */
  readonly urls: Readonly<Record<string, string>>;
  /** Whether manifests with errors are not to be put in force. */
  readonly sound: boolean;
}

export type StartDataPlane = (manifests: string, environment: Environment) => Promise<DataPlane>;

/** A port of the system that nothing has used for decades. */
const nobody: Address = { host: '127.0.0.1', port: 1 };

/** Sallyport's compiler and proxies, in this process, with real sockets and certificates. */
export const startSallyport: StartDataPlane = async (manifests, { apps, names, urls, sound }) => {
  const books = new Map<string, Books>();
  const mesh = await startCompiledMesh({
    manifests,
    apps,
    started: Object.keys(apps),
    resolved: names,
    jwks: Object.fromEntries(Object.entries(urls).map(([url, text]) => [url, { text }])),
    proxyOptions: (id) => {
      const own = openBooks();
      books.set(id, own);
      return own;
    },
  });
  const checkFindings = async (): Promise<void> => {
    // An app may be there before its workload is.
    const errors = mesh
      .result()
      .diagnostics.filter(({ severity, origin }) => severity === 'error' && origin.kind !== 'Workload');
    if (!sound || errors.length === 0) return;
    await mesh.close();
    throw new Error(errors.map(formatDiagnostic).join('\n'));
  };
  await checkFindings();
  const idOf = (proxy: ProxyName): string => proxy.replace(/^workload /, 'sidecar/').replace(' ', '/');
  const booksOf = (proxy: ProxyName): Books => {
    const found = books.get(idOf(proxy));
    if (found === undefined) throw new Error(`no proxy ${proxy}; there are ${[...books.keys()].join(', ')}`);
    return found;
  };
  const addressOf = (id: string): Address => (mesh.result().plan.ports[id] === undefined ? nobody : mesh.addressOf(id));
  return {
    gateway: (name, port) => addressOf(`gateway/${name}/${port}`),
    workload: (name, port) => mesh.addressOf(`sidecar/${name}/${port}`),
    outbound: (name, service) =>
      service === undefined
        ? mesh.addressOf(`sidecar/${name}/outbound`)
        : addressOf(`sidecar/${name}/outbound/${service.replace(':', '/')}`),
    certificate: (name) => {
      const svid = mesh.proxy(`sidecar/${name}`).identity.current();
      if (svid === undefined) throw new Error(`${name} has no certificate`);
      return { chainPem: svid.chainPem, keyPem: svid.keyPem.reveal() };
    },
    metrics: (proxy) => {
      const { metrics, counters } = booksOf(proxy);
      const rules = mesh.result().plan.proxies[idOf(proxy)]?.telemetry?.metrics ?? [];
      const snapshot = (): MetricsSnapshot => applyMetricRules(takeSnapshot(metrics, counters), rules);
      return createExposition({ version: 'test', snapshot }).text();
    },
    accessLog: (proxy) => booksOf(proxy).lines,
    change: async (changed) => {
      await mesh.change(changed);
      await checkFindings();
    },
    close: () => mesh.close(),
  };
};

interface Books {
  readonly metrics: RequestMetrics;
  readonly counters: Counters;
  readonly accessLog: AccessLog;
  readonly lines: Readonly<Record<string, unknown>>[];
}

function openBooks(): Books {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const accessLog = new AccessLog({
    sink: {
      write: (text, done) => {
        for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line) as Record<string, unknown>);
        done();
      },
    },
    format: 'JSON',
    statusName: String,
    schedule: setImmediate,
    onDropped: () => undefined,
  });
  return { metrics: new RequestMetrics(), counters: new Counters(), accessLog, lines };
}
