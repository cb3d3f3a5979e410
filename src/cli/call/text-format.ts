import { fromBinary, ScalarType, type DescMessage, type Message, type Registry } from '@bufbuild/protobuf';
import { isReflectMessage, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { formatGoFloat, quoteBytes } from './go-text.ts';
import { presentFields, sortedEntries, type FieldValue } from './message-fields.ts';

/**
 * A message in the protobuf text format as grpcurl prints it (messages in angle brackets), no newline at the end. The
 * codec's own `toText` prints braces.
 */
export function formatText(schema: DescMessage, message: Message, registry: Registry): string {
  return messageText(reflect(schema, message), { registry, indent: '' }).join('\n');
}

/** An `Any` in expanded form where its type is known; used for the details of errors. */
export function formatAnyText(any: Any, registry: Registry): string {
  const schema = registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1));
  if (schema === undefined) {
    const value = any.value.length === 0 ? [] : [`value: ${quoteBytes(any.value)}`];
    return [`type_url: ${quoteBytes(Buffer.from(any.typeUrl))}`, ...value].join('\n');
  }
  const lines = messageText(reflect(schema, fromBinary(schema, any.value)), { registry, indent: '  ' });
  return [`[${any.typeUrl}]: <`, ...lines, '>'].join('\n');
}

interface Context {
  readonly registry: Registry;
  readonly indent: string;
}

function messageText(message: ReflectMessage, context: Context): string[] {
  const fields = presentFields(message, { registry: context.registry, emitDefaults: false });
  return fields.flatMap((field) => fieldText(field, context));
}

function fieldText(field: FieldValue, context: Context): string[] {
  switch (field.kind) {
    case 'unset':
      return [];
    case 'single':
      return valueText(fieldName(field), { field, value: field.value, context });
    case 'list':
      return field.items.flatMap((value) => valueText(fieldName(field), { field, value, context }));
    case 'map': {
      const inner = { ...context, indent: `${context.indent}  ` };
      return sortedEntries(field.entries).flatMap(([key, value]) => [
        `${context.indent}${fieldName(field)}: <`,
        `${inner.indent}key: ${typeof key === 'string' ? quoteBytes(Buffer.from(key)) : String(key)}`,
        ...valueText('value', { field, value, context: inner }),
        `${context.indent}>`,
      ]);
    }
  }
}

function fieldName(field: FieldValue): string {
  if (isGroup(field)) return field.desc.message?.name ?? field.desc.name;
  return field.extension === undefined ? field.desc.name : `[${field.extension.typeName}]`;
}

function isGroup(field: FieldValue): boolean {
  const { desc } = field;
  return (
    (desc.fieldKind === 'message' || (desc.fieldKind === 'list' && desc.listKind === 'message')) &&
    desc.delimitedEncoding
  );
}

function valueText(
  name: string,
  what: { readonly field: FieldValue; readonly value: unknown; readonly context: Context },
): string[] {
  const { field, value, context } = what;
  if (!isReflectMessage(value)) return [`${context.indent}${name}: ${scalarText(value, field)}`];
  const [open, close] = isGroup(field) ? ['{', '}'] : [': <', '>'];
  const inner = { ...context, indent: `${context.indent}  ` };
  const lines = bodyText(value, inner);
  return [
    `${context.indent}${name}${open}`,
    // grpcurl leaves a line with nothing but its indent where there are no fields.
    ...(lines.length === 0 ? [inner.indent] : lines),
    `${context.indent}${close}`,
  ];
}

/** grpcurl holds these as Go's generated types, which it prints in the compact form on one line. */
const compactType =
  /^google\.protobuf\.(Any|Empty|Duration|Timestamp|Struct|Value|ListValue|(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

function bodyText(message: ReflectMessage, context: Context): string[] {
  return compactType.test(message.desc.typeName)
    ? [context.indent + compactText(message, context)]
    : messageText(message, context);
}

function compactText(message: ReflectMessage, context: Context): string {
  const value = (one: unknown, field: FieldValue): string =>
    isReflectMessage(one) ? `<${compactText(one, context)}>` : scalarText(one, field);
  const fields = presentFields(message, { registry: context.registry, emitDefaults: false });
  return fields
    .flatMap((field) => {
      const { name } = field.desc;
      switch (field.kind) {
        case 'unset':
          return [];
        case 'single':
          return [`${name}:${value(field.value, field)} `];
        case 'list':
          return field.items.map((item) => `${name}:${value(item, field)} `);
        case 'map':
          return sortedEntries(field.entries).map(
            ([key, one]) => `${name}:<key:${quoteBytes(Buffer.from(String(key)))} value:${value(one, field)} > `,
          );
      }
    })
    .join('');
}

function scalarText(value: unknown, field: FieldValue): string {
  const { desc } = field;
  if (desc.enum !== undefined) return desc.enum.value[Number(value)]?.name ?? String(value);
  if (typeof value === 'string') return quoteBytes(Buffer.from(value));
  if (value instanceof Uint8Array) return quoteBytes(value);
  if (typeof value === 'number' && (desc.scalar === ScalarType.FLOAT || desc.scalar === ScalarType.DOUBLE)) {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    return formatGoFloat(value, desc.scalar === ScalarType.FLOAT ? 32 : 64);
  }
  return String(value);
}
