/** Plans of one gateway and some sidecars, for tests of what carries plans around. */
import type { Origin } from '../../src/base/index.ts';
import type { Plan, Port, Proxy, WorkloadLabels } from '../../src/plan/index.ts';

const origin: Origin = { kind: 'Gateway', namespace: 'default', name: 'x', file: 'x.yaml', line: 1 };

const someLabels: WorkloadLabels = {
  workload: 'x',
  namespace: 'default',
  app: 'x',
  version: 'v1',
  canonicalService: 'x',
  canonicalRevision: 'latest',
  cluster: 'local',
  principal: 'unknown',
};

export const gatewayId = 'gateway/gateway/public';

/** A gateway with an HTTP port and a sidecar with an inbound mTLS port for each name; every socket on any free port. */
export function smallPlan(sidecars: readonly string[], change: { readonly gatewayPort?: number } = {}): Plan {
  const proxies = [
    proxyOf(gatewayId, 'gateway', 'gateway-sa'),
    ...sidecars.map((name) => proxyOf(`sidecar/default/${name}`, 'sidecar', name)),
  ];
  const ports = [
    portOf(`${gatewayId}/80`, gatewayId, { direction: 'gateway', number: 80, bind: change.gatewayPort ?? 0 }),
    ...sidecars.map((name) =>
      portOf(`sidecar/default/${name}/50051`, `sidecar/default/${name}`, {
        direction: 'inbound',
        number: 50_051,
        bind: 0,
      }),
    ),
  ];
  const listeners = ports.map((port) => ({
    id: `${port.id}/all`,
    origin,
    port: port.id,
    name: 'all',
    hostname: '*',
    certificates: port.direction === 'gateway' ? ['cert/gateway/tls'] : [],
  }));
  return {
    mesh: { trustDomain: 'cluster.local', trustDomainAliases: [] },
    proxies: byId(proxies),
    ports: byId(ports),
    listeners: byId(listeners),
    virtualHosts: byId(listeners.map(({ id }) => ({ id: `${id}/*`, origin, listener: id, hostname: '*' }))),
    routes: {},
    clusters: {},
    endpoints: {},
    policies: {},
    requestAuthentications: {},
    certificates: { 'cert/gateway/tls': { id: 'cert/gateway/tls', origin, chainPem: 'CHAIN' } },
    peers: { 'spiffe://cluster.local/ns/default/sa/app': someLabels },
  };
}

function proxyOf(id: string, role: Proxy['role'], serviceAccount: string): Proxy {
  return { id, origin, role, namespace: 'default', serviceAccount, labels: someLabels, reflection: role === 'gateway' };
}

function portOf(
  id: string,
  proxy: string,
  {
    direction,
    number,
    bind,
  }: { readonly direction: Port['direction']; readonly number: number; readonly bind: number },
): Port {
  return {
    id,
    origin,
    proxy,
    direction,
    number,
    bind: { host: '127.0.0.1', port: bind },
    security: direction === 'gateway' ? { mode: 'plaintext' } : { mode: 'mtls', peerAuthentication: 'STRICT', origin },
  };
}

function byId<T extends { readonly id: string }>(elements: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(elements.map((element) => [element.id, element]));
}
