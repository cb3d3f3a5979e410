import type { Diagnostic } from '../base/index.ts';
import type { Document } from '../manifest/index.ts';
import { fieldCodes } from './codes.ts';
import { createContext } from './context.ts';
import { decodeDocument, groupOf, type Decoded } from './decode.ts';
import { kinds } from './kinds.ts';
import type { ResourceObject } from './object.ts';
import type { Resources } from './resources.ts';

export interface DecodeResult {
  readonly resources: Resources;
  readonly diagnostics: readonly Diagnostic[];
  /** What each document gave, in their order: for the next decoding, to which most of them are the very same. */
  readonly decoded: readonly Decoded[];
  /** Some object is written more than once. */
  readonly hasRepeated: boolean;
}

/**
 * Decodes all documents. An object with an error in itself is left out of its list and named in `rejected`; of two objects
 * with the same kind, namespace and name the later one counts, as after `kubectl apply`.
 *
 * `before`: of an earlier decoding. The result is the same, sooner, and lists that came to the same are the very same.
 */
export function decodeAll(documents: readonly Document[], before?: DecodeResult): DecodeResult {
  if (before === undefined) return gather(documents.map(decodeOnce));
  const part = changedPart(before.decoded, documents);
  if (part.gone.length + part.come.length === 0) return before;
  const { from, gone, come } = part;
  const decoded = [before.decoded.slice(0, from), come, before.decoded.slice(from + gone.length)].flat();
  if (before.hasRepeated || isRepeated(decoded, part)) return gather(decoded);
  return {
    resources: replaceResources(before.resources, { decoded, ...part }),
    diagnostics: hasAny(part, ({ diagnostics }) => diagnostics.length > 0)
      ? decoded.flatMap(({ diagnostics }) => diagnostics)
      : before.diagnostics,
    decoded,
    hasRepeated: false,
  };
}

/** Decoded while they were read; each is taken once. */
const decodedAhead = new WeakMap<Document, Decoded>();

/**
 * Decodes a document that will be among those of `decodeAll`: whoever has just read it has its tree at hand, which is not kept and
 * would have to be made again.
 */
export function decodeAhead(document: Document): void {
  decodedAhead.set(document, decodeDocument(document));
}

function decodeOnce(document: Document): Decoded {
  const known = decodedAhead.get(document);
  if (known === undefined) return decodeDocument(document);
  decodedAhead.delete(document);
  return known;
}

function gather(decoded: readonly Decoded[]): DecodeResult {
  const lists: Record<string, ResourceObject[]> = Object.fromEntries(Object.keys(kinds).map((list) => [list, []]));
  const rejected: Resources['rejected'][number][] = [];
  const diagnostics: Diagnostic[] = [];
  const latest = new Map(decoded.map(({ document }) => [identityOf(document), document]));
  const hasRepeated = latest.size < decoded.length;
  for (const one of decoded) {
    const winner = hasRepeated ? (latest.get(identityOf(one.document)) as Document) : one.document;
    if (winner !== one.document) {
      diagnostics.push(...overwritten(one.document, winner));
      continue;
    }
    if (one.resource !== undefined) (lists[one.list] as ResourceObject[]).push(one.resource);
    if (one.rejected !== undefined) rejected.push(one.rejected);
    if (one.diagnostics.length > 0) diagnostics.push(...one.diagnostics);
  }
  return { resources: { ...lists, rejected } as unknown as Resources, diagnostics, decoded, hasRepeated };
}

/** Where two sequences of documents differ: all before and behind is the same. */
interface ChangedPart {
  readonly from: number;
  readonly gone: readonly Decoded[];
  readonly come: readonly Decoded[];
}

function changedPart(before: readonly Decoded[], documents: readonly Document[]): ChangedPart {
  let from = 0;
  while (from < before.length && from < documents.length && before[from]?.document === documents[from]) from++;
  let end = before.length;
  let newEnd = documents.length;
  while (end > from && newEnd > from && before[end - 1]?.document === documents[newEnd - 1]) {
    end--;
    newEnd--;
  }
  const gone = before.slice(from, end);
  const known = new Map(gone.map((one) => [one.document, one]));
  const come = documents.slice(from, newEnd).map((document) => known.get(document) ?? decodeOnce(document));
  return { from, gone, come };
}

function hasAny({ gone, come }: ChangedPart, test: (one: Decoded) => boolean): boolean {
  return gone.some(test) || come.some(test);
}

/** Whether an object is there twice, where none was before the change. */
function isRepeated(decoded: readonly Decoded[], { gone, come }: ChangedPart): boolean {
  const old = new Set(gone.map(({ document }) => identityOf(document)));
  const identities = new Set(come.map(({ document }) => identityOf(document)));
  if (identities.size < come.length) return true;
  const fresh = come.filter(({ document }) => !old.has(identityOf(document)));
  if (fresh.length === 0) return false;
  const names = new Set(fresh.map(({ document }) => document.name));
  const alike = decoded.filter(({ document }) => names.has(document.name));
  return new Set(alike.map(({ document }) => identityOf(document))).size < alike.length;
}

function replaceResources(
  before: Resources,
  change: ChangedPart & { readonly decoded: readonly Decoded[] },
): Resources {
  const { gone, come, decoded } = change;
  const lists = before as unknown as Readonly<Record<string, readonly ResourceObject[]>>;
  const touched = new Set([...gone, ...come].flatMap(({ list, resource }) => (resource === undefined ? [] : [list])));
  const changed = [...touched].map((list) => [list, replaceInList(lists[list] ?? [], list, change)] as const);
  const rejected = hasAny(change, (one) => one.rejected !== undefined)
    ? decoded.flatMap((one) => (one.rejected === undefined ? [] : [one.rejected]))
    : before.rejected;
  return { ...before, ...Object.fromEntries(changed), rejected };
}

function replaceInList(
  objects: readonly ResourceObject[],
  list: string,
  { from, gone, come, decoded }: ChangedPart & { readonly decoded: readonly Decoded[] },
): readonly ResourceObject[] {
  const within = (part: readonly Decoded[]): readonly ResourceObject[] =>
    part.flatMap((one) => (one.list === list && one.resource !== undefined ? [one.resource] : []));
  const [first, ...others] = within(gone);
  if (first !== undefined) return objects.toSpliced(objects.indexOf(first), 1 + others.length, ...within(come));
  let above = from - 1;
  while (above >= 0 && (decoded[above]?.list !== list || decoded[above]?.resource === undefined)) above--;
  const place = above === -1 ? 0 : objects.indexOf(decoded[above]?.resource as ResourceObject) + 1;
  return objects.toSpliced(place, 0, ...within(come));
}

function identityOf(document: Document): string {
  const { kind, namespace, name } = document;
  return JSON.stringify([groupOf(document), kind, namespace, name]);
}

function overwritten(document: Document, winner: Document): readonly Diagnostic[] {
  const context = createContext(document);
  const { line } = winner.locate([]);
  context.report(fieldCodes.definedTwice, document.locate([]), {
    message: `${winner.kind} "${winner.name}" is written again in ${winner.file}:${line}, which counts`,
    remedy: 'Keep one of the two, or give them different names.',
  });
  return context.diagnostics;
}
