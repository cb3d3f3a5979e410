import type { GatewayServer } from '../resource/index.ts';
import { intersectHostnames } from './hostname.ts';
import type { BoundVirtualService } from './virtual-services.ts';

/** The hosts of the server that are also the VirtualService's, where its namespace may bind them; the narrower of each. */
export function commonHosts(server: GatewayServer, { source, hosts }: BoundVirtualService): readonly string[] {
  const { namespace } = source.metadata;
  const common = server.hosts
    .filter((host) => host.namespace === '*' || host.namespace === namespace)
    .flatMap(({ host }) => hosts.flatMap(({ value }) => intersectHostnames(host, value) ?? []));
  return [...new Set(common)];
}

export function bindsServer(server: GatewayServer, service: BoundVirtualService): boolean {
  return commonHosts(server, service).length > 0;
}
