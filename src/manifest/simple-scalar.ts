/** Scalars of one line, as far as simple YAML has them. */

/** Where reading is, in a text of printable ASCII and line feeds. */
export interface Cursor {
  readonly text: string;
  at: number;
}

/** Thrown where a text leaves the subset: one for all, since a stack trace would cost more than the reading. */
export const beyondSimple = new Error('beyond simple YAML');

/** A text, number, boolean; the cursor is at its first character, and then behind its last. */
export function readScalar(cursor: Cursor, isFlow: boolean): string | number | boolean {
  const first = cursor.text[cursor.at];
  if (first === '"') return readDoubleQuoted(cursor);
  if (first === "'") return readSingleQuoted(cursor);
  return resolve(readPlain(cursor, isFlow));
}

const doubleQuoted = /"([^"\\\n]*)"/y;

function readDoubleQuoted(cursor: Cursor): string {
  doubleQuoted.lastIndex = cursor.at;
  const match = doubleQuoted.exec(cursor.text);
  if (match === null) throw beyondSimple;
  cursor.at = doubleQuoted.lastIndex;
  return match[1] as string;
}

const singleQuoted = /'([^'\n]*)'(?!')/y;

function readSingleQuoted(cursor: Cursor): string {
  singleQuoted.lastIndex = cursor.at;
  const match = singleQuoted.exec(cursor.text);
  if (match === null) throw beyondSimple;
  cursor.at = singleQuoted.lastIndex;
  return match[1] as string;
}

/** Starts like nothing else of YAML; ends before a comment, and never holds what could be a key. */
const blockPlain = /[A-Za-z0-9_./\\$(^~+;<-][^\n]*/y;
const flowPlain = /[A-Za-z0-9_./\\$(^~+;<-][^\n,[\]{}]*/y;

function readPlain(cursor: Cursor, isFlow: boolean): string {
  const pattern = isFlow ? flowPlain : blockPlain;
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match === null) throw beyondSimple;
  let text = match[0];
  const comment = text.indexOf(' #');
  if (comment !== -1 && isFlow) throw beyondSimple;
  if (comment !== -1) text = text.slice(0, comment);
  text = text.trimEnd();
  if (text.includes(': ') || text.endsWith(':') || text === '-' || text.startsWith('- ') || text.startsWith('---'))
    throw beyondSimple;
  cursor.at += text.length;
  return text;
}

/** What YAML 1.1 takes for null, a boolean or a number in some spelling that is not the usual one. */
const special = /^(?:~|null|y|n|yes|no|on|off|true|false|<<|=)$/i;
const number11 =
  /^(?:[-+]?0b[01_]+|[-+]?[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+|[-+]?\.(?:inf|nan)|[-+]?(?:[0-9][0-9_]*)?(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*)$/i;

function resolve(text: string): string | number | boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  if (text.length <= maxSpecialLength && special.test(text)) throw beyondSimple;
  if (/^[-+.0-9]/.test(text) && number11.test(text)) throw beyondSimple;
  return text;
}

const maxSpecialLength = 5;

/** The key at the cursor, which then stands behind its colon; undefined (and the cursor where it was) when there is none. */
export function readKey(cursor: Cursor): string | undefined {
  plainKey.lastIndex = cursor.at;
  const plain = plainKey.exec(cursor.text);
  if (plain !== null) {
    const key = plain[1] as string;
    if (typeof resolve(key) !== 'string') throw beyondSimple;
    cursor.at = plainKey.lastIndex;
    return key;
  }
  quotedKey.lastIndex = cursor.at;
  const quoted = quotedKey.exec(cursor.text);
  if (quoted === null) return undefined;
  cursor.at = quotedKey.lastIndex;
  return quoted[1] ?? quoted[2];
}

const plainKey = /([A-Za-z0-9_./][\w./-]*):(?=[ \n]|$)/y;
const quotedKey = /(?:"([^"\\\n]*)"|'([^'\n]*)'):(?=[ \n]|$)/y;
