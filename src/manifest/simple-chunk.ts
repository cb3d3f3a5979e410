import type { Position } from './document.ts';
import { parseSimpleYaml, type SimpleYaml } from './simple-yaml.ts';
import type { Chunk } from './split.ts';

/**
 * The one document that was looked at last. Whoever decodes goes from one to the next and asks for many places of each, so one
 * is enough; keeping all of them would take some ten times the memory of their texts.
 */
let last: { readonly chunk: Chunk; readonly simple: SimpleYaml; lineStarts?: readonly number[] } | undefined;

export function rememberSimple(chunk: Chunk, simple: SimpleYaml): void {
  last = { chunk, simple };
}

/** What `parseSimpleYaml` gave for a chunk that it has read before. */
export function simpleOf(chunk: Chunk): SimpleYaml {
  if (last?.chunk !== chunk) {
    const simple = parseSimpleYaml(chunk.text);
    if (simple === undefined) throw new Error('a document is no longer what it was');
    last = { chunk, simple };
  }
  return last.simple;
}

/** The place of an offset in the file of a chunk. */
export function positionIn(chunk: Chunk, offset: number): Position {
  const starts = lineStartsOf(chunk);
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle;
  }
  return { line: chunk.lineOffset + low + 1, column: offset - (starts[low] as number) + 1 };
}

/** A decoder asks for a dozen places of each document. */
function lineStartsOf(chunk: Chunk): readonly number[] {
  simpleOf(chunk);
  const known = last?.lineStarts;
  if (known !== undefined) return known;
  const starts = [0];
  const { text } = chunk;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  if (last !== undefined) last.lineStarts = starts;
  return starts;
}
