/** Whether an API server with the official CRDs would take an object. */
import { admit } from './admit.ts';
import { loadRuleChecker, type RuleChecker } from './cel.ts';
import { compileSchema, type ErrorObject } from './json-schema.ts';
import type { CrdSchema } from './official.ts';

/** One reason why an object is not valid. */
export interface Problem {
  /** As in the object: `['spec', 'rules', 0]`. */
  readonly path: readonly (string | number)[];
  /** The keyword of the schema (`pattern`, `required`, …) or the text of the CEL rule. */
  readonly rule: string;
  readonly message: string;
}

/** Empty: valid. `metadata`, `status`, `kind` and `apiVersion` are not judged: they are the API server's own business. */
export type Oracle = (schema: CrdSchema, object: Readonly<Record<string, unknown>>) => readonly Problem[];

export async function loadOracle(): Promise<Oracle> {
  const checkRules: RuleChecker = await loadRuleChecker();
  const prepared = new WeakMap<CrdSchema, Prepared>();
  return (schema, object) => {
    const { judged, validate } = prepared.get(schema) ?? prepare(schema);
    prepared.set(schema, { judged, validate });
    const fields = Object.entries(object).filter(([key]) => !notJudged.has(key));
    const value = admit(judged, Object.fromEntries(fields));
    if (!validate(value)) return (validate.errors ?? []).map((error) => problemOf(error, value));
    // Rules are judged on what the schema takes only, as an API server does.
    return checkRules(judged, value);
  };
}

interface Prepared {
  /** The schema without what is not judged. */
  readonly judged: CrdSchema;
  readonly validate: ReturnType<typeof compileSchema>;
}

function prepare(schema: CrdSchema): Prepared {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !notJudged.has(name));
  const judged = { ...schema, properties: Object.fromEntries(fields) };
  return { judged, validate: compileSchema(judged) };
}

const notJudged = new Set(['metadata', 'status', 'kind', 'apiVersion']);

function problemOf({ instancePath, keyword, message = '', params }: ErrorObject, root: unknown): Problem {
  const path: (string | number)[] = [];
  let value = root;
  for (const step of instancePath.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(key) : key);
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  }
  const extra = keyword === 'additionalProperties' ? [String(params['additionalProperty'])] : [];
  return { path: [...path, ...extra], rule: keyword, message };
}
