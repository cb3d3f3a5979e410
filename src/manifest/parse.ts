import type { LineCounter, YAMLError } from 'yaml';
import { diagnose, type Diagnostic, type DiagnosticCode } from '../base/index.ts';
import { manifestCodes } from './codes.ts';
import type { Document, Path, Position } from './document.ts';
import { maxErrorsPerDocument, maxFindingsPerFile, maxTokens } from './limits.ts';
import { emptyMap, toPlain } from './plain.ts';
import { findPlace } from './place.ts';
import { namespaceOf } from './scope.ts';
import { positionIn, rememberSimple, simpleOf } from './simple-chunk.ts';
import { findSimplePlace, parseSimpleYaml, type SimpleYaml } from './simple-yaml.ts';
import { splitDocuments, type Chunk } from './split.ts';
import { replacement } from './text.ts';
import { parseChunk, type YamlTree } from './yaml.ts';

export interface ParsedManifest {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
  /** The parts that have objects and no finding, by their text. */
  readonly parts: ReadonlyMap<string, Part>;
}

/** A part of a file, and the objects in it. */
interface Part {
  readonly chunk: Chunk;
  readonly documents: readonly Document[];
}

export interface ParseOptions {
  /** True for a file found in a directory: one that is no manifest at all is then only a warning. */
  readonly found?: boolean;
  /** True when some bytes were not UTF-8: documents with a replacement character are then left out. */
  readonly lossy?: boolean;
  /** What the same file gave last time: documents that stand as they stood are the very same again. */
  readonly before?: ParsedManifest;
  /** Called with each document that is new, while what it was read from is still at hand. */
  readonly onDocument?: ((document: Document) => void) | undefined;
}

/** What one file gives while it is read. */
interface Sink {
  readonly file: string;
  readonly found: boolean;
  readonly documents: Document[];
  readonly diagnostics: Diagnostic[];
  readonly onDocument: ((document: Document) => void) | undefined;
}

type Finding = { readonly at: Position; readonly message: string; readonly remedy: string };

/**
 * Reads all Kubernetes objects of a text: several documents, `List`s, JSON, what `kustomize build` and `helm template`
 * print. Each problem is a finding; a document with an error is left out, the others are not affected by it.
 */
export function parseManifest(text: string, file: string, options: ParseOptions = {}): ParsedManifest {
  const sink: Sink = {
    file,
    found: options.found === true,
    documents: [],
    diagnostics: [],
    onDocument: options.onDocument,
  };
  const parts = new Map<string, Part>();
  let tokens = 0;
  for (const chunk of splitDocuments(text.startsWith('\uFEFF') ? text.slice(1) : text)) {
    if (options.lossy === true && refuseReplaced(sink, chunk)) continue;
    if (readPart(sink, { chunk, parts, before: options.before?.parts })) continue;
    const parsed = parseChunk(chunk.text, tokens);
    tokens = parsed.tokens;
    if (parsed.exceeded === 'tokens') {
      add(sink, manifestCodes.tooLarge, {
        at: { line: chunk.lineOffset + 1, column: 1 },
        message: `the file has more than ${maxTokens} YAML tokens; nothing of it is used`,
        remedy: 'Split it into several files, or check that it is a manifest at all.',
      });
      return { documents: [], diagnostics: sink.diagnostics, parts: new Map() };
    }
    if (parsed.exceeded === 'bad-tokens') {
      add(sink, manifestCodes.syntax, {
        at: { line: chunk.lineOffset + 1, column: 1 },
        message: 'this is not YAML or JSON',
        remedy: 'Give Kubernetes manifests only, or leave this file out.',
      });
      continue;
    }
    for (const tree of parsed.trees) readTree(sink, tree, { chunk, lines: parsed.lines });
  }
  return { documents: sink.documents, diagnostics: bounded(sink), parts };
}

/** A value with lost bytes may be a name or a pattern, so its whole document is left out. */
function refuseReplaced(sink: Sink, chunk: Chunk): boolean {
  const offset = chunk.text.indexOf(replacement);
  if (offset === -1) return false;
  const before = chunk.text.slice(0, offset).split('\n');
  const at = { line: chunk.lineOffset + before.length, column: (before.at(-1) as string).length + 1 };
  add(sink, manifestCodes.notText, {
    at,
    message: 'these bytes are not UTF-8',
    remedy: 'Save the file as UTF-8; until then this document is left out.',
  });
  return true;
}

interface Source {
  readonly chunk: Chunk;
  readonly lines: LineCounter;
}

/** A part in simple YAML; one that is known is not read again. */
function readPart(
  sink: Sink,
  text: {
    readonly chunk: Chunk;
    readonly parts: Map<string, Part>;
    readonly before: ParsedManifest['parts'] | undefined;
  },
): boolean {
  const { chunk, parts, before } = text;
  const known = before?.get(chunk.text);
  if (known?.chunk.lineOffset === chunk.lineOffset) {
    sink.documents.push(...known.documents);
    parts.set(known.chunk.text, known);
    return true;
  }
  const own = { lineOffset: chunk.lineOffset, text: copyText(chunk.text) };
  const simple = parseSimpleYaml(own.text);
  if (simple === undefined) return false;
  const [from, findings] = [sink.documents.length, sink.diagnostics.length];
  readSimple(sink, own, simple);
  if (sink.diagnostics.length === findings) parts.set(own.text, { chunk: own, documents: sink.documents.slice(from) });
  return true;
}

/** A string of its own: a part of one would keep the whole text of a file, through all the file's later versions. */
function copyText(text: string): string {
  return Buffer.from(text).toString();
}

/** Most documents: what is kept of one is its text, from which its value and places are read again when they are asked for. */
function readSimple(sink: Sink, chunk: Chunk, simple: SimpleYaml): void {
  rememberSimple(chunk, simple);
  readObject(sink, { value: simple.value, path: noPath, source: new SimpleSource(chunk) });
}

const noPath: Path = [];

class SimpleSource implements ObjectSource {
  readonly #chunk: Chunk;

  constructor(chunk: Chunk) {
    this.#chunk = chunk;
  }

  valueOf(): unknown {
    return simpleOf(this.#chunk).value;
  }

  placeOf(path: Path, part: 'key' | 'value'): Position {
    return positionIn(this.#chunk, findSimplePlace(simpleOf(this.#chunk).places, path)[part]);
  }
}

function readTree(sink: Sink, tree: YamlTree, source: Source): void {
  for (const error of tree.errors.slice(0, maxErrorsPerDocument)) {
    add(sink, manifestCodes.syntax, { at: positionOf(source, error.pos[0]), ...explain(error) });
  }
  if (tree.errors.length > 0) return;
  for (const warning of tree.warnings) {
    add(sink, manifestCodes.yamlWarning, {
      at: positionOf(source, warning.pos[0]),
      message: sentence(warning.message),
      remedy: 'Kubernetes knows no tags of its own; take it away.',
    });
  }
  const { value, targets, problems } = toPlain(tree.contents);
  for (const problem of problems) {
    add(sink, problem.code, {
      at: positionOf(source, problem.offset),
      message: problem.message,
      remedy: problem.remedy,
    });
  }
  if (value === null || problems.some((problem) => problem.code.severity === 'error')) return;
  readObject(sink, {
    value,
    path: [],
    source: {
      valueOf: () => value,
      placeOf: (path, part) => positionOf(source, findPlace(tree.contents, path, targets)[part]),
    },
  });
}

/** One YAML document, which may hold several objects. */
interface ObjectSource {
  valueOf(): unknown;
  placeOf(path: Path, part: 'key' | 'value'): Position;
}

interface Candidate {
  readonly value: unknown;
  /** From the root of the YAML document, for items of lists. */
  readonly path: Path;
  readonly source: ObjectSource;
  /** What a typed list says about its items. */
  readonly inherited?: { readonly apiVersion: string; readonly kind: string };
}

function readObject(sink: Sink, candidate: Candidate): void {
  const { value, inherited } = candidate;
  const at = placeIn(candidate, [], 'key');
  if (!isMap(value)) {
    const what = Array.isArray(value) ? 'a list' : `the ${typeof value} ${JSON.stringify(value)}`.slice(0, 60);
    add(sink, notAManifest(sink), {
      at,
      message: `expected a Kubernetes object, found ${what}`,
      remedy: 'An object is a map with apiVersion, kind and metadata; several go into one file with --- between them.',
    });
    return;
  }
  const apiVersion = textOf(value['apiVersion']) ?? inherited?.apiVersion;
  const kind = textOf(value['kind']) ?? inherited?.kind;
  if (apiVersion === undefined && kind === undefined) {
    add(sink, notAManifest(sink), {
      at,
      message: 'not a Kubernetes object: apiVersion and kind are missing',
      remedy: 'Add apiVersion and kind, or keep this file away from the manifests.',
    });
    return;
  }
  if (apiVersion === undefined || kind === undefined) {
    missing(sink, candidate, apiVersion === undefined ? 'apiVersion' : 'kind');
    return;
  }
  if (kind.endsWith('List') && Array.isArray(value['items'])) {
    readList(sink, candidate, { apiVersion, kind, items: value['items'] as unknown[] });
    return;
  }
  if (apiVersion.startsWith('kustomize.config.k8s.io/')) {
    add(sink, manifestCodes.build, {
      at,
      message: `${kind} is the input of kustomize and is not read`,
      remedy: 'Pipe what it builds: kustomize build DIR | sallyport run -f -',
    });
    return;
  }
  readNamed(sink, candidate, { apiVersion, kind, value });
}

function readNamed(
  sink: Sink,
  candidate: Candidate,
  object: { readonly apiVersion: string; readonly kind: string; readonly value: Readonly<Record<string, unknown>> },
): void {
  const { apiVersion, kind, value } = object;
  const metadata = isMap(value['metadata']) ? value['metadata'] : emptyMap();
  const name = textOf(metadata['name']);
  if (name === undefined) {
    missing(sink, candidate, 'metadata.name', kind);
    return;
  }
  const { path: above, source } = candidate;
  const namespace = namespaceOf(kind, textOf(metadata['namespace']));
  const { file } = sink;
  const document = new ParsedDocument({ file, apiVersion, kind, name, namespace }, source, above);
  sink.documents.push(document);
  sink.onDocument?.(document);
}

/** A class, not a literal with functions of its own: there are tens of thousands of these. */
class ParsedDocument implements Document {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly isNullFree: boolean;
  readonly #source: ObjectSource;
  readonly #above: Path;

  constructor(
    { file, apiVersion, kind, name, namespace }: Pick<Document, 'file' | 'apiVersion' | 'kind' | 'name' | 'namespace'>,
    source: ObjectSource,
    above: Path,
  ) {
    this.file = file;
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.name = name;
    this.namespace = namespace;
    // What reads as null is beyond simple YAML.
    this.isNullFree = source instanceof SimpleSource;
    this.#source = source;
    this.#above = above;
  }

  get value(): Document['value'] {
    return valueAt(this.#source.valueOf(), this.#above);
  }

  locate(path: Path): Position {
    return this.#source.placeOf([...this.#above, ...path], 'key');
  }

  locateValue(path: Path): Position {
    return this.#source.placeOf([...this.#above, ...path], 'value');
  }
}

/** `kind: List`, or the `HTTPRouteList` of a raw API answer, whose items name neither version nor kind. */
function readList(
  sink: Sink,
  candidate: Candidate,
  list: { readonly apiVersion: string; readonly kind: string; readonly items: readonly unknown[] },
): void {
  const kind = list.kind.slice(0, -'List'.length);
  for (const [index, item] of list.items.entries()) {
    readObject(sink, {
      ...candidate,
      value: item,
      path: [...candidate.path, 'items', index],
      ...(kind === '' ? {} : { inherited: { apiVersion: list.apiVersion, kind } }),
    });
  }
}

function missing(sink: Sink, candidate: Candidate, field: string, kind?: string): void {
  const path = field.split('.');
  const value = path.reduce<unknown>((map, step) => (isMap(map) ? map[step] : undefined), candidate.value);
  const at = placeIn(candidate, path, 'key');
  add(sink, manifestCodes.missingField, {
    at,
    message:
      value === undefined || value === null
        ? `${kind ?? 'the object'} has no ${field}`
        : `${field} must be a text that is not empty, not ${JSON.stringify(value).slice(0, 60)}`,
    remedy:
      field === 'metadata.name'
        ? 'Give it a name; generateName needs a cluster to complete it.'
        : `Add ${field}; without it nobody can say what this object is.`,
  });
}

function notAManifest(sink: Sink): DiagnosticCode {
  return sink.found ? manifestCodes.notKubernetes : manifestCodes.notAnObject;
}

function placeIn(candidate: Candidate, path: Path, part: 'key' | 'value'): Position {
  return candidate.source.placeOf([...candidate.path, ...path], part);
}

function positionOf(source: Source, offset: number): Position {
  const { line, col } = source.lines.linePos(offset);
  return { line: source.chunk.lineOffset + Math.max(line, 1), column: Math.max(col, 1) };
}

function valueAt(root: unknown, path: Path): Readonly<Record<string, unknown>> {
  let value = root;
  for (const step of path) value = (value as Readonly<Record<string | number, unknown>>)[step];
  return value as Readonly<Record<string, unknown>>;
}

function add(sink: Sink, code: DiagnosticCode, { at, message, remedy }: Finding): void {
  const origin = { kind: '', namespace: '', name: '', file: sink.file, line: at.line, column: at.column };
  sink.diagnostics.push(diagnose(code, { origin, message, remedy }));
}

function bounded(sink: Sink): readonly Diagnostic[] {
  const diagnostics = sink.diagnostics.toSorted(
    (a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'),
  );
  if (diagnostics.length <= maxFindingsPerFile) return diagnostics;
  const rest = diagnostics.length - maxFindingsPerFile;
  const next = diagnostics[maxFindingsPerFile] as Diagnostic;
  const more = diagnose(manifestCodes.moreFindings, {
    origin: next.origin,
    message: `${rest} more findings in this file are not shown`,
    remedy: 'Mend the first ones and look again.',
  });
  return [...diagnostics.slice(0, maxFindingsPerFile), more];
}

function explain(error: YAMLError): { message: string; remedy: string } {
  const remedy = remedies[error.code] ?? 'Correct the YAML there; until then this document is left out.';
  return { message: sentence(error.message), remedy };
}

const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'YAML is indented with spaces; replace the tab.',
  BAD_INDENT: 'Align this line with its neighbours; until then this document is left out.',
  BAD_ALIAS: 'Write the value out, or define the anchor before its use.',
  BLOCK_AS_IMPLICIT_KEY: 'A colon followed by a space starts a value: put the text in quotes, or break the line.',
  MISSING_CHAR: 'Close the bracket or quote, or add what is missing; until then this document is left out.',
  RESOURCE_EXHAUSTION: 'Kubernetes objects are not that deep; check the brackets and the indentation.',
};

function sentence(message: string): string {
  const line = message.split('\n')[0] as string;
  return line.replace(/\.$/, '');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
