/**
 * The official CRDs of the Gateway API and Istio, where they lie beside the repository. They are an oracle for tests
 * only; nothing is generated from them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** A structural schema (Kubernetes' dialect of OpenAPI v3), as far as it is read here. */
export interface CrdSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, CrdSchema>>;
  readonly required?: readonly string[];
  readonly items?: CrdSchema;
  readonly additionalProperties?: CrdSchema | boolean;
  readonly oneOf?: readonly CrdSchema[];
  readonly anyOf?: readonly CrdSchema[];
  readonly allOf?: readonly CrdSchema[];
  readonly not?: CrdSchema;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly nullable?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message?: string }[];
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly schema: { readonly openAPIV3Schema: CrdSchema };
}

interface Crd {
  readonly kind: 'CustomResourceDefinition';
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly CrdVersion[];
  };
}

/** `experimental` has all that `standard` has, and more fields. Istio has one channel only. */
export type Channel = 'standard' | 'experimental';

const folder = fileURLToPath(new URL('../../../shared/crds/', import.meta.url));

/** For `{ skip }` of tests that need the CRDs. */
export const skipWithoutCrds = existsSync(folder)
  ? false
  : 'the official CRDs are not beside this repository (../shared/crds)';

const loaded = new Map<string, ReadonlyMap<string, Crd>>();

/** The served versions of a kind by name; empty for kinds that no CRD defines. */
export function officialVersions(
  group: string,
  kind: string,
  channel: Channel = 'experimental',
): readonly CrdVersion[] {
  const path = group.endsWith('istio.io') ? 'istio' : `gateway-api-v1.6.1/${channel}`;
  const crds = loaded.get(path) ?? load(path);
  loaded.set(path, crds);
  return crds.get(`${group}/${kind}`)?.spec.versions.filter(({ served }) => served) ?? [];
}

function load(path: string): ReadonlyMap<string, Crd> {
  if (skipWithoutCrds !== false) return new Map();
  const files = readdirSync(join(folder, path)).filter((file) => file.endsWith('.yaml'));
  const documents = files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, path, file), 'utf8')).map((document) => document.toJS() as unknown),
  );
  const crds = documents.filter(isCrd);
  return new Map(crds.map((crd) => [`${crd.spec.group}/${crd.spec.names.kind}`, crd]));
}

function isCrd(value: unknown): value is Crd {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'CustomResourceDefinition';
}
