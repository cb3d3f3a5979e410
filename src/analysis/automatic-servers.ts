/**
 * Servers of Istio Gateways with `tls.mode: AUTO_PASSTHROUGH`: a client of the mesh names the Service, port and subset in the
 * server name of its mutual TLS, `outbound_.PORT_.SUBSET_.HOST`, and its bytes are passed on to the workloads behind as they
 * are (pilot/pkg/networking/core/gateway.go). No VirtualService has a part in it.
 */
import { compareText } from '../base/index.ts';
import type { Service, ServicePort } from '../resource/index.ts';
import { makeDestinationLookup } from './destinations.ts';
import { hostnameCovers } from './hostname.ts';
import type { PlacedServer } from './istio-servers.ts';
import type { DestinationModel, MatchedRule, PlaceModel, VirtualHostModel } from './model.ts';
import { pickService } from './service-hosts.ts';

import { anyPath } from './virtual-rules.ts';
import type { WorkloadSources } from './workload-sources.ts';
import type { ServedWorkloads } from './workloads.ts';
import { fullHostName, hostOfService, type World } from './world.ts';

export interface AutomaticInput {
  readonly placed: PlacedServer;
  /** Of the gateway. */
  readonly namespace: string;
  readonly sources: WorkloadSources;
  readonly served: ServedWorkloads;
}

/** Server names do not say what the server's hosts say, but end in it. */
export function automaticHostname(host: string): string {
  return host.startsWith('*') ? host : `*.${host}`;
}

/** A virtual host for each server name that means a Service whose host is one of the server's hosts. */
export function automaticHosts(world: World, input: AutomaticInput): (host: string) => readonly VirtualHostModel[] {
  // Nobody names these Services, so that what is missing behind them is not an error.
  const quietly = makeDestinationLookup({ ...world, report: () => undefined }, input);
  const { candidates } = world.hosts;
  return (wanted) =>
    [...candidates.keys()]
      .filter((host) => hostnameCovers(wanted, host))
      .flatMap((host) => {
        const service = pickService(world.hosts, { host, namespace: input.namespace });
        return service === undefined || service.spec.externalName !== undefined ? [] : [service];
      })
      .flatMap((service) =>
        service.spec.ports
          .filter(({ protocol }) => protocol === 'TCP')
          .flatMap((port) => hostsOfPort(world, { ...input, destination: quietly(service, port), service, port })),
      )
      .sort((a, b) => compareText(a.hostname, b.hostname));
}

interface PortInput extends AutomaticInput {
  readonly service: Service;
  readonly port: ServicePort;
  readonly destination: DestinationModel;
}

function hostsOfPort(world: World, input: PortInput): readonly VirtualHostModel[] {
  const { destination, service } = input;
  if (destination.isExternal === true) return [];
  const host = hostOfService(world, service);
  const passedThrough = { ...destination, passedThrough: true, places: destination.places.filter(takesMutualTls) };
  return [undefined, ...subsetsOf(world, host)].map((subset) => {
    const to = subset === undefined ? passedThrough : { ...passedThrough, subset };
    const hostname = `outbound_.${destination.service.port}_.${subset ?? ''}_.${host}`.toLowerCase();
    return { hostname, origin: destination.origin, matches: [ruleTo(input, to)] };
  });
}

/** What takes no mutual TLS is not for whoever reaches this port: nobody would ask who they are. */
function takesMutualTls(place: PlaceModel): boolean {
  if (place.type === 'direct') return place.takesMutualTls === true;
  const port = place.workload.ports.find(({ number }) => number === place.containerPort);
  return port !== undefined && port.mtls.mode !== 'DISABLE';
}

/** Of all DestinationRules; one that the gateway does not see has no endpoints. */
function subsetsOf(world: World, host: string): readonly string[] {
  const rules = world.resources.destinationRules.filter(({ spec, metadata }) =>
    hostnameCovers(fullHostName(spec.host.value, metadata.namespace), host),
  );
  return [...new Set(rules.flatMap(({ spec }) => spec.subsets.map(({ name }) => name)))];
}

function ruleTo({ service }: PortInput, destination: DestinationModel): MatchedRule {
  const { namespace, name } = service.metadata;
  const match = { path: anyPath, headers: [] };
  return {
    route: { kind: 'Service', namespace, name },
    match,
    matchIndex: 0,
    ruleIndex: 0,
    rule: {
      origin: destination.origin,
      index: 0,
      matches: [match],
      backends: [{ weight: 1, destination }],
      filters: {},
      mirrors: [],
    },
  };
}
