import { fieldKindOf, FieldKind, isTransientName } from './field-kind.ts';
import { isFieldName } from './field-text.ts';

/** What is known of a field name, computed once per name. */
export interface FieldName {
  readonly text: string;
  readonly kind: number;
  /** Values of this name are credentials or unique per request. */
  readonly isTransient: boolean;
  /** Not a legal name, or an unknown pseudo-header field: makes its message malformed. */
  readonly isMalformed: boolean;
  /** Only means something on one HTTP/1 connection: makes its message malformed (RFC 9113 §8.2.2). */
  readonly isConnectionSpecific: boolean;
  /** Lowest index in HPACK's static table with this name, 0 if none; set by static-table.ts. */
  staticIndex: number;
  /** Distinguishes names in the hash of the literal cache. */
  readonly seed: number;
}

const connectionSpecific: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Names remembered at once, twice this with the older generation; an API uses dozens. */
const MAX_NAMES_PER_GENERATION = 512;

/** Longer names are legal but not worth remembering. */
const MAX_REMEMBERED_NAME_LENGTH = 64;

let young = new Map<string, FieldName>();
let old = new Map<string, FieldName>();
/** Names of the static table and of constants: never forgotten. */
const permanent = new Map<string, FieldName>();
let nextSeed = 1;

function makeName(text: string): FieldName {
  const kind = fieldKindOf(text);
  const isPseudo = kind >= FieldKind.method && kind <= FieldKind.status;
  nextSeed = (nextSeed + 0x9e37) & 0x3fffffff;
  return {
    text,
    kind,
    isTransient: isTransientName(text, kind),
    isMalformed: !isPseudo && !isFieldName(text),
    isConnectionSpecific: connectionSpecific.has(text),
    staticIndex: 0,
    seed: nextSeed,
  };
}

/** The shared record of a name that arrived. */
export function fieldName(text: string): FieldName {
  const known = permanent.get(text) ?? young.get(text);
  if (known !== undefined) return known;
  const name = old.get(text) ?? makeName(text);
  if (text.length > MAX_REMEMBERED_NAME_LENGTH) return name;
  if (young.size >= MAX_NAMES_PER_GENERATION) {
    old = young;
    young = new Map();
  }
  young.set(text, name);
  return name;
}

/** The shared record of a name in the program's own text or in the static table. */
export function permanentFieldName(text: string): FieldName {
  const known = permanent.get(text);
  if (known !== undefined) return known;
  const name = makeName(text);
  permanent.set(text, name);
  return name;
}
