import { diagnose } from '../base/index.ts';
import type { NamedStringMatch, StringMatch, VirtualHttpRoute, VirtualMatch } from '../resource/index.ts';
import { codes } from './codes.ts';
import type { BoundVirtualService } from './virtual-services.ts';
import type { World } from './world.ts';

/**
 * Routes that an earlier one of the same VirtualService takes everything from (istioctl's VirtualServiceUnreachableRule and
 * VirtualServiceIneffectiveMatch, and beyond them matches that an earlier, wider one covers).
 */
export function findUnreachableRules(world: World, { routes }: Pick<BoundVirtualService, 'routes'>): void {
  const earlier: Entry[] = [];
  for (const [index, route] of routes.entries()) {
    const entries = entriesOf(route, index);
    const covered = entries.flatMap((entry) => {
      const by = earlier.find((other) => covers(other.match, entry.match));
      return by === undefined ? [] : [{ entry, by }];
    });
    const [first] = covered;
    if (first !== undefined && covered.length === entries.length) reportUnreachable(world, route, first.by);
    else for (const { entry, by } of covered) reportIneffective(world, entry, by);
    earlier.push(...entries);
  }
}

/** One way into a route; without `match` everything gets in. */
interface Entry {
  readonly route: VirtualHttpRoute;
  readonly index: number;
  readonly match: VirtualMatch | undefined;
}

function entriesOf(route: VirtualHttpRoute, index: number): readonly Entry[] {
  if (route.matches.length === 0) return [{ route, index, match: undefined }];
  return route.matches.map((match) => ({ route, index, match }));
}

function reportUnreachable(world: World, route: VirtualHttpRoute, by: Entry): void {
  world.report(
    diagnose(codes.unreachableRule, {
      origin: route.origin,
      message: `never reached: ${describe(by)} takes all of its requests`,
      remedy: 'Write the narrower route before the wider one, or take it away; the first match counts.',
    }),
  );
}

function reportIneffective(world: World, entry: Entry, by: Entry): void {
  world.report(
    diagnose(codes.ineffectiveMatch, {
      origin: entry.match?.origin ?? entry.route.origin,
      message: `this match never counts: ${describe(by)} takes all of its requests`,
      remedy: 'Take it away.',
    }),
  );
}

function describe({ route, index }: Entry): string {
  const name = route.name === undefined ? '' : ` "${route.name}"`;
  return `route ${index}${name} (line ${route.origin.line})`;
}

/** Whether every request of `inner` is also one of `outer`'s. Says no where it cannot tell. */
function covers(outer: VirtualMatch | undefined, inner: VirtualMatch | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return isUnconditional(outer);
  const texts = ['uri', 'scheme', 'method', 'authority'] as const;
  const lists = ['headers', 'queryParams'] as const;
  return (
    outer.ignoreUriCase === inner.ignoreUriCase &&
    texts.every((field) => isAtLeast(outer[field], inner[field])) &&
    lists.every((field) =>
      outer[field].every((wanted) => isAtLeast(wanted, find(inner[field], wanted.name), { needed: true })),
    ) &&
    outer.withoutHeaders.every((wanted) => sameText(wanted, find(inner.withoutHeaders, wanted.name))) &&
    (outer.port === undefined || outer.port === inner.port) &&
    (outer.sourceNamespace === undefined || outer.sourceNamespace === inner.sourceNamespace) &&
    Object.entries(outer.sourceLabels).every(([key, value]) => inner.sourceLabels[key] === value) &&
    sameGateways(outer.gateways, inner.gateways) &&
    outer.unsupported.length + inner.unsupported.length === 0
  );
}

function isUnconditional(match: VirtualMatch): boolean {
  const { uri } = match;
  const isAnyPath = uri === undefined || (uri.type === 'Prefix' && uri.value === '/');
  return (
    isAnyPath &&
    [match.scheme, match.method, match.authority, match.port, match.sourceNamespace].every(
      (one) => one === undefined,
    ) &&
    [match.headers, match.withoutHeaders, match.queryParams, match.gateways].every((list) => list.length === 0) &&
    Object.keys(match.sourceLabels).length === 0 &&
    match.unsupported.length === 0
  );
}

function find(list: readonly NamedStringMatch[], name: string): NamedStringMatch | undefined {
  return list.find((one) => one.name === name);
}

function sameText(a: StringMatch, b: StringMatch | undefined): boolean {
  return b !== undefined && a.type === b.type && a.value === b.value;
}

/** Whether `outer` holds wherever `inner` does. */
function isAtLeast(
  outer: StringMatch | undefined,
  inner: StringMatch | undefined,
  { needed = false }: { readonly needed?: boolean } = {},
): boolean {
  if (outer === undefined) return true;
  if (outer.type === 'Present') return !needed || inner !== undefined;
  if (outer.type === 'Prefix' && outer.value === '/' && !needed) return true;
  if (inner === undefined) return false;
  if (sameText(outer, inner)) return true;
  return (
    outer.type === 'Prefix' &&
    (inner.type === 'Prefix' || inner.type === 'Exact') &&
    inner.value.startsWith(outer.value)
  );
}

function sameGateways(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length === 0 ? inner.length === 0 : inner.length > 0 && inner.every((name) => outer.includes(name));
}
