/** `x-kubernetes-validations`: rules in CEL, with the functions that an API server adds to the language. */
import { isIP } from 'node:net';
import type { CelInput } from '@bufbuild/cel';
import { fieldSchema } from './admit.ts';
import type { CrdSchema } from './official.ts';

export interface RuleFailure {
  readonly path: readonly (string | number)[];
  readonly rule: string;
  readonly message: string;
}

/** `undefined`: the rule holds. */
type Rule = (self: CelInput) => string | undefined;

/** All rules of a value that do not hold. */
export type RuleChecker = (schema: CrdSchema, value: unknown) => RuleFailure[];

/** Imports CEL only here: it takes a while. */
export async function loadRuleChecker(): Promise<RuleChecker> {
  const { celEnv, celFunc, celMethod, CelScalar, isCelError, mapType, parse, plan } = await import('@bufbuild/cel');
  const { strings } = await import('@bufbuild/cel/ext');
  const url = mapType(CelScalar.STRING, CelScalar.STRING);
  const env = celEnv({
    variables: { self: CelScalar.DYN },
    funcs: [
      ...strings,
      celFunc('isIP', [CelScalar.STRING], CelScalar.BOOL, (text) => isIP(text) !== 0),
      celFunc('isURL', [CelScalar.STRING], CelScalar.BOOL, (text) => schemeOf(text) !== undefined),
      celFunc('url', [CelScalar.STRING], url, (text) => {
        const scheme = schemeOf(text);
        if (scheme === undefined) throw new Error(`not a URL: ${text}`);
        return { scheme };
      }),
      celMethod('getScheme', url, [], CelScalar.STRING, function getScheme() {
        const scheme = this.get('scheme');
        return typeof scheme === 'string' ? scheme : '';
      }),
    ],
  });
  const compile = (rule: string): Rule => {
    const evaluate = plan(env, parse(rule));
    return (self) => {
      const result = evaluate({ self });
      if (isCelError(result)) return result.message;
      return result === true ? undefined : 'the rule is false';
    };
  };
  const compiled = new Map<string, Rule>();
  const compileOnce = (rule: string): Rule => {
    const known = compiled.get(rule) ?? compile(rule);
    compiled.set(rule, known);
    return known;
  };
  return (schema, value) => {
    const failures: RuleFailure[] = [];
    check({ compileOnce, failures }, { schema, value, path: [] });
    return failures;
  };
}

/** As Go's `url.ParseRequestURI`: an absolute URL or an absolute path. */
function schemeOf(text: string): string | undefined {
  if (text.startsWith('/')) return '';
  return URL.canParse(text) ? new URL(text).protocol.slice(0, -1) : undefined;
}

interface Place {
  readonly schema: CrdSchema | undefined;
  readonly value: unknown;
  readonly path: readonly (string | number)[];
}

interface Check {
  readonly compileOnce: (rule: string) => Rule;
  readonly failures: RuleFailure[];
}

function check(context: Check, { schema, value, path }: Place): void {
  if (schema === undefined || value === undefined || value === null) return;
  for (const { rule, message = '' } of rulesOf(schema)) {
    const problem = context.compileOnce(rule)(toCel(schema, value) as CelInput);
    if (problem !== undefined) context.failures.push({ path, rule, message: `${message} (${problem})` });
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      check(context, { schema: schema.items, value: item, path: [...path, index] });
    return;
  }
  if (typeof value !== 'object') return;
  for (const [key, field] of Object.entries(value))
    check(context, { schema: fieldSchema(schema, key), value: field, path: [...path, key] });
}

/** Rules about a change (`oldSelf`) say nothing about an object that is new. */
export function rulesOf(schema: CrdSchema): readonly { readonly rule: string; readonly message?: string }[] {
  return (schema['x-kubernetes-validations'] ?? []).filter(({ rule }) => !/\boldSelf\b/.test(rule));
}

/** Whole numbers are `int`, and a property whose name is a word of the language gets underscores, as in Kubernetes. */
function toCel(schema: CrdSchema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => toCel(schema?.items, item));
  if (typeof value === 'number') return schema?.type === 'number' ? value : BigInt(value);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => {
    const isProperty = schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
    return [isProperty && reserved.has(key) ? `__${key}__` : key, toCel(fieldSchema(schema, key), field)] as const;
  });
  return new Map(entries);
}

const reserved = new Set([
  ...['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import'],
  ...['let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
]);
