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

/**
 * A field with what the engine keeps beside it; every `Field` is one.
 *
 * A class, because V8 moves the object literals of a place whose objects mostly live long to the old generation at once: after a
 * while of fields that are remembered, each field of one request only would be made there, and a third of a hop's CPU be spent on
 * collecting it. Instances of classes always begin in the young generation.
 */
export class EngineField implements Field {
  readonly name: string;
  readonly value: string;
  readonly kind: number;
  readonly neverIndex: boolean;
  readonly info: FieldName;
  /** Size in a header list or dynamic table: name + value + 32 (RFC 7541 §4.1). */
  readonly size: number;
  /** Makes its message malformed, whatever stands beside it. */
  readonly isMalformed: boolean;
  /** Small number for direct-mapped lookups by identity; -1: transient, never put into a table. */
  readonly id: number;
  /** Index of this name and value in HPACK's static table, 0 if none; set by static-table.ts. */
  staticIndex = 0;
  /** How often an encoder met it outside its tables, counted to 2: a field enters dynamic tables on its second use only. */
  uses = 0;
  /** Next interned field with the same value and another name. */
  next: EngineField | undefined = undefined;

  /** Positional, for the hot path: `isMalformed` and `id` as above. */
  constructor(info: FieldName, value: string, neverIndex: boolean, isMalformed: boolean, id: number) {
    this.name = info.text;
    this.value = value;
    this.kind = info.kind;
    this.neverIndex = neverIndex;
    this.info = info;
    this.size = info.text.length + value.length + FIELD_OVERHEAD_BYTES;
    this.isMalformed = isMalformed;
    this.id = id;
  }
}

/** Transient fields have no id. */
const NO_ID = -1;

function judgeField(info: FieldName, value: string): boolean {
  return info.isMalformed || info.isConnectionSpecific || isValueMalformed(info.kind, value);
}

/** A field that may enter dynamic tables. */
export function shareableField(info: FieldName, value: string): EngineField {
  nextId = (nextId + 1) & 0x3fffffff;
  return new EngineField(info, value, false, judgeField(info, value), nextId);
}

/** A field that arrived and is of one request only; `neverIndex` as it said itself. */
export function unsharedField(info: FieldName, value: string, neverIndex: boolean): EngineField {
  return new EngineField(info, value, neverIndex, judgeField(info, value), NO_ID);
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
  const field = findIn(old, info, value) ?? shareableField(info, value);
  remember(field);
  return field;
}

/** Makes a field that is never forgotten; for constants and HPACK's static table only. */
export function permanentField(name: string, value: string): EngineField {
  const info = permanentFieldName(name);
  const known = findIn(permanent, info, value);
  if (known !== undefined) return known;
  const field = shareableField(info, value);
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

/** A name of fields that are made for each request, looked up once. */
export type HeaderName = FieldName;

/** `text` must be lower case, and a constant of the program. */
export function headerName(text: string): HeaderName {
  return permanentFieldName(text);
}

/**
 * A field of one request only: never kept in a table, sent as a never-indexed literal. `name` must be lower case. Not judged: that
 * is for what arrives.
 */
export function transientField(name: string | HeaderName, value: string): Field {
  return new EngineField(typeof name === 'string' ? fieldName(name) : name, value, true, false, NO_ID);
}
