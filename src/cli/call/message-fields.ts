import {
  getExtension,
  hasExtension,
  isMessage,
  type DescExtension,
  type DescField,
  type Message,
  type Registry,
} from '@bufbuild/protobuf';
import { isReflectList, isReflectMap, reflect, type ReflectMap, type ReflectMessage } from '@bufbuild/protobuf/reflect';

/** One field of a message with its value, extensions included. */
export type FieldValue = {
  readonly desc: DescField | DescExtension;
  /** The same as `desc` when it is an extension. */
  readonly extension: DescExtension | undefined;
} & (
  | { readonly kind: 'unset' }
  | { readonly kind: 'single'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly unknown[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<MapKey, unknown> }
);

/**
 * The fields to print, by number: those that are set, and with `emitDefaults` also the others outside of oneofs.
 * Messages in values are `ReflectMessage`.
 */
export function presentFields(
  message: ReflectMessage,
  options: { readonly registry: Registry; readonly emitDefaults: boolean },
): FieldValue[] {
  const values: FieldValue[] = [];
  for (const field of message.sortedFields) {
    const isOptional = field.oneof !== undefined || field.proto.proto3Optional;
    if (message.isSet(field) || (options.emitDefaults && !isOptional)) values.push(fieldValue(message, field));
  }
  for (const extension of setExtensions(message, options.registry)) {
    values.push(extensionValue(message.message, extension));
  }
  return values.sort((a, b) => a.desc.number - b.desc.number);
}

function fieldValue(message: ReflectMessage, field: DescField): FieldValue {
  const base = { desc: field, extension: undefined };
  const value: unknown = message.get(field);
  if (isReflectList(value)) return { ...base, kind: 'list', items: [...value] };
  if (isReflectMap(value)) return { ...base, kind: 'map', entries: new Map(mapEntries(value)) };
  if (field.fieldKind === 'message' && !message.isSet(field)) return { ...base, kind: 'unset' };
  return { ...base, kind: 'single', value };
}

function mapEntries(map: ReflectMap): [MapKey, unknown][] {
  return [...map].flatMap(([key, value]) => (isMapKey(key) ? [[key, value]] : []));
}

function isMapKey(key: unknown): key is MapKey {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof key);
}

function setExtensions(message: ReflectMessage, registry: Registry): DescExtension[] {
  const numbers = new Set((message.getUnknown() ?? []).map((field) => field.no));
  return [...numbers].flatMap((number) => {
    const extension = registry.getExtensionFor(message.desc, number);
    return extension !== undefined && hasExtension(message.message, extension) ? [extension] : [];
  });
}

function extensionValue(message: Message, extension: DescExtension): FieldValue {
  const base = { desc: extension, extension };
  const value: unknown = getExtension(message, extension);
  const wrap = (one: unknown): unknown =>
    extension.message !== undefined && isMessage(one) ? reflect(extension.message, one) : one;
  return Array.isArray(value)
    ? { ...base, kind: 'list', items: value.map(wrap) }
    : { ...base, kind: 'single', value: wrap(value) };
}

/** A key of a map field. */
export type MapKey = string | number | bigint | boolean;

/** Map entries in the order Go's library prints them: numbers by value, strings by their bytes, false before true. */
export function sortedEntries(entries: ReadonlyMap<MapKey, unknown>): [MapKey, unknown][] {
  return [...entries].sort(([a], [b]) =>
    typeof a === 'string' && typeof b === 'string'
      ? Buffer.compare(Buffer.from(a), Buffer.from(b))
      : a < b
        ? -1
        : Number(a > b),
  );
}
