/** Go's `strconv.FormatFloat(value, 'g', -1, bits)`: what grpcurl prints for float and double fields. */
export function formatGoFloat(value: number, bits: 32 | 64): string {
  const shortest = bits === 32 ? shortestFloat32(value) : value;
  if (Object.is(shortest, -0)) return '-0';
  const [mantissa = '', exponentText = '0'] = shortest.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= goExponentDigits) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  // Within these bounds JavaScript prints no exponent either.
  return String(shortest);
}

/** From this power of ten on Go's shortest 'g' form has an exponent. */
const goExponentDigits = 6;

/** Go's `encoding/json` form of a number; the same as ECMAScript's. */
export function formatJsonNumber(value: number, bits: 32 | 64): string {
  const shortest = bits === 32 ? shortestFloat32(value) : value;
  return Object.is(shortest, -0) ? '-0' : String(shortest);
}

/** Go's `json.Marshal` of a string: like JSON.stringify, but safe to embed in HTML. */
export function quoteJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Protobuf text form of a byte string: printable ASCII as it is, the rest in octal. */
export function quoteBytes(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes) {
    const short = shortEscapes.get(byte);
    if (short !== undefined) text += short;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `${text}"`;
}

/** Go's `%q` as far as names on a command line need it. */
export function quoteGo(text: string): string {
  return JSON.stringify(text);
}

const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

/** The number with the fewest digits that is still the same float. */
function shortestFloat32(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  // Nine digits identify every float.
  for (let precision = 1; precision < 9; precision += 1) {
    const candidate = Number(value.toPrecision(precision));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}
