import { createHash } from 'node:crypto';
import { diagnose, type Diagnostic } from '../base/index.ts';
import { manifestCodes } from './codes.ts';
import type { Document } from './document.ts';
import { maxFileBytes } from './limits.ts';
import { parseManifest, type ParsedManifest } from './parse.ts';
import { readPaths, type ReadOptions, type ReadResult, type SourceFile } from './read.ts';
import { decodeText } from './text.ts';

export interface LoadResult {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
  /** Paths of the files that were read, in the order of their documents. */
  readonly files: readonly string[];
  /** Changes when any file's name or content does; for `watchPaths`. */
  readonly digest: string;
}

/** Reads and parses everything below the given paths; `-` is standard input. Never rejects for what a user wrote. */
export async function loadPaths(paths: readonly string[], options: ReadOptions = {}): Promise<LoadResult> {
  return parseRead(await readPaths(paths, options));
}

/** The part of loading after the disk. */
export function parseRead(read: ReadResult): LoadResult {
  const parsed = read.files.map(parseFile);
  return {
    documents: parsed.flatMap((one) => one.documents),
    diagnostics: [...read.diagnostics, ...parsed.flatMap((one) => one.diagnostics)],
    files: read.files.map((file) => file.path),
    digest: digestOf(read),
  };
}

/** A hash over names, contents, and what could not be read. */
export function digestOf(read: ReadResult): string {
  const hash = createHash('sha256');
  for (const { path, bytes } of read.files) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  for (const { code, message, origin } of read.diagnostics) hash.update(`${code}\0${origin.file}\0${message}\0`);
  return hash.digest('base64url');
}

function parseFile({ path, bytes, found }: SourceFile): ParsedManifest {
  if (bytes.length > maxFileBytes) {
    return refused(path, manifestCodes.tooLarge, {
      message: `the file is larger than ${maxFileBytes / 1024 / 1024} MiB; nothing of it is used`,
      remedy: 'Split it into several files, or check that it is a manifest at all.',
    });
  }
  const decoded = decodeText(bytes);
  if ('problem' in decoded) {
    return refused(path, manifestCodes.notText, {
      message: `the file ${decoded.problem}, not UTF-8 text; nothing of it is used`,
      remedy: 'Give Kubernetes manifests as UTF-8 text.',
    });
  }
  return parseManifest(decoded.text, path, { found, lossy: decoded.lossy });
}

function refused(
  file: string,
  code: Parameters<typeof diagnose>[0],
  finding: { readonly message: string; readonly remedy: string },
): ParsedManifest {
  const origin = { kind: '', namespace: '', name: '', file, line: 1, column: 1 };
  return { documents: [], diagnostics: [diagnose(code, { origin, ...finding })] };
}
