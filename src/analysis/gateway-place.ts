/** What a Gateway asks of where it runs: addresses and parameters (`spec.addresses`, `spec.infrastructure`). */
import { diagnose } from '../base/index.ts';
import type { Gateway } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { Fault } from './listener-owner.ts';
import type { World } from './world.ts';

export interface GatewayPlace {
  /** Where its listeners bind; absent: as the options say. */
  readonly bindHost?: string;
  /** The one of `spec.addresses` where it is served; absent: none was asked for. */
  readonly address?: { readonly type: string; readonly value: string };
  /** None of the listeners is served. */
  readonly refused?: Fault;
  /** Served, but not at every address that was asked for. */
  readonly unusable?: Fault;
}

export function placeGateway(world: World, gateway: Gateway): GatewayPlace {
  const refused = parametersFault(world, gateway) ?? addressTypeFault(world, gateway);
  if (refused !== undefined) return { refused };
  const wanted = gateway.spec.addresses.flatMap(({ type, value, origin }) =>
    value === undefined ? [] : [{ type, value, origin }],
  );
  const usable = wanted.find(({ type, value }) => isOfThisMachine(type, value));
  const others = wanted.filter((address) => address !== usable && !isSame(address, usable));
  for (const { origin, value } of others) {
    world.report(
      diagnose(codes.addressUnusable, {
        origin,
        message: `address "${value}" is not bound${usable === undefined ? '' : `; "${usable.value}" is`}: a gateway listens at one loopback address here`,
        remedy: 'Nothing to do for a run on this machine; look at the list of listeners for the real address.',
      }),
    );
  }
  const values = others.map(({ value }) => `"${value}"`).join(', ');
  return {
    ...(usable === undefined ? {} : { address: { type: usable.type, value: usable.value } }),
    ...(usable === undefined || usable.type !== 'IPAddress' ? {} : { bindHost: usable.value }),
    ...(others.length === 0
      ? {}
      : { unusable: { reason: 'AddressNotUsable', message: `not bound on this machine: ${values}` } }),
  };
}

interface Wanted {
  readonly type: string;
  readonly value: string;
}

/** Servers bind loopback only. */
function isOfThisMachine(type: string, value: string): boolean {
  return type === 'IPAddress' ? /^127\.\d+\.\d+\.\d+$/.test(value) || value === '::1' : value === 'localhost';
}

function isSame(a: Wanted, b: Wanted | undefined): boolean {
  return b !== undefined && a.type === b.type && a.value === b.value;
}

function addressTypeFault(world: World, { spec }: Gateway): Fault | undefined {
  const unknown = spec.addresses.find(({ type }) => type !== 'IPAddress' && type !== 'Hostname');
  if (unknown === undefined) return undefined;
  const message = `address type "${unknown.type}" is not supported`;
  world.report(
    diagnose(codes.addressUnsupported, {
      origin: unknown.origin,
      message: `${message}: none of the listeners is served`,
      remedy: 'Write type: IPAddress or Hostname, or take the address away.',
    }),
  );
  return { reason: 'UnsupportedAddress', message };
}

/** Istio takes a ConfigMap with changes to the Deployment and Service that it makes; anything else is no parameter. */
function parametersFault(world: World, { spec, metadata }: Gateway): Fault | undefined {
  const reference = spec.infrastructure.parametersRef;
  if (reference === undefined) return undefined;
  const { group, kind, name, origin } = reference;
  const isConfigMap = group === '' && kind === 'ConfigMap';
  const exists = world.resources.configMaps.some(
    (one) => one.metadata.namespace === metadata.namespace && one.metadata.name === name,
  );
  if (isConfigMap && exists) {
    world.report(
      diagnose(codes.parametersIgnored, {
        origin,
        message: `ConfigMap "${name}" has no effect: no Deployment or Service is made that it could shape`,
        remedy: 'Nothing to do for a run on this machine.',
      }),
    );
    return undefined;
  }
  const what = isConfigMap
    ? `no such ConfigMap in namespace "${metadata.namespace}"`
    : `kind "${kind}" is not supported`;
  const message = `parametersRef "${name}": ${what}`;
  world.report(
    diagnose(codes.parametersInvalid, {
      origin,
      message: `${message}: none of the listeners is served`,
      remedy: 'Name a ConfigMap in the namespace of the Gateway, or take parametersRef away.',
    }),
  );
  return { reason: 'InvalidParameters', message };
}
