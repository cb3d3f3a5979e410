import { z } from 'zod';
import type { DecodeContext } from './context.ts';
import { labelMap } from './fields.ts';
import type { ObjectMeta, ResourceObject } from './object.ts';
import { accepted, acceptedFields } from './schema.ts';

/** A kind that is read: its place in the API, the shape of its objects, and how they become typed resources. */
export interface Kind<Resource extends ResourceObject = ResourceObject> {
  /** Empty for core. */
  readonly group: string;
  readonly kind: string;
  /** Versions with this same schema; the first is the one to recommend. */
  readonly versions: readonly string[];
  readonly schema: z.ZodType;
  /** Called with what `schema` gave. Fields that exclude each other are reported here. */
  readonly decode: (value: unknown, context: DecodeContext) => Omit<Resource, keyof ResourceObject>;
}

/** Ties the type of `decode`'s argument to the schema. */
export function defineKind<Resource extends ResourceObject, Schema extends z.ZodType = z.ZodType>(
  kind: Omit<Kind<Resource>, 'schema' | 'decode'> & {
    readonly schema: Schema;
    readonly decode: (value: z.output<Schema>, context: DecodeContext) => Omit<Resource, keyof ResourceObject>;
  },
): Kind<Resource> {
  return { ...kind, decode: kind.decode as Kind<Resource>['decode'] };
}

const metadata = z.strictObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: labelMap.default({}),
  annotations: labelMap.default({}),
  creationTimestamp: z.iso
    .datetime({ offset: true, error: 'must be a time\nWrite it as in 2026-01-31T12:00:00Z, or take it away.' })
    .optional(),
  generation: z.int().optional(),
  ...acceptedFields(
    'generateName',
    'selfLink',
    'uid',
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'ownerReferences',
    'finalizers',
    'managedFields',
  ),
});

/** The schema of a whole object. `status` is what a cluster says; Sallyport writes its own. */
export function objectOf<Fields extends z.core.$ZodLooseShape>(fields: Fields) {
  return z.strictObject({
    apiVersion: z.string().optional(),
    kind: z.string().optional(),
    metadata,
    status: accepted(),
    ...fields,
  });
}

/** The deciding part of a decoded object's metadata. */
export function objectMeta(value: unknown, context: DecodeContext): ObjectMeta {
  const { metadata: meta } = value as { readonly metadata: z.output<typeof metadata> };
  const { creationTimestamp, generation } = meta;
  return {
    name: meta.name,
    namespace: context.document.namespace,
    labels: context.document.kind === 'Namespace' ? { ...meta.labels, [namespaceLabel]: meta.name } : meta.labels,
    annotations: meta.annotations,
    ...(creationTimestamp === undefined ? {} : { creationTimestamp: secondsInUtc(creationTimestamp) }),
    ...(generation === undefined ? {} : { generation }),
  };
}

/** What the API server adds to each Namespace, for selectors that choose by name. */
const namespaceLabel = 'kubernetes.io/metadata.name';

function secondsInUtc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
