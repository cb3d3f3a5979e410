import type { decodeAll } from '../resource/index.ts';
import type { AddedObject } from './options.ts';

export type AddedDocument = Parameters<typeof decodeAll>[0][number];

/** The file of objects that nobody wrote. */
const addedFile = '(added)';
const position = { line: 1, column: 1 };

/** A supplied object as if it had been read from a file, so that decoding gives it its defaults. */
export function addedDocument({ kind, namespace, name, manifest }: AddedObject): AddedDocument {
  return {
    file: addedFile,
    apiVersion: manifest.apiVersion,
    kind,
    name,
    namespace,
    value: manifest,
    locate: () => position,
    locateValue: () => position,
  };
}
