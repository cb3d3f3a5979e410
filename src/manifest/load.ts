import { createHash } from 'node:crypto';
import { diagnose, type Diagnostic } from '../base/index.ts';
import { manifestCodes } from './codes.ts';
import type { Document } from './document.ts';
import { maxFileBytes } from './limits.ts';
import { parseManifest, type ParsedManifest, type ParseOptions } from './parse.ts';
import { readPaths, type ReadOptions, type ReadResult, type SourceFile } from './read.ts';
import { decodeText } from './text.ts';

export interface LoadResult {
  readonly documents: readonly Document[];
  readonly diagnostics: readonly Diagnostic[];
  /** Paths of the files that were read, in the order of their documents. */
  readonly files: readonly string[];
  /** Changes when any file's name or content does. */
  readonly digest: string;
  /** By path; for the next reading, which parses only what has changed. */
  readonly parsed: ReadonlyMap<string, ParsedFile>;
}

/** A file as it was parsed, and what it was parsed from. */
interface ParsedFile {
  /** Over the content, and over what else decides how it is parsed. */
  readonly hash: string;
  readonly stamp: string | undefined;
  /** Bytes. */
  readonly size: number;
  readonly manifest: ParsedManifest;
}

/** Reads and parses everything below the given paths; `-` is standard input. Never rejects for what a user wrote. */
export async function loadPaths(paths: readonly string[], options: ReadOptions = {}): Promise<LoadResult> {
  return parseRead(hashRead(await readPaths(paths, options)), undefined, options);
}

/** Files with what tells one content from another. */
export interface HashedRead {
  readonly read: ReadResult;
  /** By path. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Over names, contents, and what could not be read. */
  readonly digest: string;
}

/** `before`: what files without bytes are told from. */
export function hashRead(read: ReadResult, before?: LoadResult): HashedRead {
  const hashes = new Map(
    read.files.map(({ path, bytes, found }) => {
      if (bytes === undefined) return [path, before?.parsed.get(path)?.hash ?? ''] as const;
      const hash = createHash('sha256')
        .update(found ? 'found' : 'given')
        .update(bytes);
      return [path, hash.digest('base64url')] as const;
    }),
  );
  const all = createHash('sha256');
  for (const [path, hash] of hashes) all.update(`${path}\0${hash}\0`);
  for (const { code, message, origin } of read.diagnostics) all.update(`${code}\0${origin.file}\0${message}\0`);
  return { read, hashes, digest: all.digest('base64url') };
}

/**
 * The part of loading after the disk. A file that is as `before` keeps the very documents it had, and so do those documents
 * of a changed file that are as they were, in the same place.
 */
export function parseRead(
  { read, hashes, digest }: HashedRead,
  before?: LoadResult,
  options: Pick<ParseOptions, 'onDocument'> = {},
): LoadResult {
  const parsed = new Map<string, ParsedFile>();
  for (const file of read.files) {
    const hash = hashes.get(file.path) ?? '';
    const known = before?.parsed.get(file.path);
    const { stamp, bytes } = file;
    const size = bytes?.length ?? known?.size ?? 0;
    const manifest = known?.hash === hash ? known.manifest : parseFile(file, known?.manifest, options);
    parsed.set(file.path, { hash, stamp, size, manifest });
  }
  const manifests = [...parsed.values()].map(({ manifest }) => manifest);
  return {
    documents: manifests.flatMap(({ documents }) => documents),
    diagnostics: [...read.diagnostics, ...manifests.flatMap(({ diagnostics }) => diagnostics)],
    files: read.files.map((file) => file.path),
    digest,
    parsed,
  };
}

function parseFile(
  { path, bytes = noBytes, found }: SourceFile,
  before: ParsedManifest | undefined,
  { onDocument }: Pick<ParseOptions, 'onDocument'>,
): ParsedManifest {
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
  return parseManifest(decoded.text, path, {
    found,
    lossy: decoded.lossy,
    ...(before === undefined ? {} : { before }),
    ...(onDocument === undefined ? {} : { onDocument }),
  });
}

const noBytes = new Uint8Array();

function refused(
  file: string,
  code: Parameters<typeof diagnose>[0],
  finding: { readonly message: string; readonly remedy: string },
): ParsedManifest {
  const origin = { kind: '', namespace: '', name: '', file, line: 1, column: 1 };
  return { documents: [], diagnostics: [diagnose(code, { origin, ...finding })], parts: new Map() };
}
