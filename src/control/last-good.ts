import type { Diagnostic } from '../base/index.ts';
import type { Document } from '../manifest/index.ts';

/** The documents of each file in the last version that had no error in itself. */
export type LastGood = ReadonlyMap<string, readonly Document[]>;

/** A valid field that is not yet supported: an API server would store the object, so it counts as the present version. */
const notYetSupported = 'SP0206';

/**
 * Files with an error in themselves: syntax (SP00xx) or fields (SP02xx), which an API server would have refused. An error
 * in what a file refers to (SP01xx and on) is not one of these: there the object is stored, and its status says what is wrong.
 */
export function brokenFiles(diagnostics: readonly Diagnostic[]): ReadonlySet<string> {
  return new Set(
    diagnostics
      .filter(
        ({ severity, code }) =>
          severity === 'error' && (code.startsWith('SP00') || code.startsWith('SP02')) && code !== notYetSupported,
      )
      .map(({ origin }) => origin.file),
  );
}

/** `documents` with those of broken files replaced by their last good version, where there is one. */
export function withLastGood(
  documents: readonly Document[],
  { broken, lastGood }: { readonly broken: ReadonlySet<string>; readonly lastGood: LastGood },
): { readonly documents: readonly Document[]; readonly kept: readonly string[] } {
  const kept = [...broken].filter((file) => lastGood.has(file)).sort();
  if (kept.length === 0) return { documents, kept };
  return {
    documents: [
      ...documents.filter(({ file }) => !kept.includes(file)),
      ...kept.flatMap((file) => lastGood.get(file) ?? []),
    ],
    kept,
  };
}

/** What to remember: the new version of each good file, the old version of each broken one; files that are gone are forgotten. */
export function rememberGood(
  documents: readonly Document[],
  { broken, lastGood }: { readonly broken: ReadonlySet<string>; readonly lastGood: LastGood },
): LastGood {
  const next = new Map<string, Document[]>();
  for (const document of documents) {
    if (broken.has(document.file)) continue;
    const ofFile = next.get(document.file);
    if (ofFile === undefined) next.set(document.file, [document]);
    else ofFile.push(document);
  }
  const remembered = new Map<string, readonly Document[]>(next);
  for (const file of broken) {
    const old = lastGood.get(file);
    if (old !== undefined) remembered.set(file, old);
  }
  return remembered;
}
