import type { Http2Limits } from '../http2/index.ts';
import { defaultTransportLimits, type TransportLimits } from '../transport/index.ts';
import { defaultProxyLimits, type ProxyLimits } from './limits.ts';

type Group = 'clientConnection' | 'sharedConnection' | 'transport';

/** Limits as an operator sets them: what is absent keeps its default. */
export interface LimitSettings extends Partial<Omit<ProxyLimits, Group>> {
  readonly clientConnection?: Partial<Http2Limits>;
  readonly sharedConnection?: Partial<Http2Limits>;
  readonly transport?: Partial<TransportLimits>;
}

export function withLimitSettings(settings: LimitSettings): ProxyLimits {
  const { clientConnection, sharedConnection, transport } = defaultProxyLimits;
  return {
    ...defaultProxyLimits,
    ...settings,
    clientConnection: { ...clientConnection, ...settings.clientConnection },
    sharedConnection: { ...sharedConnection, ...settings.sharedConnection },
    transport: { ...transport, ...settings.transport },
  };
}

/** What is wrong with a setting, and where: the keys that lead to it. */
export interface LimitFault {
  readonly path: readonly string[];
  readonly message: string;
}

const groups: Readonly<Record<Group, object>> = {
  clientConnection: defaultProxyLimits.clientConnection,
  sharedConnection: defaultProxyLimits.sharedConnection,
  transport: defaultTransportLimits,
};

const limitNames = Object.keys(defaultProxyLimits).filter((name) => !Object.hasOwn(groups, name));

/** Timers and windows of more than 31 bits do not exist. */
const largest = 2_147_483_647;

/** The exceptions from "a whole number from 1". */
const lowest: Readonly<Record<string, number>> = {
  // The protocol's initial window cannot be taken back (RFC 9113 §6.9.2).
  connectionWindowBytes: 65_535,
  headerTableBytes: 0,
  replayBytes: 0,
  tinyDataCost: 0,
  abuseEarnedPerCompletedStream: 0,
};
const fractional = new Set(['tinyDataCost', 'abuseEarnedPerCompletedStream']);

/** Checks what `limits` of a configuration file holds; when nothing is returned, the value is `LimitSettings`. */
export function findLimitFaults(value: unknown): readonly LimitFault[] {
  if (!isMap(value)) return [{ path: [], message: 'expected a map from limits to their values' }];
  return Object.entries(value).flatMap(([name, setting]) => {
    const group = Object.hasOwn(groups, name) ? groups[name as Group] : undefined;
    if (group === undefined) return faultOf([name], setting, { known: limitNames, groups: Object.keys(groups) });
    if (!isMap(setting)) return [{ path: [name], message: 'expected a map from limits to their values' }];
    return Object.entries(setting).flatMap(([member, one]) =>
      faultOf([name, member], one, { known: Object.keys(group), groups: [] }),
    );
  });
}

function faultOf(
  path: readonly string[],
  value: unknown,
  names: { readonly known: readonly string[]; readonly groups: readonly string[] },
): readonly LimitFault[] {
  const name = path.at(-1) ?? '';
  if (!names.known.includes(name)) {
    return [{ path, message: `no limit of this name; there are: ${[...names.known, ...names.groups].join(', ')}` }];
  }
  const low = lowest[name] ?? 1;
  const isWhole = fractional.has(name) || Number.isInteger(value);
  if (typeof value === 'number' && isWhole && value >= low && value <= largest) return [];
  const kind = fractional.has(name) ? 'a number' : 'a whole number';
  return [{ path, message: `expected ${kind} from ${low} to ${largest}` }];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
