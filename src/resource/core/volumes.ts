/** Files of a pod's proxy that come from Secrets and ConfigMaps: what paths in Istio's objects mean (istio.md 3.5, 4.5). */
import { z } from 'zod';
import { accepted, acceptedFields } from '../schema.ts';

/** A directory of the container, or with `subPath` a file of it. */
export interface MountedVolume {
  /** Without a final slash. */
  readonly mountPath: string;
  readonly subPath?: string;
  readonly sources: readonly MountedSource[];
}

export interface MountedSource {
  readonly kind: 'Secret' | 'ConfigMap';
  /** In the pod's namespace. */
  readonly name: string;
  /** Which keys there are, and under which names; absent: all, by their own. */
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

const items = z.array(z.strictObject({ key: z.string(), path: z.string(), mode: accepted() })).optional();
const named = { name: z.string().default(''), items, optional: accepted() };

export const volume = z.strictObject({
  name: z.string(),
  secret: z
    .strictObject({ secretName: z.string().default(''), items, ...acceptedFields('defaultMode', 'optional') })
    .optional(),
  configMap: z.strictObject({ ...named, defaultMode: accepted() }).optional(),
  projected: z
    .strictObject({
      sources: z
        .array(
          z.strictObject({
            secret: z.strictObject(named).optional(),
            configMap: z.strictObject(named).optional(),
            ...acceptedFields('clusterTrustBundle', 'downwardAPI', 'podCertificate', 'serviceAccountToken'),
          }),
        )
        .default([]),
      defaultMode: accepted(),
    })
    .optional(),
  ...acceptedFields(
    'awsElasticBlockStore',
    'azureDisk',
    'azureFile',
    'cephfs',
    'cinder',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'fc',
    'flexVolume',
    'flocker',
    'gcePersistentDisk',
    'gitRepo',
    'glusterfs',
    'hostPath',
    'image',
    'iscsi',
    'nfs',
    'persistentVolumeClaim',
    'photonPersistentDisk',
    'portworxVolume',
    'quobyte',
    'rbd',
    'scaleIO',
    'storageos',
    'vsphereVolume',
  ),
});

export const volumeMount = z.strictObject({
  name: z.string(),
  mountPath: z.string(),
  subPath: z.string().default(''),
  ...acceptedFields('mountPropagation', 'readOnly', 'readonly', 'recursiveReadOnly', 'subPathExpr'),
});

type Volume = z.output<typeof volume>;
type VolumeMount = z.output<typeof volumeMount>;

export function mountedVolumes(volumes: readonly Volume[], mounts: readonly VolumeMount[]): readonly MountedVolume[] {
  return mounts.flatMap(({ name, mountPath, subPath, subPathExpr }) => {
    const sources = volumes.filter((one) => one.name === name).flatMap(sourcesOf);
    // What an expression comes to is known to a kubelet alone.
    if (sources.length === 0 || subPathExpr !== undefined) return [];
    return [{ mountPath: mountPath.replace(/\/+$/, ''), ...(subPath === '' ? {} : { subPath }), sources }];
  });
}

function sourcesOf({ secret, configMap, projected }: Volume): readonly MountedSource[] {
  return [
    ...(secret === undefined ? [] : [sourceOf('Secret', secret.secretName, secret.items)]),
    ...(configMap === undefined ? [] : [sourceOf('ConfigMap', configMap.name, configMap.items)]),
    ...(projected?.sources ?? []).flatMap((one) => [
      ...(one.secret === undefined ? [] : [sourceOf('Secret', one.secret.name, one.secret.items)]),
      ...(one.configMap === undefined ? [] : [sourceOf('ConfigMap', one.configMap.name, one.configMap.items)]),
    ]),
  ];
}

function sourceOf(kind: MountedSource['kind'], name: string, wanted: z.output<typeof items>): MountedSource {
  return {
    kind,
    name,
    ...(wanted === undefined ? {} : { items: wanted.map(({ key, path }) => ({ key, path })) }),
  };
}

const volumeAnnotation = 'sidecar.istio.io/userVolume';
const mountAnnotation = 'sidecar.istio.io/userVolumeMount';

/**
 * What Istio's annotations of a pod mount into its sidecar: JSON lists, or objects by the name of the volume. Nothing where
 * they cannot be read; a path that leads nowhere is then reported by whoever needs it.
 */
export function userVolumes(annotations: Readonly<Record<string, string>>): readonly MountedVolume[] {
  const volumes = z.array(volume).safeParse(listOf(annotations[volumeAnnotation]));
  const mounts = z.array(volumeMount).safeParse(listOf(annotations[mountAnnotation]));
  return volumes.success && mounts.success ? mountedVolumes(volumes.data, mounts.data) : [];
}

function listOf(json: string | undefined): unknown {
  if (json === undefined) return [];
  const value = parse(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.entries(value).map(([name, one]) => ({ name, ...(one as object) }));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
