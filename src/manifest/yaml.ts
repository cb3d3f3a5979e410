import {
  Composer,
  Lexer,
  LineCounter,
  Parser,
  type Document as YamlDocument,
  type CollectionTag,
  type ScalarTag,
} from 'yaml';
import { maxBadTokens, maxTokens } from './limits.ts';

/** One YAML document with its tree; positions are offsets into the chunk it was read from. */
export type YamlTree = YamlDocument.Parsed;

export interface ParsedChunk {
  readonly trees: readonly YamlTree[];
  readonly lines: LineCounter;
  readonly tokens: number;
  /** Why reading ended early; then `trees` is not complete. */
  readonly exceeded?: 'tokens' | 'bad-tokens';
}

/** Tags that YAML 1.1 has and Kubernetes' parser does not resolve: such values stay text there. */
const textInKubernetes = new Set(
  ['timestamp', 'binary', 'omap', 'pairs', 'set'].map((tag) => `tag:yaml.org,2002:${tag}`),
);

/**
 * Reads YAML as Kubernetes does (sigs.k8s.io/yaml): the 1.1 words for booleans and octal numbers, but neither base-60
 * numbers (`80:80`) nor dates.
 *
 * Drives the parser token by token, which is the one place where the work can be bounded.
 */
export function parseChunk(text: string, tokensBefore: number): ParsedChunk {
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    version: '1.1',
    prettyErrors: false,
    // The parser's own search for duplicates takes quadratic time; `toPlain` finds them too.
    uniqueKeys: false,
    lineCounter: lines,
    customTags: (tags) =>
      tags
        .filter((tag) => typeof tag === 'string' || (!textInKubernetes.has(tag.tag) && !isBase60(tag)))
        .map((tag) => (isPlainFloat(tag) ? { ...tag, test: floatWithDigits } : tag)),
  });
  const trees: YamlTree[] = [];
  let tokens = tokensBefore;
  let badTokens = 0;
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    if (++tokens > maxTokens) return { trees, lines, tokens, exceeded: 'tokens' };
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error' && ++badTokens > maxBadTokens) return { trees, lines, tokens, exceeded: 'bad-tokens' };
      trees.push(...(composer.next(token) as Iterable<YamlTree>));
    }
  }
  for (const token of parser.end()) trees.push(...(composer.next(token) as Iterable<YamlTree>));
  trees.push(...(composer.end() as Iterable<YamlTree>));
  return { trees, lines, tokens };
}

function isBase60(tag: object): boolean {
  return 'format' in tag && tag.format === 'TIME';
}

/** YAML 1.1 takes a lone `.` for a number; Kubernetes does not, and Istio means "this namespace" by it (`exportTo: [.]`). */
const floatWithDigits = /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/;

function isPlainFloat(tag: string | CollectionTag | ScalarTag): tag is ScalarTag {
  return typeof tag === 'object' && 'test' in tag && tag.tag === 'tag:yaml.org,2002:float' && tag.test.test('.');
}
