import type { Position } from './document.ts';
import { parseSimpleYaml, type SimpleYaml } from './simple-yaml.ts';
import type { Chunk } from './split.ts';

/**
 * The one document that was looked at last. Whoever decodes goes from one to the next and asks for many places of each, so one
 * is enough; keeping all of them would take some ten times the memory of their texts.
 */
let last: { readonly chunk: Chunk; readonly simple: SimpleYaml } | undefined;

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
export function positionIn({ text, lineOffset }: Chunk, offset: number): Position {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  return { line: lineOffset + line, column: offset - lineStart + 1 };
}
