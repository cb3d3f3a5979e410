import type { ContainerProbes, Probe } from '../resource/index.ts';
import type { World } from './world.ts';

/** How a workload on this machine is asked whether it can take calls; ready is who answers in all containers. */
export interface ContainerHealth {
  readonly container: string;
  readonly startup?: AimedProbe;
  readonly readiness?: AimedProbe;
}

/** A probe with the address it is sent to; none where it names a port that is not there, and never succeeds. */
export interface AimedProbe extends Probe {
  readonly address?: { readonly host: string; readonly port: number };
}

/** Where Istio writes which WorkloadGroup an entry registered itself with. */
const groupAnnotation = 'istio.io/autoRegistrationGroup';

/** The probes of the WorkloadGroup that a WorkloadEntry registered itself with; none of any other entry. */
export function probesOfGroup(
  world: World,
  entry: { readonly namespace: string; readonly annotations: Readonly<Record<string, string>> },
): readonly ContainerProbes[] {
  const name = entry.annotations[groupAnnotation];
  const group = world.resources.workloadGroups.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === entry.namespace,
  );
  return group?.probe === undefined ? [] : [{ container: '', readiness: group.probe }];
}

/** A kubelet asks the pod; here a port is where the application really listens for it. */
export function aimProbes(
  probes: readonly ContainerProbes[],
  addressOf: (port: number) => AimedProbe['address'],
): readonly ContainerHealth[] {
  const aim = (probe: Probe): AimedProbe => {
    const { handler } = probe;
    if (handler.port === undefined) return probe;
    const address = addressOf(handler.port);
    // Its own name for itself; any other host is asked as it is written.
    const host =
      handler.type === 'grpc' || handler.host === undefined || isLoopback(handler.host) ? undefined : handler.host;
    if (host !== undefined) return { ...probe, address: { host, port: handler.port } };
    return address === undefined ? probe : { ...probe, address };
  };
  return probes.map(({ container, startup, readiness }) => ({
    container,
    ...(startup === undefined ? {} : { startup: aim(startup) }),
    ...(readiness === undefined ? {} : { readiness: aim(readiness) }),
  }));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
