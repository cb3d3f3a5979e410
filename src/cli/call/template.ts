import { create, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

/**
 * A message that shows its own shape when printed with default values: each list and map has one element, each nested
 * message is there, down to where a type would repeat itself. (`describe -msg-template`)
 */
export function makeTemplate(schema: DescMessage): Message {
  return template(schema, []).message;
}

function template(schema: DescMessage, path: readonly DescMessage[]): ReflectMessage {
  const message = reflect(schema, create(schema));
  if (path.includes(schema)) return message;
  if (fillSpecial(message)) return message;
  for (const field of schema.fields) fillField(message, { field, path: [...path, schema] });
  return message;
}

function fillField(
  message: ReflectMessage,
  what: { readonly field: DescField; readonly path: readonly DescMessage[] },
): void {
  const { field, path } = what;
  switch (field.fieldKind) {
    case 'list':
      message.get(field).add(elementOf(field, path));
      break;
    case 'map':
      message.get(field).set(zeroOf(field.mapKey), elementOf(field, path));
      break;
    case 'message':
      message.set(field, template(field.message, path));
      break;
    case 'enum':
    case 'scalar':
      break;
  }
}

function elementOf(field: DescField, path: readonly DescMessage[]): unknown {
  if (field.message !== undefined) return template(field.message, path);
  return field.enum === undefined ? zeroOf(field.scalar) : 0;
}

const bigTypes: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

function zeroOf(type: ScalarType | undefined): unknown {
  if (type === ScalarType.STRING) return '';
  if (type === ScalarType.BYTES) return new Uint8Array();
  if (type === ScalarType.BOOL) return false;
  return bigTypes.has(type) ? 0n : 0;
}

/** Types whose JSON form may not be empty, filled with words about what they take. */
function fillSpecial(message: ReflectMessage): boolean {
  const set = (name: string, value: unknown): void => {
    const field = message.desc.fields.find((one) => one.name === name);
    if (field !== undefined) message.set(field, value);
  };
  const child = (name: string): DescMessage | undefined =>
    message.desc.fields.find((one) => one.name === name)?.message;
  switch (message.desc.typeName) {
    case 'google.protobuf.Any':
      set('type_url', 'type.googleapis.com/google.protobuf.Empty');
      return true;
    case 'google.protobuf.Struct':
      fillStruct(message, ['google.protobuf.Struct', 'supports arbitrary JSON objects']);
      return true;
    case 'google.protobuf.Value': {
      const struct = child('struct_value');
      if (struct !== undefined)
        set('struct_value', structOf(struct, ['google.protobuf.Value', 'supports arbitrary JSON']));
      return true;
    }
    case 'google.protobuf.ListValue': {
      const values = message.desc.fields[0];
      const struct = values?.message?.fields.find((one) => one.name === 'struct_value');
      if (values?.fieldKind !== 'list' || values.message === undefined || struct?.message === undefined) return false;
      const value = reflect(values.message, create(values.message));
      value.set(
        struct,
        structOf(struct.message, ['google.protobuf.ListValue', 'is an array of arbitrary JSON values']),
      );
      message.get(values).add(value);
      return true;
    }
    default:
      return false;
  }
}

function structOf(schema: DescMessage, entry: readonly [key: string, text: string]): ReflectMessage {
  const struct = reflect(schema, create(schema));
  fillStruct(struct, entry);
  return struct;
}

function fillStruct(struct: ReflectMessage, [key, text]: readonly [key: string, text: string]): void {
  const fields = struct.desc.fields[0];
  const string = fields?.message?.fields.find((one) => one.name === 'string_value');
  if (fields?.fieldKind !== 'map' || fields.message === undefined || string === undefined) return;
  const value = reflect(fields.message, create(fields.message));
  value.set(string, text);
  struct.get(fields).set(key, value);
}
