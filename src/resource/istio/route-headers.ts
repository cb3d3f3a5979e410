import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { hopByHop } from '../hop-by-hop.ts';
import { labelMap } from '../fields.ts';
import { checkAuthority } from './authority.ts';

/** What a route, or one of its destinations, does to the headers; names are lower case and in order. */
export interface RouteHeaders {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  /** New `:authority`, from `set` or `add` of `Host` or `:authority`. */
  readonly authority?: string;
}

export interface HeaderChanges {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

const changes = z
  .strictObject({ set: labelMap.default({}), add: labelMap.default({}), remove: z.array(z.string()).default([]) })
  .prefault({});

export const routeHeaders = z.strictObject({ request: changes, response: changes });

export function decodeRouteHeaders(
  value: z.output<typeof routeHeaders>,
  path: Path,
  context: DecodeContext,
): RouteHeaders {
  const { set, add } = value.request;
  const authorities = [...Object.entries(set), ...Object.entries(add)].filter(([name]) => isAuthority(name));
  if (authorities.length > 1) {
    context.error([...path, 'request'], {
      message: 'the authority is set more than once',
      remedy: 'Set Host in one place only.',
    });
  }
  const authority = authorities[0]?.[1];
  checkAuthority(authority, [...path, 'request'], context);
  return {
    request: decodeChanges(value.request, { path: [...path, 'request'], allowAuthority: true }, context),
    response: decodeChanges(value.response, { path: [...path, 'response'], allowAuthority: false }, context),
    ...(authority === undefined ? {} : { authority }),
  };
}

export function isAuthority(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ':authority' || lower === 'host';
}

interface ChangesPlace {
  readonly path: Path;
  readonly allowAuthority: boolean;
}

function decodeChanges(
  value: z.output<typeof changes>,
  { path, allowAuthority }: ChangesPlace,
  context: DecodeContext,
): HeaderChanges {
  const pairs = (field: 'set' | 'add'): HeaderChanges['set'] =>
    Object.entries(value[field])
      .filter(([name]) => !(allowAuthority && isAuthority(name)) && isChangeable(name, [...path, field, name], context))
      .map(([name, text]) => {
        checkName(name, [...path, field, name], context);
        return { name: name.toLowerCase(), value: decodeValue(text, [...path, field, name], context) };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const removed = value.remove.filter((name, index) => {
    checkName(name, [...path, 'remove', index], context);
    return isChangeable(name, [...path, 'remove', index], context);
  });
  return { set: pairs('set'), add: pairs('add'), remove: removed.map((name) => name.toLowerCase()) };
}

function isChangeable(name: string, path: Path, context: DecodeContext): boolean {
  if (!hopByHop.has(name.toLowerCase())) return true;
  context.ignore(path, {
    message: `header "${name}" is not changed: each proxy writes its own`,
    remedy: 'Take it away.',
  });
  return false;
}

function checkName(name: string, path: Path, context: DecodeContext): void {
  if (/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name) && !isAuthority(name)) return;
  context.error(path, {
    message: `"${name}" is not a header that can be changed here`,
    remedy: 'Write the name of an ordinary header; the authority can only be set, on requests.',
  });
}

/** Envoy replaces `%NAME%` in values by facts of the request, and `%%` by `%`. */
function decodeValue(text: string, path: Path, context: DecodeContext): string {
  if (/[\r\n\0]/.test(text)) {
    context.error(path, { message: 'a header value has one line', remedy: 'Take the line break away.' });
  } else if (hasControlCharacter(text) || text !== text.trim()) {
    context.refuse(path, {
      message: 'HTTP has no such header value: requests of this rule are answered with an error',
      remedy: 'Take away control characters, and spaces at the ends.',
    });
  }
  const command = /%[A-Z][A-Z0-9_]*(\([^)]*\))?(:\d+)?%/.exec(text.replaceAll('%%', ''))?.[0];
  if (command !== undefined) {
    context.refuse(path, {
      message: `${command} in a header value is not yet supported: requests of this rule are answered with an error`,
      remedy: 'Write a fixed value.',
    });
  }
  return text.replaceAll('%%', '%');
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((character) => (character < ' ' && character !== '\t') || character === '\u007f');
}
