import {
  fromBinary,
  isMessage,
  ScalarType,
  toJson,
  type DescMessage,
  type Message,
  type Registry,
} from '@bufbuild/protobuf';
import { isReflectMessage, reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { formatGoFloat, formatJsonNumber, quoteJson } from './go-text.ts';
import { presentFields, sortedEntries, type FieldValue } from './message-fields.ts';

/** How messages are printed. */
export interface JsonFormat {
  /** Types for `Any` and extensions; the server's own come first. */
  readonly registry: Registry;
  /** Types known without the server, for the details of errors. */
  readonly builtin: Registry;
  /** Print fields that have their default value. */
  readonly emitDefaults: boolean;
}

/**
 * A message as grpcurl prints it: protobuf JSON, two spaces, no newline at the end. The codec's own `toJson` is not used
 * because grpcurl's form differs from today's protobuf JSON: FieldMask is an object, floats are Go's, `<` is escaped,
 * unknown `Any` types are shown as base64.
 */
export function formatJson(schema: DescMessage, message: Message, format: JsonFormat): string {
  return messageJson(reflect(schema, message), { ...format, indent: '' });
}

interface Context extends JsonFormat {
  readonly indent: string;
}

type Entry = readonly [key: string, value: (context: Context) => string];

function messageJson(message: ReflectMessage, context: Context): string {
  return specialJson(message, context) ?? objectJson(fieldEntries(message, context), context);
}

function fieldEntries(message: ReflectMessage, context: Context): Entry[] {
  return presentFields(message, context).map((field) => [
    field.extension === undefined ? field.desc.jsonName : extensionName(field),
    (inner) => fieldJson(field, inner),
  ]);
}

/** `[scope.jsonName]`; the codec's `jsonName` of an extension has the declared name instead. */
function extensionName(field: FieldValue): string {
  const { typeName, name, proto } = field.extension ?? { typeName: '', name: '', proto: field.desc.proto };
  return `[${typeName.slice(0, typeName.length - name.length)}${proto.jsonName === '' ? name : proto.jsonName}]`;
}

function fieldJson(field: FieldValue, context: Context): string {
  switch (field.kind) {
    case 'unset':
      return 'null';
    case 'list':
      return arrayJson(
        field.items.map((item) => (inner) => valueJson(item, { field, context: inner })),
        context,
      );
    case 'map': {
      const entries = sortedEntries(field.entries);
      return objectJson(
        entries.map(([key, value]) => [String(key), (inner) => valueJson(value, { field, context: inner })]),
        context,
      );
    }
    case 'single':
      return valueJson(field.value, { field, context });
  }
}

function valueJson(value: unknown, where: { readonly field: FieldValue; readonly context: Context }): string {
  const { desc } = where.field;
  if (isReflectMessage(value)) return messageJson(value, where.context);
  if (desc.enum !== undefined) {
    const known = desc.enum.value[Number(value)];
    return known === undefined ? String(value) : quoteJson(known.name);
  }
  return scalarJson(value, { type: desc.scalar, formatFloat: formatGoFloat });
}

function scalarJson(
  value: unknown,
  as: { readonly type: ScalarType | undefined; readonly formatFloat: (value: number, bits: 32 | 64) => string },
): string {
  if (typeof value === 'bigint') return `"${value}"`;
  if (typeof value === 'string') return quoteJson(value);
  if (value instanceof Uint8Array) return quoteJson(Buffer.from(value).toString('base64'));
  if (typeof value === 'number' && (as.type === ScalarType.FLOAT || as.type === ScalarType.DOUBLE)) {
    if (!Number.isFinite(value)) return `"${value}"`;
    return as.formatFloat(value, as.type === ScalarType.FLOAT ? 32 : 64);
  }
  return String(value);
}

/** The well-known types with a JSON form of their own in grpcurl. */
function specialJson(message: ReflectMessage, context: Context): string | undefined {
  const { typeName, fields } = message.desc;
  switch (typeName) {
    case 'google.protobuf.Any':
      return isMessage(message.message, AnySchema) ? anyJson(message.message, context) : undefined;
    case 'google.protobuf.Timestamp':
    case 'google.protobuf.Duration':
      return JSON.stringify(toJson(message.desc, message.message));
    case 'google.protobuf.Struct':
    case 'google.protobuf.ListValue': {
      const [only] = presentFields(message, { ...context, emitDefaults: true });
      return only === undefined ? undefined : fieldJson(only, context);
    }
    case 'google.protobuf.Value': {
      const [only] = presentFields(message, { ...context, emitDefaults: false });
      if (only?.kind !== 'single' || only.desc.name === 'null_value') return 'null';
      return only.desc.message === undefined
        ? scalarJson(only.value, { type: only.desc.scalar, formatFloat: formatJsonNumber })
        : fieldJson(only, context);
    }
    default: {
      const [value] = fields;
      if (!/^google\.protobuf\.\w+Value$/.test(typeName) || value?.fieldKind !== 'scalar') return undefined;
      return scalarJson(message.get(value), { type: value.scalar, formatFloat: formatJsonNumber });
    }
  }
}

function anyJson(any: Any, context: Context): string {
  const name = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  const type: Entry = ['@type', () => quoteJson(any.typeUrl)];
  const schema = context.registry.getMessage(name) ?? context.builtin.getMessage(name);
  if (any.typeUrl === '' && any.value.length === 0) return '{}';
  if (schema === undefined) {
    const error = `${name} is not recognized; see @value for raw binary message data`;
    const value = Buffer.from(any.value).toString('base64');
    return objectJson([['@error', () => quoteJson(error)], type, ['@value', () => quoteJson(value)]], context);
  }
  const message = reflect(schema, fromBinary(schema, any.value));
  const special = schema.typeName === 'google.protobuf.Empty' ? '{}' : specialJson(message, deeper(context));
  if (special !== undefined)
    return objectJson([type, ['value', (inner) => specialJson(message, inner) ?? special]], context);
  const entries: Entry[] = [type, ...fieldEntries(message, context)];
  // grpcurl goes through a Go map for types it learned from the server, so these are sorted.
  if (context.registry.getMessage(name) !== undefined) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return objectJson(entries, context);
}

function objectJson(entries: readonly Entry[], context: Context): string {
  if (entries.length === 0) return '{}';
  const inner = deeper(context);
  const lines = entries.map(([key, value]) => `${inner.indent}${quoteJson(key)}: ${value(inner)}`);
  return `{\n${lines.join(',\n')}\n${context.indent}}`;
}

function arrayJson(items: readonly ((context: Context) => string)[], context: Context): string {
  if (items.length === 0) return '[]';
  const inner = deeper(context);
  return `[\n${items.map((item) => `${inner.indent}${item(inner)}`).join(',\n')}\n${context.indent}]`;
}

function deeper(context: Context): Context {
  return { ...context, indent: `${context.indent}  ` };
}
