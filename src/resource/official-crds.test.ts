/**
 * Compares what the decoders know with the official CRDs, where these lie beside the repository: no field of a kind may
 * be unknown here, and none may be invented. The CRDs are an oracle only; nothing is generated from them.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '../manifest/index.ts';
import { kinds } from './kinds.ts';
import { supportedFields } from './supported-fields.ts';

const crdFolder = fileURLToPath(new URL('../../../shared/crds/', import.meta.url));
const skip = existsSync(crdFolder) ? false : 'the official CRDs are not beside this repository (../shared/crds)';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
}

interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly schema: { readonly openAPIV3Schema: JsonSchema };
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly CrdVersion[];
  };
}

const files = ['gateway-api-v1.6.1/experimental', 'istio'].flatMap((folder) =>
  skip === false ? readdirSync(join(crdFolder, folder)).map((file) => join(crdFolder, folder, file)) : [],
);
const crds = new Map(
  files
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => parseManifest(readFileSync(file, 'utf8'), file).documents)
    .filter((document) => document.kind === 'CustomResourceDefinition')
    .map((document) => document.value as unknown as Crd)
    .map((crd) => [`${crd.spec.group}/${crd.spec.names.kind}`, crd]),
);

/** All paths of a schema but those of status and metadata, in the notation of `supportedFields`. */
function pathsOf(schema: JsonSchema, path: string): string[] {
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([name]) => path !== '' || !['status', 'metadata', 'apiVersion', 'kind'].includes(name),
  );
  const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return [
    ...(path === '' ? [] : [path]),
    ...fields.flatMap(([name, field]) => pathsOf(field, path === '' ? name : `${path}.${name}`)),
    ...(schema.items === undefined ? [] : pathsOf(schema.items, `${path}[]`)),
    ...(extra === undefined ? [] : pathsOf(extra, `${path}{}`)),
  ];
}

const crdKinds = Object.values(kinds).filter(({ group }) => group.includes('istio.io') || group.startsWith('gateway.'));

describe('official CRDs', { skip }, () => {
  for (const { group, kind, versions } of crdKinds) {
    test(`${kind}: the same fields in each version`, () => {
      const crd = crds.get(`${group}/${kind}`);
      assert.ok(crd !== undefined, `no CRD for ${group}/${kind}`);
      const own = supportedFields().filter((field) => field.group === group && field.kind === kind);
      const known = new Set(own.map((field) => field.path));
      const marked = own.filter((field) => field.support !== 'implemented').map((field) => field.path);
      const isKnown = (path: string): boolean =>
        known.has(path) || marked.some((prefix) => path.startsWith(prefix) && /^[.[{]/.test(path.slice(prefix.length)));
      for (const version of versions) {
        const official: CrdVersion | undefined = crd.spec.versions.find(({ name }) => name === version);
        assert.ok(official?.served === true, `${kind} ${version} is not served`);
        const paths = pathsOf(official.schema.openAPIV3Schema, '');
        assert.ok(paths.length > 3, 'the walk found fields');
        assert.deepEqual(
          paths.filter((path) => !isKnown(path)),
          [],
          `fields of ${kind} ${version} that the decoder does not know`,
        );
        const officialPaths = new Set(paths);
        const invented = [...known].filter(
          (path) => !/^(?:status|metadata|apiVersion|kind)/.test(path) && !officialPaths.has(path),
        );
        assert.deepEqual(invented, [], `fields of ${kind} that ${version} does not have`);
      }
    });

    test(`${kind}: every served version is read`, () => {
      const crd = crds.get(`${group}/${kind}`);
      const served = crd?.spec.versions.filter((version) => version.served).map((version) => version.name);
      assert.deepEqual(served?.sort(), [...versions].sort());
    });
  }
});
