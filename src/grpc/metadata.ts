/** Binary metadata: names that end in `-bin` carry base64 (PROTOCOL-HTTP2.md, Custom-Metadata). */

export function isBinaryMetadata(name: string): boolean {
  return name.endsWith('-bin');
}

/**
 * The values of a `-bin` field: base64 padded or not, several joined by commas. Undefined if any part is not base64.
 */
export function decodeBinaryMetadata(value: string): readonly Buffer[] | undefined {
  const values: Buffer[] = [];
  for (const part of value.split(',')) {
    const text = part.trim();
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
    values.push(Buffer.from(text, 'base64'));
  }
  return values;
}
