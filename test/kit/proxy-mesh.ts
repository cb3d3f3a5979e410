/** A gateway and a sidecar in this process with mutual TLS between them, in front of an application. */
import { CertificateAuthority } from '../../src/identity/index.ts';
import type { Address, ProxyOptions } from '../../src/proxy/index.ts';
import { enroll, startProxy, type TestProxy } from './proxy-process.ts';
import {
  gatewayId,
  gatewayPortId,
  gatewaySpiffeId,
  proxyPlan,
  sidecarId,
  sidecarPortId,
  sidecarSpiffeId,
  type ProxyPlanSpec,
} from './proxy-plan.ts';

export interface TestMesh {
  readonly gateway: TestProxy;
  readonly sidecar: TestProxy;
  readonly gatewayAddress: Address;
  readonly sidecarAddress: Address;
  readonly authority: CertificateAuthority;
  /** Applies a changed plan to both. */
  apply(spec: MeshSpec): Promise<void>;
  close(): Promise<void>;
}

export type MeshSpec = Omit<ProxyPlanSpec, 'gatewayEndpoints' | 'application'> & {
  readonly application: Address;
  readonly gatewayOptions?: Partial<ProxyOptions>;
  /** Issues the sidecar's certificate; default: the mesh's own. */
  readonly sidecarAuthority?: CertificateAuthority;
  /** Issues the gateway's certificate; default: the mesh's own. */
  readonly gatewayAuthority?: CertificateAuthority;
  readonly sidecarSpiffe?: string;
  readonly gatewaySpiffe?: string;
};

export async function startMesh(spec: MeshSpec): Promise<TestMesh> {
  const authority = await CertificateAuthority.ephemeral();
  const gateway = await startProxy(gatewayId, spec.gatewayOptions);
  const sidecar = await startProxy(sidecarId);
  await enroll(gateway.identity, spec.gatewayAuthority ?? authority, spec.gatewaySpiffe ?? gatewaySpiffeId);
  await enroll(sidecar.identity, spec.sidecarAuthority ?? authority, spec.sidecarSpiffe ?? sidecarSpiffeId);
  await sidecar.apply(proxyPlan({ ...spec, gatewayEndpoints: [] }));
  const sidecarAddress = sidecar.addressOf(sidecarPortId);
  const planFor = (next: MeshSpec): ReturnType<typeof proxyPlan> =>
    proxyPlan({ gatewayMtls: [sidecarSpiffeId], ...next, gatewayEndpoints: [sidecarAddress] });
  await gateway.apply(planFor(spec));
  return {
    gateway,
    sidecar,
    authority,
    sidecarAddress,
    gatewayAddress: gateway.addressOf(gatewayPortId),
    apply: async (next) => {
      await Promise.all([gateway.apply(planFor(next)), sidecar.apply(planFor(next))]);
    },
    close: async () => {
      await gateway.proxy.close();
      await sidecar.proxy.close();
    },
  };
}
