import type { DescMessage, Message, Registry } from '@bufbuild/protobuf';
import { isReflectMessage, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { quoteBytes } from './go-text.ts';
import { presentFields, sortedEntries, type FieldValue } from './message-fields.ts';

/** One `name = value` of an option list; a repeated option is several. */
export interface ProtoOption {
  readonly name: string;
  /** The value as source text; message values depend on how deep they stand. */
  value(indent: number): string;
}

/** The options of an element, custom ones last, each group by name. */
export function protoOptions(
  what: { readonly schema: DescMessage; readonly message: Message | undefined },
  registry: Registry,
): ProtoOption[] {
  if (what.message === undefined) return [];
  const fields = presentFields(reflect(what.schema, what.message), { registry, emitDefaults: false });
  return fields.flatMap((field) => optionsOf(field, registry)).sort(compareOptions);
}

/** Built-in names before custom ones, then by name. */
export function compareOptions(a: ProtoOption, b: ProtoOption): number {
  const rank = Number(a.name.startsWith('(')) - Number(b.name.startsWith('('));
  return rank !== 0 ? rank : a.name < b.name ? -1 : Number(a.name > b.name);
}

/** A string as source text: printable characters as they are. */
export function quoteString(text: string): string {
  let quoted = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) quoted += quoteBytes(Uint8Array.of(code)).slice(1, -1);
    else if (!/[\p{C}\p{Z}]/u.test(character)) quoted += character;
    else if (code > 0xffff) quoted += `\\U${code.toString(16).toUpperCase().padStart(8, '0')}`;
    else quoted += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return `"${quoted}"`;
}

function optionsOf(field: FieldValue, registry: Registry): ProtoOption[] {
  const name = field.extension === undefined ? field.desc.name : `(.${field.extension.typeName})`;
  switch (field.kind) {
    case 'unset':
      return [];
    case 'map':
      return sortedEntries(field.entries).map(([key, value]) => ({
        name,
        value: (indent) => `{ key: ${scalarText(key)}, value: ${literal(value, { field, registry, indent })} }`,
      }));
    case 'list':
      return field.items.map((item) => ({ name, value: (indent) => literal(item, { field, registry, indent }) }));
    case 'single':
      return [{ name, value: (indent) => literal(field.value, { field, registry, indent }) }];
  }
}

interface Place {
  readonly field: FieldValue;
  readonly registry: Registry;
  /** Negative: all on one line. */
  readonly indent: number;
}

/** Longer message literals are spread over lines. */
const longLiteral = 50;

function literal(value: unknown, place: Place): string {
  const { desc } = place.field;
  if (isReflectMessage(value)) {
    return maybeCompact(place.indent, (indent) => messageLiteral(value, { ...place, indent }));
  }
  if (desc.enum !== undefined) return desc.enum.value[Number(value)]?.name ?? String(value);
  return scalarText(value);
}

function scalarText(value: unknown): string {
  if (typeof value === 'string') return quoteString(value);
  if (value instanceof Uint8Array) return quoteBytes(value);
  // Integers of 32 bits and floats look alike here; only a fraction tells them apart, and Go prints six digits of it.
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(6);
  return String(value);
}

/** On one line where it is short or cannot be spread sensibly. */
function maybeCompact(indent: number, print: (indent: number) => string): string {
  const compact = print(-1);
  const commas = compact.split(',').length - 1;
  const braces = compact.split('{').length - 1;
  if (indent < 0 || (commas <= 1 && braces === 1) || compact.length <= longLiteral) return compact;
  return print(indent);
}

function messageLiteral(message: ReflectMessage, place: Place): string {
  const inner = place.indent < 0 ? place.indent : place.indent + 1;
  const fields = presentFields(message, { registry: place.registry, emitDefaults: false });
  const entries = fields.flatMap((field) => {
    const name = field.extension === undefined ? field.desc.name : `[.${field.extension.typeName}]`;
    switch (field.kind) {
      case 'unset':
        return [];
      case 'single':
        return [`${name}: ${literal(field.value, { ...place, field, indent: inner })}`];
      case 'list':
        return [`${name}: ${listLiteral(field.items, { ...place, field, indent: inner })}`];
      case 'map': {
        const items = sortedEntries(field.entries).map(
          ([key, value]) => `{ key: ${scalarText(key)}, value: ${literal(value, { ...place, field, indent: -1 })} }`,
        );
        return [`${name}: ${brackets(items, inner)}`];
      }
    }
  });
  return `{${entries.map((entry) => newLine(inner) + entry).join(',')}${newLine(place.indent)}}`;
}

function listLiteral(items: readonly unknown[], place: Place): string {
  return maybeCompact(place.indent, (indent) =>
    brackets(
      items.map((item) => literal(item, { ...place, indent: indent < 0 ? indent : indent + 1 })),
      indent,
    ),
  );
}

function brackets(items: readonly string[], indent: number): string {
  const inner = indent < 0 ? indent : indent + 1;
  return `[${items.map((item) => newLine(inner) + item).join(',')}${newLine(indent)}]`;
}

function newLine(indent: number): string {
  return indent < 0 ? ' ' : `\n${'  '.repeat(indent)}`;
}
