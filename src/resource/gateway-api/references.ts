import { z } from 'zod';
import { isIP } from '../address.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import {
  apiGroup,
  hostname,
  kindName,
  namespaceName,
  objectName,
  portNumber,
  present,
  subdomainName,
} from '../fields.ts';
import type { Origin } from '../../base/index.ts';
import type { Located } from '../object.ts';

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
