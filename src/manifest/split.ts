/** A part of a file that holds one document. */
export interface Chunk {
  readonly text: string;
  /** Lines of the file before this chunk. */
  readonly lineOffset: number;
}

/**
 * Cuts a file at its `---` lines, so that one broken document cannot take its neighbours along.
 *
 * YAML forbids such a line inside any scalar or collection, so the cut needs no parser. Comments and directives before a
 * `---` stay with the document they introduce.
 */
export function splitDocuments(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let lineOffset = 0;
  for (const match of text.matchAll(/^---(?=[ \t\r\n]|$)/gm)) {
    const part = text.slice(start, match.index);
    if (isIntroduction(part)) continue;
    chunks.push({ text: part, lineOffset });
    lineOffset += countLines(part);
    start = match.index;
  }
  chunks.push({ text: text.slice(start), lineOffset });
  return chunks;
}

function isIntroduction(part: string): boolean {
  return /^(?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*\n)*$/.test(part);
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
