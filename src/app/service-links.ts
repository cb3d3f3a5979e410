import type { Listener, Plan, Port } from '../plan/index.ts';

interface ServicePort {
  /** The name of the Service port; may be empty. */
  readonly name: string;
  readonly number: number;
  readonly host: string;
  readonly local: string;
  /** In the YAML. */
  readonly line: number;
  readonly column: number;
}

/**
 * What a kubelet would tell a pod about the Services of its namespace
 * (kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables), with the addresses of the
 * sidecar's outbound ports in place of cluster IPs: each of these ports stands for one Service port, so that `host:port` is
 * all a client needs. `SALLYPORT_OUTBOUND` is the one port for all Services, where the authority selects.
 *
 * `addresses`: bound `HOST:PORT` by port id. Ports that are not bound are left out.
 */
export function serviceLinks(
  plan: Plan,
  { proxy, addresses }: { readonly proxy: string; readonly addresses: ReadonlyMap<string, string> },
): Record<string, string> {
  const links: Record<string, string> = {};
  const services = new Map<string, ServicePort[]>();
  for (const listener of Object.values(plan.listeners)) {
    const port = plan.ports[listener.port];
    const address = addresses.get(listener.port);
    if (port === undefined || port.proxy !== proxy || port.direction !== 'outbound' || address === undefined) continue;
    if (listener.pinned === undefined) links['SALLYPORT_OUTBOUND'] = address;
    else append(services, listener.origin.name, servicePort({ listener, port, address }));
  }
  for (const [name, ports] of services) {
    // The plan is sorted by id; which port is the first is said by the YAML.
    Object.assign(
      links,
      variablesOf(
        variableName(name),
        ports.sort((a, b) => a.line - b.line || a.column - b.column),
      ),
    );
  }
  return links;
}

function append(services: Map<string, ServicePort[]>, name: string, port: ServicePort): void {
  const ports = services.get(name);
  if (ports === undefined) services.set(name, [port]);
  else ports.push(port);
}

function servicePort({
  listener,
  port,
  address,
}: {
  readonly listener: Listener;
  readonly port: Port;
  readonly address: string;
}): ServicePort {
  const colon = address.lastIndexOf(':');
  const { line, column = 0 } = listener.origin;
  const host = address.slice(0, colon);
  return { name: listener.name, number: port.number, host, local: address.slice(colon + 1), line, column };
}

/** As `k8s.io/kubernetes/pkg/kubelet/envvars` makes them; the first port of the Service is the one without a name. */
function variablesOf(prefix: string, ports: readonly ServicePort[]): Record<string, string> {
  const [first] = ports;
  if (first === undefined) return {};
  const variables: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: first.host,
    [`${prefix}_SERVICE_PORT`]: first.local,
    [`${prefix}_PORT`]: `tcp://${first.host}:${first.local}`,
  };
  for (const { name, number, host, local } of ports) {
    if (name !== '') variables[`${prefix}_SERVICE_PORT_${variableName(name)}`] = local;
    const link = `${prefix}_PORT_${number}_TCP`;
    variables[link] = `tcp://${host}:${local}`;
    variables[`${link}_PROTO`] = 'tcp';
    variables[`${link}_PORT`] = local;
    variables[`${link}_ADDR`] = host;
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
