/**
 * What the suite needs of a data plane: manifests in, addresses out. Another one (Envoy under Istio) is another implementation
 * of `StartDataPlane`; nothing else here knows which it is.
 */
import { startCompiledMesh } from '../kit/compiled-mesh.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface DataPlane {
  /** Where clients outside reach a port of a Gateway, `namespace/name`. */
  gateway(name: string, port: number): Address;
  /** Where others reach a container's port of a workload, `namespace/name`. */
  workload(name: string, port: number): Address;
  /** Where the app of a workload sends the calls that it makes. */
  outbound(name: string): Address;
  close(): Promise<void>;
}

/** `backends`: where the app of each workload (`namespace/name`) listens for plaintext HTTP/2. */
export type StartDataPlane = (manifests: string, backends: Readonly<Record<string, Address>>) => Promise<DataPlane>;

/** Sallyport's compiler and proxies, in this process, with real sockets and certificates. */
export const startSallyport: StartDataPlane = async (manifests, backends) => {
  const mesh = await startCompiledMesh({ manifests, apps: backends, started: Object.keys(backends) });
  return {
    gateway: (name, port) => mesh.addressOf(`gateway/${name}/${port}`),
    workload: (name, port) => mesh.addressOf(`sidecar/${name}/${port}`),
    outbound: (name) => mesh.addressOf(`sidecar/${name}/outbound`),
    close: () => mesh.close(),
  };
};
