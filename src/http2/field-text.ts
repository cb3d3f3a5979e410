/**
 * Which bytes may stand in field names and values (RFC 9113 §8.2.1, RFC 9110 §5.1, RFC 3986), mostly as lookup tables.
 *
 * Checked once when a `Field` is made, not once per request.
 */

function tableOf(allowed: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0));
}

function charCodes(text: string): ReadonlySet<number> {
  return new Set(Array.from(text, (char) => char.charCodeAt(0)));
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;
const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a;
const isVisible = (code: number): boolean => code > 0x20 && code < 0x7f;

const tokenMarks = charCodes("!#$%&'*+-.^_`|~");
const authorityForbidden = charCodes('@/\\?#"<>^`{|}');

/** `token` without upper case: RFC 9113 §8.2.1 wants names in lower case. */
const nameTable = tableOf((code) => isDigit(code) || isLower(code) || tokenMarks.has(code));
/** `token`, for methods. */
const tokenTable = tableOf((code) => isDigit(code) || isLower(code) || isUpper(code) || tokenMarks.has(code));
/**
 * No control characters but HTAB; stricter than RFC 9113's NUL, CR and LF, as nghttp2 does it. An expression, because tokens
 * are long and new in each request: it takes half of a table's time for 200 characters.
 */
const plainValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** A fragment never belongs in a request (CVE-2021-32779), so `#` is out. */
const pathTable = tableOf((code) => isVisible(code) && code !== 0x23);
/** No user information (RFC 9113 §8.3.1), nothing that a parser could take for a path. */
const authorityTable = tableOf((code) => isVisible(code) && !authorityForbidden.has(code));

function consistsOf(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (table[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/** A regular field name: a non-empty lower-case token. */
export function isFieldName(text: string): boolean {
  return text.length > 0 && consistsOf(nameTable, text);
}

/** A field value: no control characters, no space or tab at either end. */
export function isFieldValue(text: string): boolean {
  if (text.length === 0) return true;
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  return plainValue.test(text);
}

export function isMethod(text: string): boolean {
  return text.length > 0 && consistsOf(tokenTable, text);
}

/** The two schemes that HTTP has, in lower case: gRPC knows no other, and `HTTP` is one for some readers only (CVE-2023-35944). */
export function isScheme(text: string): boolean {
  return text === 'http' || text === 'https';
}

/** An absolute path; `*` is not offered: nothing here answers OPTIONS for a whole server. */
export function isPath(text: string): boolean {
  return text.charCodeAt(0) === 0x2f && consistsOf(pathTable, text);
}

/** `host[:port]`, not empty. */
export function isAuthority(text: string): boolean {
  return text.length > 0 && consistsOf(authorityTable, text);
}

/** Three digits, 100 to 599; 101 does not exist in HTTP/2 (RFC 9113 §8.6). */
export function isStatus(text: string): boolean {
  return /^[1-5]\d\d$/.test(text) && text !== '101';
}
