/** What the bytes of a file are as text. */
export type DecodedText = { readonly text: string; readonly lossy: boolean } | { readonly problem: string };

/** What a lossy decoder puts where bytes were not UTF-8. */
export const replacement = '\uFFFD';

/** UTF-8 with or without a byte order mark; other encodings and binary files are named, never guessed. */
export function decodeText(bytes: Uint8Array): DecodedText {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { problem: 'is UTF-16 text' };
  }
  if (bytes.includes(0)) return { problem: 'is a binary file' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), lossy: false };
  } catch {
    return { text: new TextDecoder('utf-8').decode(bytes), lossy: true };
  }
}
