/** VirtualService `tls` and `tcp`: routes that give whole connections to their destinations (istio.md 4.2). */
import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import { isAddressBlock, isIP } from '../address.ts';
import type { DecodeContext } from '../context.ts';
import { labelMap, namespaceName, portNumber, present } from '../fields.ts';
import type { Located } from '../object.ts';
import { ignored } from '../schema.ts';
import { gatewayName } from './virtual-service-match.ts';
import {
  decodeRouteDestinations,
  destination,
  routeWeight,
  type VirtualRouteDestination,
} from './virtual-service-traffic.ts';

/** One route of `tls` or `tcp`; the first that matches gets the connection. */
export interface VirtualByteRoute {
  readonly origin: Origin;
  /** Empty, which only `tcp` allows: every connection. */
  readonly matches: readonly VirtualByteMatch[];
  /** At least one. */
  readonly destinations: readonly VirtualRouteDestination[];
}

/** All conditions hold together. */
export interface VirtualByteMatch {
  readonly origin: Origin;
  /** Server names of the ClientHello, lower case, wildcards too. Empty for `tcp`, never for `tls`. */
  readonly sniHosts: readonly Located<string>[];
  /** Addresses and blocks that the client had dialled; empty: any. */
  readonly destinationSubnets: readonly string[];
  /** The port that the client called. */
  readonly port?: number;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  /** `mesh` or `namespace/name`; not empty: in place of those of the VirtualService. */
  readonly gateways: readonly string[];
}

const conditions = {
  destinationSubnets: z.array(z.string()).default([]),
  port: portNumber.or(z.literal(0)).optional(),
  sourceLabels: labelMap.default({}),
  gateways: z.array(z.string()).default([]),
  sourceNamespace: namespaceName.or(z.literal('')).optional(),
};

const route = z.array(z.strictObject({ destination, weight: routeWeight })).default([]);

export const tlsRoute = z.strictObject({
  match: z.array(z.strictObject({ sniHosts: z.array(z.string()), ...conditions })),
  route,
});

export const tcpRoute = z.strictObject({
  match: z
    .array(z.strictObject({ ...conditions, sourceSubnet: ignored('connections from everywhere match, as in Istio') }))
    .default([]),
  route,
});

type ByteRoute = z.output<typeof tlsRoute> | z.output<typeof tcpRoute>;
type ByteMatch = ByteRoute['match'][number];

export function decodeTlsRoute(
  value: z.output<typeof tlsRoute>,
  { path, hosts }: { readonly path: Path; readonly hosts: readonly string[] },
  context: DecodeContext,
): VirtualByteRoute {
  if (value.match.length === 0) {
    context.error([...path, 'match'], {
      message: 'a tls route has no match',
      remedy: 'Add a match with the server names of the route in sniHosts.',
    });
  }
  for (const [index, match] of value.match.entries()) checkServerNames(match.sniHosts, { path, index, hosts }, context);
  return decodeRoute(value, path, context);
}

export function decodeTcpRoute(
  value: z.output<typeof tcpRoute>,
  { path }: { readonly path: Path },
  context: DecodeContext,
): VirtualByteRoute {
  return decodeRoute(value, path, context);
}

function decodeRoute(value: ByteRoute, path: Path, context: DecodeContext): VirtualByteRoute {
  if (value.route.length === 0) {
    context.error(path, { message: 'the route leads nowhere', remedy: 'Add route with a destination.' });
  }
  return {
    origin: context.at(path),
    matches: value.match.map((match, index) => decodeMatch(match, [...path, 'match', index], context)),
    destinations: decodeRouteDestinations(value.route, [...path, 'route'], context),
  };
}

function decodeMatch(value: ByteMatch, path: Path, context: DecodeContext): VirtualByteMatch {
  for (const [index, block] of value.destinationSubnets.entries()) {
    if (isAddressBlock(block)) continue;
    context.error([...path, 'destinationSubnets', index], {
      message: `"${block}" is neither an IP address nor a block of them`,
      remedy: 'Write 192.0.2.1 or 192.0.2.0/24.',
    });
  }
  const names = 'sniHosts' in value ? value.sniHosts : [];
  return {
    origin: context.at(path),
    sniHosts: names.map((name, index) => ({
      value: name.toLowerCase(),
      origin: context.at([...path, 'sniHosts', index]),
    })),
    destinationSubnets: value.destinationSubnets,
    ...present({
      // The wire's zero values for "not set".
      port: value.port === 0 ? undefined : value.port,
      sourceNamespace: value.sourceNamespace === '' ? undefined : value.sourceNamespace,
    }),
    sourceLabels: value.sourceLabels,
    gateways: value.gateways.map((name, index) => gatewayName(name, [...path, 'gateways', index], context)),
  };
}

const serverName = /^(?:\*|(?:\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*)$/;

function checkServerNames(
  names: readonly string[],
  { path, index, hosts }: { readonly path: Path; readonly index: number; readonly hosts: readonly string[] },
  context: DecodeContext,
): void {
  const place = [...path, 'match', index, 'sniHosts'];
  if (names.length === 0) {
    context.error(place, {
      message: 'a match of a tls route has no server name',
      remedy: 'List the server names in sniHosts; "*" stands for any where hosts has it.',
    });
  }
  for (const [position, written] of names.entries()) {
    const name = written.toLowerCase();
    if (!serverName.test(name) && !isIP(name)) {
      context.error([...place, position], {
        message: `"${written}" is not a host`,
        remedy: 'Write a DNS name, *.example.com, or *; no port, no path; "*" only as the whole first label.',
      });
    } else if (hosts.length > 0 && !hosts.some((host) => isSubset(name, host.toLowerCase()))) {
      context.error([...place, position], {
        message: `server name "${written}" is none of the hosts of the VirtualService, ${hosts.join(', ')}`,
        remedy: 'Add it to hosts, or write one that hosts has.',
      });
    }
  }
}

/** Whether every name that the first stands for is one of the second (pkg/config/host, SubsetOf). */
function isSubset(name: string, host: string): boolean {
  if (host === '*' || host === name) return true;
  return host.startsWith('*.') && name.endsWith(host.slice(1));
}
