import type {
  DescEnum,
  DescEnumValue,
  DescExtension,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
  Message,
  Registry,
} from '@bufbuild/protobuf';
import {
  EnumOptionsSchema,
  EnumValueOptionsSchema,
  ExtensionRangeOptionsSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldOptionsSchema,
  MessageOptionsSchema,
  MethodOptionsSchema,
  OneofOptionsSchema,
  ServiceOptionsSchema,
  type DescriptorProto_ExtensionRange,
} from '@bufbuild/protobuf/wkt';
import { fileOf, type Describable } from './describable.ts';
import { compareOptions, protoOptions, quoteString, type ProtoOption } from './proto-options.ts';
import { leadingComment } from './source-comments.ts';

/**
 * The proto source of an element as `grpcurl describe` prints it: types fully qualified with a leading dot, elements
 * sorted, no blank lines, doc comments where the descriptor has them. No newline at the end.
 */
export function printProto(element: Describable, registry: Registry): string {
  return print(element, { registry, indent: 0 }).join('\n');
}

interface Context {
  readonly registry: Registry;
  readonly indent: number;
}

const maxFieldNumber = 536_870_911;
const maxEnumNumber = 2_147_483_647;

function print(element: Describable, context: Context): string[] {
  switch (element.kind) {
    case 'service':
      return printService(element, context);
    case 'rpc':
      return printMethod(element, context);
    case 'message':
      return printMessage(element, context);
    case 'field':
      return printField(element, context);
    case 'extension':
      return printExtensions([element], context);
    case 'oneof':
      return printOneof(element, context);
    case 'enum':
      return printEnum(element, context);
    case 'enum_value':
      return printEnumValue(element, context);
  }
}

function printService(service: DescService, context: Context): string[] {
  const inner = deeper(context);
  return [
    ...comment(service, context),
    line(context, `service ${service.name} {`),
    ...longOptions({ schema: ServiceOptionsSchema, message: service.proto.options }, inner),
    ...byName(service.methods).flatMap((method) => printMethod(method, inner)),
    line(context, '}'),
  ];
}

function printMethod(method: DescMethod, context: Context): string[] {
  const input = `${method.proto.clientStreaming ? 'stream ' : ''}.${method.input.typeName}`;
  const output = `${method.proto.serverStreaming ? 'stream ' : ''}.${method.output.typeName}`;
  const head = `rpc ${method.name} ( ${input} ) returns ( ${output} )`;
  const options = longOptions({ schema: MethodOptionsSchema, message: method.proto.options }, deeper(context));
  return [
    ...comment(method, context),
    ...(options.length === 0
      ? [line(context, `${head};`)]
      : [line(context, `${head} {`), ...options, line(context, '}')]),
  ];
}

function printMessage(message: DescMessage, context: Context): string[] {
  return [
    ...comment(message, context),
    line(context, `message ${message.name} {`),
    ...printMessageBody(message, deeper(context)),
    line(context, '}'),
  ];
}

function printMessageBody(message: DescMessage, context: Context): string[] {
  const groups = new Set(
    [...message.fields, ...message.nestedExtensions].filter(isGroup).map((field) => field.message),
  );
  const printed = new Set<DescOneof>();
  const fields = [...message.fields].sort((a, b) => a.number - b.number);
  return [
    ...longOptions({ schema: MessageOptionsSchema, message: message.proto.options }, context),
    ...fields.flatMap((field) => {
      if (field.oneof === undefined) return printField(field, context);
      if (printed.has(field.oneof)) return [];
      printed.add(field.oneof);
      return printOneof(field.oneof, context);
    }),
    ...byName(message.nestedMessages).flatMap((nested) => (groups.has(nested) ? [] : printMessage(nested, context))),
    ...byName(message.nestedEnums).flatMap((nested) => printEnum(nested, context)),
    ...printExtensionRanges(message, context),
    ...printExtensions(message.nestedExtensions, context),
    ...printReserved(
      {
        ranges: message.proto.reservedRange.map((range) => ({ start: range.start, end: range.end - 1 })),
        names: message.proto.reservedName,
        max: maxFieldNumber,
        file: message.file,
      },
      context,
    ),
  ];
}

function printField(field: DescField | DescExtension, context: Context): string[] {
  const { proto } = field;
  const label = fieldLabel(field);
  const isGroupField = isGroup(field);
  const type = isGroupField ? `group ${field.message?.name ?? ''}` : `${typeName(field)} ${field.name}`;
  const options = shortOptions(fieldOptions(field, context), context);
  const head = `${label}${type} = ${proto.number}${options}`;
  if (!isGroupField || field.message === undefined) return [...comment(field, context), line(context, `${head};`)];
  return [
    ...comment(field.message, context),
    line(context, `${head} {`),
    ...printMessageBody(field.message, deeper(context)),
    line(context, '}'),
  ];
}

function fieldOptions(field: DescField | DescExtension, context: Context): ProtoOption[] {
  const options = protoOptions({ schema: FieldOptionsSchema, message: field.proto.options }, context.registry);
  if (field.proto.defaultValue !== '') options.push({ name: 'default', value: () => defaultText(field) });
  const { jsonName } = field.proto;
  if (field.kind === 'field' && jsonName !== '' && jsonName !== protoJsonName(field.name)) {
    options.push({ name: 'json_name', value: () => quoteString(jsonName) });
  }
  return options.sort(compareOptions);
}

function defaultText(field: DescField | DescExtension): string {
  const { defaultValue: text, type } = field.proto;
  if (type === FieldDescriptorProto_Type.STRING) return quoteString(text);
  // Bytes are kept escaped in descriptors.
  if (type === FieldDescriptorProto_Type.BYTES) return `"${text}"`;
  const isFloat = type === FieldDescriptorProto_Type.FLOAT || type === FieldDescriptorProto_Type.DOUBLE;
  return isFloat && Number.isFinite(Number(text)) ? Number(text).toFixed(6) : text;
}

function fieldLabel(field: DescField | DescExtension): string {
  const { label, proto3Optional } = field.proto;
  if (proto3Optional) return 'optional ';
  if (field.fieldKind === 'map' || field.oneof !== undefined) return '';
  if (label === FieldDescriptorProto_Label.REPEATED) return 'repeated ';
  if (label === FieldDescriptorProto_Label.REQUIRED) return 'required ';
  const { syntax } = fileOf(field).proto;
  return syntax === '' || syntax === 'proto2' ? 'optional ' : '';
}

function typeName(field: DescField | DescExtension): string {
  if (field.fieldKind === 'map') return `map<${scalarName(field.mapKey)}, ${valueTypeName(field)}>`;
  return valueTypeName(field);
}

function valueTypeName(field: DescField | DescExtension): string {
  if (field.message !== undefined) return `.${field.message.typeName}`;
  return field.enum === undefined ? scalarName(field.scalar) : `.${field.enum.typeName}`;
}

/** The codec's ScalarType has the numbers of the descriptor's type. */
function scalarName(type: number | undefined): string {
  const names: Readonly<Record<number, string>> = {
    1: 'double',
    2: 'float',
    3: 'int64',
    4: 'uint64',
    5: 'int32',
    6: 'fixed64',
    7: 'fixed32',
    8: 'bool',
    9: 'string',
    12: 'bytes',
    13: 'uint32',
    15: 'sfixed32',
    16: 'sfixed64',
    17: 'sint32',
    18: 'sint64',
  };
  return names[type ?? 0] ?? '';
}

function printOneof(oneof: DescOneof, context: Context): string[] {
  const inner = deeper(context);
  return [
    ...comment(oneof, context),
    line(context, `oneof ${oneof.name} {`),
    ...longOptions({ schema: OneofOptionsSchema, message: oneof.proto.options }, inner),
    ...[...oneof.fields].sort((a, b) => a.number - b.number).flatMap((field) => printField(field, inner)),
    line(context, '}'),
  ];
}

/** Extensions of one message stand in one block. */
function printExtensions(extensions: readonly DescExtension[], context: Context): string[] {
  const byExtendee = Map.groupBy(extensions, (extension) => extension.extendee.typeName);
  return [...byExtendee]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([extendee, members]) => [
      line(context, `extend .${extendee} {`),
      ...members.sort((a, b) => a.number - b.number).flatMap((extension) => printField(extension, deeper(context))),
      line(context, '}'),
    ]);
}

function printExtensionRanges(message: DescMessage, context: Context): string[] {
  const ranges = [...message.proto.extensionRange].sort((a, b) => a.start - b.start);
  const optionsText = (range: DescriptorProto_ExtensionRange): string =>
    shortOptions(
      protoOptions({ schema: ExtensionRangeOptionsSchema, message: range.options }, context.registry),
      context,
    );
  const blocks = Map.groupBy(ranges, optionsText);
  return [...blocks].map(([options, members]) => {
    const text = members.map((range) => rangeText({ start: range.start, end: range.end - 1 }, maxFieldNumber));
    return line(context, `extensions ${text.join(', ')}${options};`);
  });
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function rangeText({ start, end }: Range, max: number): string {
  return start === end ? `${start}` : end === max ? `${start} to max` : `${start} to ${end}`;
}

function printReserved(
  reserved: {
    readonly ranges: readonly Range[];
    readonly names: readonly string[];
    readonly max: number;
    readonly file: DescFile;
  },
  context: Context,
): string[] {
  const ranges = [...reserved.ranges].sort((a, b) => a.start - b.start).map((range) => rangeText(range, reserved.max));
  const isEdition = reserved.file.proto.syntax === 'editions';
  const names = [...reserved.names].sort().map((name) => (isEdition ? name : quoteString(name)));
  return [ranges, names]
    .filter((items) => items.length > 0)
    .map((items) => line(context, `reserved ${items.join(', ')};`));
}

function printEnum(enumeration: DescEnum, context: Context): string[] {
  const inner = deeper(context);
  const values = [...enumeration.values].sort((a, b) => {
    // The first value of an open enum must be zero.
    if (enumeration.open && a.number !== b.number && (a.number === 0 || b.number === 0)) return a.number === 0 ? -1 : 1;
    return a.number - b.number || (a.name < b.name ? -1 : 1);
  });
  const { reservedRange, reservedName } = enumeration.proto;
  return [
    ...comment(enumeration, context),
    line(context, `enum ${enumeration.name} {`),
    ...longOptions({ schema: EnumOptionsSchema, message: enumeration.proto.options }, inner),
    ...values.flatMap((value) => printEnumValue(value, inner)),
    ...printReserved({ ranges: reservedRange, names: reservedName, max: maxEnumNumber, file: enumeration.file }, inner),
    line(context, '}'),
  ];
}

function printEnumValue(value: DescEnumValue, context: Context): string[] {
  const options = protoOptions({ schema: EnumValueOptionsSchema, message: value.proto.options }, context.registry);
  return [
    ...comment(value, context),
    line(context, `${value.name} = ${value.number}${shortOptions(options, context)};`),
  ];
}

function longOptions(
  what: { readonly schema: DescMessage; readonly message: Message | undefined },
  context: Context,
): string[] {
  return protoOptions(what, context.registry).flatMap((option) =>
    line(context, `option ${option.name} = ${option.value(context.indent)};`).split('\n'),
  );
}

/** More options than this, or longer ones, stand one to a line. */
const shortOptionCount = 3;
const shortOptionLength = 50;

function shortOptions(options: readonly ProtoOption[], context: Context): string {
  if (options.length === 0) return '';
  const inline = options.map((option) => `${option.name} = ${option.value(-1)}`).join(', ');
  if (options.length <= shortOptionCount && Buffer.byteLength(inline) <= shortOptionLength) return ` [${inline}]`;
  const inner = deeper(context);
  const lines = options.map((option) => line(inner, `${option.name} = ${option.value(inner.indent)}`));
  return ` [\n${lines.join(',\n')}\n${'  '.repeat(context.indent)}]`;
}

function comment(element: Describable, context: Context): string[] {
  return leadingComment(element, fileOf(element)).map((text) => line(context, text));
}

function isGroup(field: DescField | DescExtension): boolean {
  return field.proto.type === FieldDescriptorProto_Type.GROUP;
}

/** protoc's rule: an underscore goes and the letter after it is raised. */
function protoJsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

function byName<T extends { readonly name: string }>(elements: readonly T[]): T[] {
  return [...elements].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function deeper(context: Context): Context {
  return { ...context, indent: context.indent + 1 };
}

function line(context: Context, text: string): string {
  return '  '.repeat(context.indent) + text;
}
