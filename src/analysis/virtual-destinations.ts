import { diagnose, formatOrigin } from '../base/index.ts';
import type { Service, ServicePort, VirtualDestination, VirtualService } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { DestinationLookup } from './destinations.ts';
import { hostnameCovers } from './hostname.ts';
import type { DestinationModel } from './model.ts';
import { pickService } from './service-hosts.ts';
import { fullHostName, isRejected, serviceHost, type World } from './world.ts';

type Found = { readonly destination: DestinationModel } | { readonly invalid: string };

interface Input {
  readonly service: VirtualService;
  readonly wanted: VirtualDestination;
  /** The port that clients call: that of a destination without a port, where its service has several. */
  readonly port: number;
  readonly destinations: DestinationLookup;
}

/** Follows a destination. What cannot be followed keeps its weight: that share of the requests is answered with an error. */
export function resolveVirtualDestination(world: World, input: Input): Found {
  const { wanted, destinations } = input;
  const { namespace } = input.service.metadata;
  const host = fullHostName(wanted.host, namespace);
  const service = pickService(world.hosts, { host, namespace });
  if (service === undefined) return reportNoHost(world, input, host);
  const port = portOf(world, input, service);
  if ('invalid' in port) return port;
  if (wanted.subset !== undefined) checkSubset(world, wanted, host);
  return { destination: destinations(service, port, wanted.subset) };
}

function portOf(world: World, input: Input, service: Service): ServicePort | { readonly invalid: string } {
  const { wanted } = input;
  const ports = service.spec.ports.filter(({ protocol }) => protocol === 'TCP');
  const [only] = ports;
  const number = wanted.port ?? (ports.length === 1 ? only?.port : input.port);
  const found = ports.find(({ port }) => port === number);
  const listed = ports.map(({ port, name }) => (name === '' ? `${port}` : `${port} (${name})`)).join(', ');
  if (wanted.port === undefined && ports.length > 1) {
    world.report(
      diagnose(codes.destinationPortAmbiguous, {
        origin: wanted.origin,
        message: `destination "${wanted.host}" has several ports and names none: ${found === undefined ? `${input.port}, which the client called, is not one of them` : `${input.port} is taken, which the client called`}`,
        remedy: `Set destination.port.number to one of ${listed}.`,
      }),
    );
  }
  if (found !== undefined) return found;
  const invalid = `destination "${wanted.host}" has no port ${number ?? ''}`;
  if (wanted.port !== undefined || ports.length < 2) {
    world.report(
      diagnose(codes.backendPortNotFound, {
        origin: wanted.origin,
        message: invalid,
        remedy: listed === '' ? 'Add the port to the Service.' : `The Service has ${listed}.`,
      }),
    );
  }
  return { invalid: `${invalid} (${formatOrigin(wanted.origin)})` };
}

function reportNoHost(world: World, { wanted, service }: Input, host: string): Found {
  const [name = '', namespace = ''] = host.split('.');
  const near = world.resources.services
    .filter(({ metadata }) => metadata.name === name)
    .map(({ metadata }) => serviceHost(metadata))
    .sort();
  const broken = isRejected(world, { kind: 'Service', namespace, name });
  const message = `destination "${wanted.host}": ${broken ? 'the Service has an error and is left out' : `no service has the host "${host}"`}`;
  world.report(
    diagnose(codes.backendNotFound, {
      origin: wanted.origin,
      message,
      remedy: broken
        ? 'Correct the Service.'
        : near.length > 0
          ? `Write ${near.join(' or ')}.`
          : `Create the Service; a short name is of namespace "${service.metadata.namespace}".`,
    }),
  );
  return { invalid: `${message} (${formatOrigin(wanted.origin)})` };
}

/** A subset without a definition has no endpoints: its share of the requests is answered with 503, as in Istio. */
function checkSubset(world: World, { origin, host: written, subset }: VirtualDestination, host: string): void {
  const rules = world.resources.destinationRules.filter(({ spec, metadata }) =>
    hostnameCovers(fullHostName(spec.host.value, metadata.namespace), host),
  );
  const names = rules.flatMap(({ spec }) => spec.subsets.map(({ name }) => name));
  if (names.some((name) => name === subset)) return;
  world.report(
    diagnose(codes.subsetNotFound, {
      origin,
      message: `destination "${written}": no DestinationRule of host "${host}" defines subset "${subset ?? ''}"`,
      remedy:
        names.length === 0
          ? 'Write a DestinationRule of the host with the subset.'
          : `Name one of its subsets (${[...new Set(names)].join(', ')}), or add this one to a DestinationRule.`,
    }),
  );
}
