/** Objects made from a CRD's schema: as wild as the schema allows, small enough to read. */
import fc from 'fast-check';
import type { CrdSchema } from './official.ts';
import type { Oracle, Problem } from './oracle.ts';
import type { CrdKind, CustomObject } from './verdict.ts';

type Draw = fc.GeneratorValue;

/** Objects that the schema more or less describes; its rules (CEL, unions) may be broken in any way. */
export function objectsOf({ group, kind, versions }: CrdKind): fc.Arbitrary<CustomObject> {
  const [version] = versions;
  if (version === undefined) throw new Error(`${kind} has no served version`);
  const { properties = {}, required = [] } = version.schema.openAPIV3Schema;
  const fields = Object.entries(properties).filter(([name]) => !notGenerated.has(name));
  const schema: CrdSchema = { type: 'object', properties: Object.fromEntries(fields), required };
  return fc.gen().map((draw) => ({
    apiVersion: `${group}/${version.name}`,
    kind,
    metadata: { name: 'generated', namespace: 'default' },
    ...(drawValue(draw, schema, 0) as Readonly<Record<string, unknown>>),
  }));
}

const notGenerated = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Takes away what the oracle objects to, until it has no objection: a valid object with much of what was drawn. */
export function mended(oracle: Oracle, schema: CrdSchema, object: CustomObject): CustomObject | undefined {
  const copy = structuredClone(object);
  for (let round = 0; round < maxMends; round++) {
    const [problem] = oracle(schema, copy);
    if (problem === undefined) return copy;
    if (!takeAway(schema, copy, problem)) return undefined;
  }
  return undefined;
}

const maxMends = 60;

/** Deletes the nearest thing around the problem that may be absent. */
function takeAway(schema: CrdSchema, object: CustomObject, { path }: Problem): boolean {
  for (let length = path.length; length > 1; length--) {
    const parentPath = path.slice(0, length - 1);
    const key = path[length - 1] as string | number;
    const parent = valueAt(object, parentPath);
    if (Array.isArray(parent)) {
      parent.splice(Number(key), 1);
      return true;
    }
    const required = schemaAt(schema, parentPath)?.required?.includes(String(key)) === true;
    if (required || typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) continue;
    delete (parent as Record<string | number, unknown>)[key];
    return true;
  }
  return false;
}

export function schemaAt(schema: CrdSchema, path: readonly (string | number)[]): CrdSchema | undefined {
  let current: CrdSchema | undefined = schema;
  for (const step of path) {
    if (current === undefined) return undefined;
    if (typeof step === 'number') current = current.items;
    else if (current.properties !== undefined && Object.hasOwn(current.properties, step))
      current = current.properties[step];
    else current = typeof current.additionalProperties === 'object' ? current.additionalProperties : undefined;
  }
  return current;
}

export function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) current = (current as Readonly<Record<string | number, unknown>> | undefined)?.[step];
  return current;
}

/** One of them. Drawn by its index: fast-check compares all that it is given with all that it was given before. */
export function pick<T>(draw: Draw, values: readonly T[]): T {
  return values[draw(indexBelow, values.length)] as T;
}

const indexes = new Map<number, fc.Arbitrary<number>>();

function indexBelow(count: number): fc.Arbitrary<number> {
  const known = indexes.get(count) ?? fc.constantFrom(...Array.from({ length: count }).keys());
  indexes.set(count, known);
  return known;
}

function drawValue(draw: Draw, schema: CrdSchema, depth: number): unknown {
  if (schema.enum !== undefined) return pick(draw, schema.enum);
  if (schema['x-kubernetes-int-or-string'] === true) return pick(draw, [1, 80, '80', '50%', 'http']);
  switch (schema.type) {
    case 'object':
      return drawObject(draw, schema, depth);
    case 'array':
      return drawArray(draw, schema, depth);
    case 'integer':
      return drawInteger(draw, schema);
    case 'number':
      return pick(draw, [0, 0.5, 1, 50, 99.9, 100, -1]);
    case 'boolean':
      return draw(fc.boolean);
    default:
      return drawString(draw, schema);
  }
}

function drawObject(draw: Draw, schema: CrdSchema, depth: number): unknown {
  const { properties, additionalProperties, required = [] } = schema;
  if (properties === undefined) {
    if (typeof additionalProperties !== 'object') return {};
    const keys = draw(fc.uniqueArray, fc.constantFrom(...someKeys), { maxLength: 2 });
    return Object.fromEntries(keys.map((key) => [key, drawValue(draw, additionalProperties, depth + 1)]));
  }
  const result: Record<string, unknown> = {};
  const shut = shutOut(draw, schema);
  const kindOfUnion = unionField(properties);
  if (kindOfUnion !== undefined) {
    const choice = String(drawValue(draw, properties[kindOfUnion] as CrdSchema, depth));
    result[kindOfUnion] = choice;
    for (const name of Object.keys(properties)) {
      const chosen = name.toLowerCase() === choice.toLowerCase();
      if (isMember(properties, kindOfUnion, name) && draw(fc.nat, { max: 19 }) > 0 && !chosen) shut.add(name);
      if (chosen) result[name] = drawValue(draw, properties[name] as CrdSchema, depth + 1);
    }
  }
  for (const [name, field] of Object.entries(properties)) {
    if (Object.hasOwn(result, name) || shut.has(name)) continue;
    const wanted = required.includes(name)
      ? draw(fc.nat, { max: 99 }) > 0
      : draw(fc.nat, { max: 9 }) < wantedOften(depth);
    if (wanted) result[name] = drawValue(draw, field, depth + 1);
  }
  return result;
}

/** Tenths: the deeper the fewer, so that objects stay small while every field comes up. */
function wantedOften(depth: number): number {
  return depth < 2 ? 6 : depth < 5 ? 4 : 3;
}

/** Of fields that exclude each other (`oneOf` of `required`) all but one, mostly. */
function shutOut(draw: Draw, schema: CrdSchema): Set<string> {
  const unions = [schema, ...(schema.allOf ?? [])].flatMap(({ oneOf }) => (oneOf === undefined ? [] : [oneOf]));
  const shut = new Set<string>();
  for (const union of unions) {
    if (draw(fc.nat, { max: 19 }) === 0) continue;
    const members = union.flatMap(({ required: [name] = [] }) => (name === undefined ? [] : [name]));
    const chosen = draw(fc.nat, { max: members.length });
    for (const [index, name] of members.entries()) if (index !== chosen) shut.add(name);
  }
  return shut;
}

/** `type` where it names its sibling: `type: RequestMirror` with `requestMirror`. */
function unionField(properties: Readonly<Record<string, CrdSchema>>): string | undefined {
  return Object.keys(properties).find((name) =>
    Object.keys(properties).some((other) => isMember(properties, name, other)),
  );
}

function isMember(properties: Readonly<Record<string, CrdSchema>>, union: string, name: string): boolean {
  return (properties[union]?.enum ?? []).some((value) => String(value).toLowerCase() === name.toLowerCase());
}

function drawArray(draw: Draw, { items = {}, minItems = 0, maxItems = 3 }: CrdSchema, depth: number): unknown[] {
  const length = Math.max(minItems, draw(fc.nat, { max: Math.min(maxItems, depth < 4 ? 3 : 2) }));
  const result: unknown[] = [];
  while (result.length < length) {
    const last = result.at(-1);
    const alike = isMap(last) && draw(fc.nat, { max: 2 }) === 0;
    result.push(alike ? drawAlike(draw, items, { last, depth }) : drawValue(draw, items, depth + 1));
  }
  return result;
}

/** The last item with one field otherwise: many rules are about items that have most in common. */
function drawAlike(
  draw: Draw,
  { properties = {} }: CrdSchema,
  { last, depth }: { readonly last: Readonly<Record<string, unknown>>; readonly depth: number },
): unknown {
  const [name, field] = pick(draw, [...Object.entries(properties), ['', {}] as const]);
  const { [name]: before, ...rest } = last;
  if (name === '' || before !== undefined) return rest;
  return { ...rest, [name]: drawValue(draw, field, depth + 1) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function drawInteger(draw: Draw, { minimum = 0, maximum = 1_000_000 }: CrdSchema): number {
  const some = [minimum, minimum + 1, 80, 443, 1000, maximum].filter((one) => one >= minimum && one <= maximum);
  return pick(draw, some);
}

const matching = new Map<string, fc.Arbitrary<string>>();

function drawString(draw: Draw, { pattern, format, minLength = 0, maxLength = 1_000 }: CrdSchema): string {
  if (format === 'date-time') return '2026-01-31T12:00:00Z';
  const fits = (text: string): boolean => text.length >= minLength && text.length <= maxLength;
  if (pattern !== undefined) {
    const regExp = new RegExp(pattern);
    const plain = someTexts.filter((text) => fits(text) && regExp.test(text));
    // What people write, mostly; else anything that the pattern takes.
    if (plain.length > 0 && draw(fc.nat, { max: 4 }) > 0) return pick(draw, plain);
    const arbitrary = matching.get(pattern) ?? fc.stringMatching(regExp, { size: 'small' });
    matching.set(pattern, arbitrary);
    return draw(() => arbitrary).slice(0, maxLength);
  }
  return pick(draw, someTexts.filter(fits));
}

const someKeys = ['app', 'version', 'a/b', '80', '8080', '0', '65536', 'http', 'x*', ''];

const someTexts = [
  ...[
    'HTTP',
    'HTTPS',
    'TLS',
    'TCP',
    'UDP',
    'GRPC',
    'Exact',
    'RegularExpression',
    'Hostname',
    'IPAddress',
    'NamedAddress',
  ],
  ...['', 'a', 'v1', 'web', 'http', 'GET', 'Service', 'Gateway', 'Secret', 'gateway.networking.k8s.io', 'istio'],
  ...['example.com', '*.example.com', 'a.b.svc.cluster.local', '*', '.', './*', '*/*', 'default/web', 'mesh'],
  ...['/', '/a', '/a/b', '/a.B/C', '/a*', '*/b', '/a//b', '/{*}/x', '/{**}', 'a.B', 'Get', '^a+$', '(', '[a-z]*'],
  ...['1s', '0s', '10ms', '1.5h', '100000h', '1h30m', 'x', '80', '0', '65535', '65536', '-1'],
  ...['10.0.0.1', '10.0.0.0/8', '::1', '1.2.3', 'https://example.com/jwks', 'unix:///run/s', 'not a url', 'x y'],
  ...['request.headers[x]', 'source.ip', 'source.namespace', 'destination.port', 'request.auth.claims[iss]', 'x-a'],
  ...[
    '5xx',
    'gateway-error',
    'unavailable,cancelled',
    '503',
    'a,b',
    'UPPER',
    'under_score',
    'user-agent',
    'Content-Type',
  ],
];
