/**
 * Paths in Istio's objects are of the proxy's container. What lies there is known where the workload's manifest mounts a
 * Secret or ConfigMap; files of this machine are never read in its place.
 */
import { Secret, type Origin } from '../base/index.ts';
import type { Located } from '../resource/index.ts';
import type { MountModel } from './model.ts';
import type { World } from './world.ts';

export interface FileModel {
  readonly origin: Origin;
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly text: Secret;
}

/** What a proxy's container has at a path; or why nothing is known of it. */
export function fileAt(
  world: World,
  mounts: readonly MountModel[],
  { value: path }: Located<string>,
): FileModel | { readonly missing: string } {
  const found = mounts
    .map((mount) => ({ mount, inside: insideOf(mount, path) }))
    .filter(({ inside }) => inside !== undefined)
    .sort((a, b) => b.mount.mountPath.length - a.mount.mountPath.length)[0];
  if (found?.inside === undefined) {
    return { missing: `no volume with a Secret or ConfigMap is mounted there in the proxy's container (istio-proxy)` };
  }
  const { mount, inside } = found;
  for (const source of mount.sources) {
    const key = source.items === undefined ? inside : source.items.find((one) => one.path === inside)?.key;
    if (key === undefined) continue;
    const file = contentOf(world, { ...source, namespace: mount.namespace, key });
    if (file !== undefined) return file;
  }
  const names = mount.sources.map(({ kind, name }) => `${kind} "${mount.namespace}/${name}"`);
  return { missing: `${names.join(' and ')}, mounted at ${mount.mountPath}, has no "${inside}"` };
}

/** The path within the volume. */
function insideOf({ mountPath, subPath }: MountModel, path: string): string | undefined {
  if (subPath !== undefined) return path === mountPath ? subPath : undefined;
  return path.startsWith(`${mountPath}/`) ? path.slice(mountPath.length + 1) : undefined;
}

function contentOf(
  world: World,
  { kind, namespace, name, key }: Pick<FileModel, 'kind' | 'namespace' | 'name' | 'key'>,
): FileModel | undefined {
  if (kind === 'Secret') {
    const secret = world.secrets.get(`${namespace}/${name}`);
    const text = secret?.data[key];
    return secret === undefined || text === undefined
      ? undefined
      : { origin: secret.origin, kind, namespace, name, key, text };
  }
  const map = world.resources.configMaps.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
  );
  const text = map?.data[key];
  return map === undefined || text === undefined
    ? undefined
    : { origin: map.origin, kind, namespace, name, key, text: new Secret(text) };
}
