/** Structural schemas as JSON Schema for ajv, with Kubernetes' own keywords. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import type { CrdSchema } from './official.ts';

/** Patterns are RE2, as in an API server; some of the CRDs' would take JavaScript's own engine years. */
function re2(pattern: string): { test: (text: string) => boolean; toString: () => string } {
  const expression = RE2JS.compile(pattern);
  // ajv tells expressions apart by their text.
  return { test: (text) => expression.matcher(text).find(), toString: () => pattern };
}

const regExp = Object.assign(re2, { code: '' });
const ajv = new Ajv({ strict: false, allErrors: true, code: { regExp } });
// The package is CommonJS and its types name the default export twice.
(addFormats as unknown as (target: Ajv) => void)(ajv);
ajv.addKeyword({
  keyword: 'x-kubernetes-list-type',
  schemaType: 'string',
  validate: (type: string, items: unknown, parent?: CrdSchema) =>
    !Array.isArray(items) || areUnique(items, type, parent?.['x-kubernetes-list-map-keys'] ?? []),
});

function areUnique(items: readonly unknown[], type: string, keys: readonly string[]): boolean {
  if (type === 'atomic') return true;
  const identities = items.map((item) => {
    if (type === 'set') return JSON.stringify(item);
    return JSON.stringify(keys.map((key) => (item as Readonly<Record<string, unknown>> | undefined)?.[key] ?? null));
  });
  return new Set(identities).size === identities.length;
}

export type { ErrorObject };

export function compileSchema(schema: CrdSchema): ValidateFunction {
  return ajv.compile(strictly(schema));
}

/** As with `kubectl apply`, whose field validation is strict: a field that the schema does not name is an error. */
function strictly(schema: CrdSchema): object {
  const { properties, items, additionalProperties, ...rest } = schema;
  const closed =
    additionalProperties === undefined &&
    schema.type === 'object' &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true;
  return {
    ...rest,
    ...(schema['x-kubernetes-int-or-string'] === true ? { type: ['integer', 'string'] } : {}),
    ...(items === undefined ? {} : { items: strictly(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, strictly(field)])),
        }),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: strictly(additionalProperties) } : {}),
    ...(closed ? { additionalProperties: false } : {}),
  };
}
