import { FieldKind } from './field-kind.ts';
import { fieldName, permanentFieldName, type FieldName } from './field-name.ts';
import { isAuthority, isFieldValue, isMethod, isPath, isScheme, isStatus } from './field-text.ts';

/**
 * A header field, shared between connections and requests: decoded once, compared by identity afterwards.
 *
 * Values are latin1 strings, one character per byte, so every byte survives the relay.
 */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** One of `FieldKind`. */
  readonly kind: number;
  /** Must be a never-indexed literal on every hop (RFC 7541 §7.1.3). */
  readonly neverIndex: boolean;
}

/** A field with what the engine keeps beside it; every `Field` is one, made by `makeField` alone. */
export interface EngineField extends Field {
  readonly info: FieldName;
  /** Size in a header list or dynamic table: name + value + 32 (RFC 7541 §4.1). */
  readonly size: number;
  /** Makes its message malformed, whatever stands beside it. */
  readonly isMalformed: boolean;
  /** Small number for direct-mapped lookups by identity; -1: transient, never put into a table. */
  readonly id: number;
  /** Index of this name and value in HPACK's static table, 0 if none; set by static-table.ts. */
  staticIndex: number;
  /** How often an encoder met it outside its tables: a field enters dynamic tables on its second use only. */
  uses: number;
  /** Next interned field with the same value and another name. */
  next: EngineField | undefined;
}

/** RFC 7541 §4.1. */
const FIELD_OVERHEAD_BYTES = 32;

let nextId = 0;

function isValueMalformed(kind: number, value: string): boolean {
  switch (kind) {
    case FieldKind.method:
      // CONNECT would ask for a tunnel; nothing built on this engine offers one.
      return !isMethod(value) || value === 'CONNECT';
    case FieldKind.scheme:
      return !isScheme(value);
    case FieldKind.path:
      return !isPath(value);
    case FieldKind.authority:
    case FieldKind.host:
      return !isAuthority(value);
    case FieldKind.status:
      return !isStatus(value);
    case FieldKind.te:
      return value !== 'trailers';
    case FieldKind.contentLength:
      // 15 digits stay exact in a double; a longer body than a petabyte is an attack on somebody's parser.
      return !/^\d{1,15}$/.test(value);
    default:
      return !isFieldValue(value);
  }
}

/** Makes a field; `shareable` ones may enter dynamic tables. */
export function makeField(
  info: FieldName,
  value: string,
  options: { readonly shareable: boolean; readonly neverIndex: boolean },
): EngineField {
  if (options.shareable) nextId = (nextId + 1) & 0x3fffffff;
  return {
    name: info.text,
    value,
    kind: info.kind,
    neverIndex: options.neverIndex,
    info,
    size: info.text.length + value.length + FIELD_OVERHEAD_BYTES,
    isMalformed: info.isMalformed || info.isConnectionSpecific || isValueMalformed(info.kind, value),
    id: options.shareable ? nextId : -1,
    staticIndex: 0,
    uses: 0,
    next: undefined,
  };
}

/** Fields remembered at once, twice this with the older generation: paths, authorities, agents of a busy gateway. */
const MAX_INTERNED_PER_GENERATION = 2048;

/** Longer values are rarely repeated, and 4096 of them would be memory. */
export const MAX_INTERNED_VALUE_LENGTH = 256;

/** Different names with one value; a peer that sends more of them is not worth the walk. */
const MAX_FIELDS_PER_VALUE = 8;

/** An encoder puts a field into its table on this use: what comes once only must not push out what repeats. */
export const USES_BEFORE_INDEXING = 2;

let young = new Map<string, EngineField>();
let old = new Map<string, EngineField>();
let youngCount = 0;
/** HPACK's static fields and the program's constants: never forgotten. */
const permanent = new Map<string, EngineField>();

function findIn(generation: Map<string, EngineField>, info: FieldName, value: string): EngineField | undefined {
  let field = generation.get(value);
  while (field !== undefined && field.info !== info) field = field.next;
  return field;
}

function remember(field: EngineField): void {
  if (youngCount >= MAX_INTERNED_PER_GENERATION) {
    old = young;
    young = new Map();
    youngCount = 0;
  }
  const sameValue = young.get(field.value);
  let length = 0;
  for (let other = sameValue; other !== undefined; other = other.next) length++;
  if (length >= MAX_FIELDS_PER_VALUE) return;
  field.next = sameValue;
  young.set(field.value, field);
  youngCount++;
}

/** The shared field of a name and value that arrived and may repeat. */
export function internedField(info: FieldName, value: string): EngineField {
  const known = findIn(young, info, value) ?? findIn(permanent, info, value);
  if (known !== undefined) return known;
  const field = findIn(old, info, value) ?? makeField(info, value, { shareable: true, neverIndex: false });
  remember(field);
  return field;
}

/** Makes a field that is never forgotten; for constants and HPACK's static table only. */
export function permanentField(name: string, value: string): EngineField {
  const info = permanentFieldName(name);
  const known = findIn(permanent, info, value);
  if (known !== undefined) return known;
  const field = makeField(info, value, { shareable: true, neverIndex: false });
  field.uses = USES_BEFORE_INDEXING;
  field.next = permanent.get(value);
  permanent.set(value, field);
  return field;
}

/** The shared field of a constant or often repeating name and value. `name` must be lower case. */
export function internField(name: string, value: string): Field {
  const field = internedField(fieldName(name), value);
  field.uses = USES_BEFORE_INDEXING;
  return field;
}

/** A field of one request only: never kept in a table, sent as a never-indexed literal. `name` must be lower case. */
export function transientField(name: string, value: string): Field {
  return makeField(fieldName(name), value, { shareable: false, neverIndex: true });
}
