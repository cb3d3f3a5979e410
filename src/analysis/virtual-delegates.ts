import { diagnose, qualifiedName } from '../base/index.ts';
import type {
  NamedStringMatch,
  StringMatch,
  VirtualHttpRoute,
  VirtualMatch,
  VirtualService,
} from '../resource/index.ts';
import { codes } from './codes.ts';
import { isRejected, keyOf, type World } from './world.ts';

/**
 * The HTTP routes of a VirtualService with its delegates put in their places (istio.md 4.2, pilot/pkg/model/
 * virtualservice.go): each route of a delegate whose match does not contradict the root's, with what it does not say
 * itself taken from the root. A delegate that does not exist leaves nothing.
 */
export function withDelegates(world: World, service: VirtualService): readonly VirtualHttpRoute[] {
  return service.spec.http.flatMap((root) => {
    if (root.delegate === undefined) return [root];
    const delegate = findDelegate(world, service, root.delegate);
    if (delegate === undefined) return [];
    return delegate.spec.http.flatMap((route) => {
      const matches = mergeMatches(root.matches, route.matches);
      if (matches !== undefined) return [mergeRoute(root, route, matches)];
      reportConflict(world, { root, route, delegate });
      return [];
    });
  });
}

function findDelegate(
  world: World,
  service: VirtualService,
  ref: NonNullable<VirtualHttpRoute['delegate']>,
): VirtualService | undefined {
  const found = world.resources.virtualServices.find((other) => keyOf(other) === qualifiedName(ref));
  const { namespace } = service.metadata;
  if (found === undefined) {
    const broken = isRejected(world, { kind: 'VirtualService', namespace: ref.namespace, name: ref.name });
    reportDelegate(world, ref, broken ? 'has an error and is left out' : 'does not exist');
    return undefined;
  }
  if (found.spec.hosts.length > 0) {
    reportDelegate(world, ref, 'has hosts of its own, and so is no delegate');
    return undefined;
  }
  if (found.spec.exportTo.length > 0 && !found.spec.exportTo.includes(namespace)) {
    reportDelegate(world, ref, `is not exported to namespace "${namespace}"`);
    return undefined;
  }
  return found;
}

function reportDelegate(world: World, ref: NonNullable<VirtualHttpRoute['delegate']>, why: string): void {
  world.report(
    diagnose(codes.delegateNotFound, {
      origin: ref.origin,
      message: `delegate "${qualifiedName(ref)}" ${why}: the route is left out`,
      remedy: 'Name a VirtualService without hosts that is exported to this namespace.',
    }),
  );
}

function reportConflict(
  world: World,
  found: { readonly root: VirtualHttpRoute; readonly route: VirtualHttpRoute; readonly delegate: VirtualService },
): void {
  world.report(
    diagnose(codes.delegateConflict, {
      origin: found.route.origin,
      message: `left out: its match is not within that of the route that delegates to "${keyOf(found.delegate)}" (${found.root.origin.file}:${found.root.origin.line})`,
      remedy: 'Let the match of the delegate narrow that of the root, without regular expressions.',
    }),
  );
}

function mergeRoute(
  root: VirtualHttpRoute,
  route: VirtualHttpRoute,
  matches: readonly VirtualMatch[],
): VirtualHttpRoute {
  const name = mergedName(root.name, route.name);
  const { delegate: _, name: _name, ...inherited } = root;
  return {
    ...inherited,
    ...route,
    ...(name === undefined ? {} : { name }),
    matches,
    unsupported: [...root.unsupported, ...route.unsupported],
  };
}

function mergedName(root: string | undefined, own: string | undefined): string | undefined {
  if (root === undefined || root === '') return own;
  return own === undefined || own === '' ? root : `${root}-${own}`;
}

/** Undefined when an entry of the delegate is within no entry of the root. */
function mergeMatches(
  root: readonly VirtualMatch[],
  own: readonly VirtualMatch[],
): readonly VirtualMatch[] | undefined {
  if (root.length === 0) return own;
  if (own.length === 0) return root;
  const merged = own.map((match) =>
    root.filter((outer) => !contradicts(outer, match)).map((outer) => mergeMatch(outer, match)),
  );
  return merged.some((group) => group.length === 0) ? undefined : merged.flat();
}

function mergeMatch(root: VirtualMatch, own: VirtualMatch): VirtualMatch {
  return {
    ...root,
    ...own,
    headers: mergeNamed(root.headers, own.headers),
    withoutHeaders: mergeNamed(root.withoutHeaders, own.withoutHeaders),
    queryParams: mergeNamed(root.queryParams, own.queryParams),
    sourceLabels: { ...root.sourceLabels, ...own.sourceLabels },
    gateways: own.gateways.length === 0 ? root.gateways : own.gateways,
    unsupported: [...root.unsupported, ...own.unsupported],
  };
}

function mergeNamed(root: readonly NamedStringMatch[], own: readonly NamedStringMatch[]): readonly NamedStringMatch[] {
  const names = new Set(own.map(({ name }) => name));
  return [...root.filter(({ name }) => !names.has(name)), ...own].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function contradicts(root: VirtualMatch, own: VirtualMatch): boolean {
  const texts = ['uri', 'scheme', 'method', 'authority'] as const;
  const lists = ['headers', 'withoutHeaders', 'queryParams'] as const;
  return (
    texts.some((field) => isOutside(root[field], own[field])) ||
    lists.some((field) =>
      own[field].some((match) =>
        isOutside(
          root[field].find(({ name }) => name === match.name),
          match,
        ),
      ),
    ) ||
    root.ignoreUriCase !== own.ignoreUriCase ||
    (root.port !== undefined && own.port !== undefined && root.port !== own.port) ||
    // Istio asks the delegate to say the root's namespace again.
    (root.sourceNamespace !== undefined && root.sourceNamespace !== own.sourceNamespace) ||
    Object.entries(own.sourceLabels).some(([key, value]) => (root.sourceLabels[key] ?? value) !== value) ||
    (root.gateways.length > 0 && own.gateways.some((gateway) => !root.gateways.includes(gateway)))
  );
}

/** Whether `own` could match what `root` does not; both absent, or one of them, is no contradiction. */
function isOutside(root: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (root === undefined || own === undefined) return false;
  if (root.type === 'RegularExpression' || own.type === 'RegularExpression') return true;
  // Istio takes neither for a part of the other.
  if (root.type === 'Present' || own.type === 'Present') return true;
  if (root.type === 'Exact') return own.type === 'Prefix' || own.value !== root.value;
  return !own.value.startsWith(root.value);
}
