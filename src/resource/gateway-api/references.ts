import { z } from 'zod';
import { isIP } from '../address.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import {
  apiGroup,
  headerName,
  hostname,
  kindName,
  namespaceName,
  objectName,
  portNumber,
  present,
  subdomainName,
} from '../fields.ts';
import { checkRegex } from '../regex.ts';
import { refused } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located, Unsupported } from '../object.ts';

/** Where a route wants to attach. */
export interface ParentRef {
  readonly origin: Origin;
  readonly group: string;
  readonly kind: string;
  /** The route's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** Where a rule sends its requests. */
export interface BackendRef {
  readonly origin: Origin;
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** The route's own namespace where none is written. */
  readonly namespace: string;
  readonly name: string;
  /** Always present for a Service. */
  readonly port?: number;
  readonly weight: number;
  /** Not empty: this backend's share must be answered as a failure. */
  readonly unsupported: readonly Unsupported[];
}

/** A header condition; names are lower case, of equal names only the first counts. */
export interface HeaderMatch {
  readonly origin: Origin;
  readonly name: string;
  readonly type: 'Exact' | 'RegularExpression';
  readonly value: string;
}

export const parentRefs = z
  .array(
    z.strictObject({
      group: apiGroup.default('gateway.networking.k8s.io'),
      kind: kindName.default('Gateway'),
      namespace: namespaceName.optional(),
      name: objectName,
      sectionName: subdomainName.optional(),
      port: portNumber.optional(),
    }),
  )
  .max(32)
  .default([]);

export function decodeParentRefs(refs: z.output<typeof parentRefs>, context: DecodeContext): ParentRef[] {
  checkParentRefs(refs, context);
  return refs.map(({ group, kind, namespace, name, sectionName, port }, index) => ({
    ...{ origin: context.at(['spec', 'parentRefs', index]), group, kind },
    ...{ namespace: namespace ?? context.document.namespace, name, ...present({ sectionName, port }) },
  }));
}

/** Two references to one parent must name different parts of it, both by the same means. */
function checkParentRefs(refs: z.output<typeof parentRefs>, context: DecodeContext): void {
  for (const [index, ref] of refs.entries()) {
    const earlier = refs.slice(0, index).filter((other) => sameIn(other, ref, ['group', 'kind', 'namespace', 'name']));
    const path = ['spec', 'parentRefs', index];
    if (earlier.some((other) => sameIn(other, ref, ['sectionName', 'port']))) {
      context.error(path, {
        message: `parentRef "${ref.name}" is written twice`,
        remedy: 'Give each a sectionName or port of its own, or keep one.',
      });
    }
    for (const field of ['sectionName', 'port'] as const) {
      if (earlier.every((other) => (other[field] === undefined) === (ref[field] === undefined))) continue;
      context.error(path, {
        message: `of the parentRefs to "${ref.name}" one has ${field} and another has not`,
        remedy: `Give ${field} to each of them, or to none.`,
      });
    }
  }
}

type WrittenParentRef = z.output<typeof parentRefs>[number];

function sameIn(a: WrittenParentRef, b: WrittenParentRef, fields: readonly (keyof WrittenParentRef)[]): boolean {
  return fields.every((field) => a[field] === b[field]);
}

export const hostnames = z.array(hostname).max(16).default([]);

/** Lower-case names, each with its place. */
export function decodeHostnames(names: z.output<typeof hostnames>, context: DecodeContext): Located<string>[] {
  return names.map((value, index) => {
    const path = ['spec', 'hostnames', index];
    warnOfAddress(value, path, context);
    return { value, origin: context.at(path) };
  });
}

/** The Gateway API takes no addresses as hostnames, though the pattern of its CRDs lets them pass. */
export function warnOfAddress(value: string, path: Path, context: DecodeContext): void {
  if (!isIP(value)) return;
  context.warn(path, {
    message: `hostname "${value}" is an address`,
    remedy: 'Write a DNS name, or leave the hostname out to take any.',
  });
}

export const backendRefs = z
  .array(
    z.strictObject({
      group: apiGroup.default(''),
      kind: kindName.default('Service'),
      namespace: namespaceName.optional(),
      name: objectName,
      port: portNumber.optional(),
      weight: z.int().min(0).max(1_000_000).default(1),
      filters: z.array(refused('this backend answers its share of the requests with an error')).max(16).optional(),
    }),
  )
  .max(16)
  .default([]);

export function decodeBackendRefs(
  refs: z.output<typeof backendRefs>,
  rule: Path,
  context: DecodeContext,
): BackendRef[] {
  return refs.map((ref, index) => {
    const path = [...rule, 'backendRefs', index];
    const { group, kind, name, port, weight } = ref;
    if (group === '' && kind === 'Service' && port === undefined) {
      context.error(path, { message: `backend Service "${name}" has no port`, remedy: 'Add the port of the Service.' });
    }
    return {
      origin: context.at(path),
      group,
      kind,
      namespace: ref.namespace ?? context.document.namespace,
      name,
      weight,
      ...present({ port }),
      unsupported: context.refusedBelow(path),
    };
  });
}

/** GRPCRoute takes any `value`, HTTPRoute what may stand in a header. */
export function headerMatches(value: z.ZodString) {
  const match = z.strictObject({
    name: headerName,
    type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
    value: value.min(1).max(4096),
  });
  return z.array(match).max(16).default([]);
}

export function decodeHeaderMatches(
  matches: z.output<ReturnType<typeof headerMatches>>,
  match: Path,
  context: DecodeContext,
): HeaderMatch[] {
  const decoded: HeaderMatch[] = [];
  for (const [index, { name, type, value }] of matches.entries()) {
    const path = [...match, 'headers', index];
    if (type === 'RegularExpression') checkRegex(value, [...path, 'value'], context);
    if (matches.findIndex((earlier) => earlier.name === name) < index) {
      context.error(path, {
        message: `header "${name}" is matched twice`,
        remedy: 'Put both conditions into one regular expression.',
      });
      continue;
    }
    if (decoded.some((earlier) => earlier.name === name.toLowerCase())) {
      context.warn(path, {
        message: `header "${name}" is matched twice; only the first counts`,
        remedy: 'Put both conditions into one regular expression.',
      });
      continue;
    }
    decoded.push({ origin: context.at(path), name: name.toLowerCase(), type, value });
  }
  return decoded;
}

/** Limits and uniqueness that hold over all rules of a route. */
export function checkRules(
  rules: readonly { readonly name?: string | undefined; readonly matches: readonly unknown[] }[],
  context: DecodeContext,
): void {
  const names = new Set<string>();
  for (const [index, { name }] of rules.entries()) {
    if (name === undefined) continue;
    if (names.has(name)) {
      context.error(['spec', 'rules', index, 'name'], {
        message: `rule name "${name}" is used twice in this route`,
        remedy: 'Give each rule a name of its own.',
      });
    }
    names.add(name);
  }
  const matches = rules.reduce((sum, rule) => sum + rule.matches.length, 0);
  if (matches > maxMatchesPerRoute) {
    context.error(['spec', 'rules'], {
      message: `the route has ${matches} matches, more than ${maxMatchesPerRoute}`,
      remedy: 'Split it into several routes.',
    });
  }
}

/** As the CRD has it, for the size of one object. */
const maxMatchesPerRoute = 128;
