import type { ConnectionPool } from '../plan/index.ts';
import type { Sidecar, SidecarIngress } from '../resource/index.ts';
import type { WorkloadPortModel } from './model.ts';
import { portProtocol } from './protocol.ts';
import { connectionPoolModel } from './traffic-policy.ts';

export interface IngressInput {
  readonly ports: readonly WorkloadPortModel[];
  /** The port that an address without a port stands for. */
  readonly main: number | undefined;
  /** `isMain`: such an address stands for this port. */
  readonly addressesOf: (appPort: number, isMain: boolean) => WorkloadPortModel['addresses'];
  /** A port that nothing but the Sidecar has. */
  readonly portOf: (ingress: SidecarIngress) => Omit<WorkloadPortModel, 'addresses'>;
}

/**
 * The ports of a workload as its Sidecar changes them: `ingress` says which port of the app is behind a port, and may add
 * ports. What it does not name stays, as Istio passes calls to such ports through. `inboundConnectionPool` is for all ports,
 * the `connectionPool` of an ingress for its own.
 */
export function withIngress(sidecar: Sidecar | undefined, input: IngressInput): readonly WorkloadPortModel[] {
  if (sidecar === undefined) return input.ports;
  const { ingress, inboundConnectionPool } = sidecar.spec;
  const ports = new Map(input.ports.map((port) => [port.number, { ...port, ...poolOf(inboundConnectionPool) }]));
  for (const one of ingress) {
    if (!one.isServed) {
      ports.delete(one.port);
      continue;
    }
    const known = ports.get(one.port) ?? { ...input.portOf(one), ...poolOf(inboundConnectionPool), addresses: [] };
    const { appPort = one.port } = one;
    const isMain = one.port === input.main || appPort === input.main;
    ports.set(one.port, {
      ...withProtocol(known, one.protocol),
      addresses:
        one.appSocket === undefined ? input.addressesOf(appPort, isMain) : [{ host: one.appSocket, port: one.port }],
      ...poolOf(one.connectionPool),
    });
  }
  return [...ports.values()].sort((a, b) => a.number - b.number);
}

/** The protocol of the ingress goes before that of the Service. */
function withProtocol(port: WorkloadPortModel, protocol: string | undefined): WorkloadPortModel {
  const spoken = protocol === undefined ? 'unknown' : portProtocol({ name: '', appProtocol: protocol });
  if (spoken === 'unknown') return port;
  const { relaysBytes: _, ...rest } = port;
  return spoken === 'other' ? { ...rest, relaysBytes: true } : rest;
}

function poolOf(settings: SidecarIngress['connectionPool']): { readonly connectionPool?: ConnectionPool } {
  return settings === undefined ? {} : { connectionPool: connectionPoolModel(settings) };
}
