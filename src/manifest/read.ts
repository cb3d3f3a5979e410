import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { compareText, diagnose, type Diagnostic } from '../base/index.ts';
import { manifestCodes } from './codes.ts';
import type { ParseOptions } from './parse.ts';
import { maxDirectoryDepth, maxFileBytes, maxFiles } from './limits.ts';

/** A file as bytes. */
export interface SourceFile {
  /** As the user gave it, or joined to the directory the user gave; `-` for standard input. */
  readonly path: string;
  /** Absent: what it was when it had this `stamp` before. */
  readonly bytes?: Uint8Array;
  /** True when a directory was given, not this file. */
  readonly found: boolean;
  /** Changes with each write; absent where that cannot be relied on. */
  readonly stamp?: string;
}

export interface ReadResult {
  readonly files: readonly SourceFile[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReadOptions {
  /** Content of `-`; standard input is read (once per process) where it is absent. */
  readonly stdin?: Uint8Array;
  /** See `ParseOptions`. */
  readonly onDocument?: ParseOptions['onDocument'];
}

/** The stamps of files that were read before, by path: a file that still has its stamp is not read again. */
export type KnownStamps = ReadonlyMap<string, { readonly stamp?: string | undefined }>;

const manifestName = /\.(?:ya?ml|json)$/i;
/** Sallyport's own configuration may lie beside the manifests; it is read by whoever starts the mesh. */
const ownConfiguration = /^sallyport\.ya?ml$/;

interface Walk {
  readonly files: SourceFile[];
  readonly diagnostics: Diagnostic[];
  readonly options: ReadOptions;
  readonly known: KnownStamps;
  /** Real paths already taken: a file that two given paths reach is read once. */
  readonly seen: Set<string>;
}

/**
 * Reads the given files, directories (recursively, sorted by name, hidden entries left out) and `-`. Files on the disk are
 * read in one go: one after the other through the thread pool takes ten times as long, and whoever reads has nothing else to do.
 */
export async function readPaths(
  paths: readonly string[],
  options: ReadOptions = {},
  known: KnownStamps = new Map(),
): Promise<ReadResult> {
  const walk: Walk = { files: [], diagnostics: [], options, known, seen: new Set() };
  for (const path of paths) await readGiven(walk, path);
  return { files: walk.files, diagnostics: walk.diagnostics };
}

async function readGiven(walk: Walk, path: string): Promise<void> {
  if (path === '-') {
    walk.files.push({
      path,
      bytes: walk.options.stdin ?? (await once(path, () => process.stdin as AsyncIterable<Buffer>)),
      found: false,
    });
    return;
  }
  try {
    if (statSync(path).isDirectory()) {
      const before = walk.files.length;
      const problems = walk.diagnostics.length;
      await readDirectory(walk, path, 0);
      if (walk.files.length === before && walk.diagnostics.length === problems) {
        report(walk, path, manifestCodes.noFiles, {
          message: 'the directory has no *.yaml, *.yml or *.json file',
          remedy: 'Give the directory that holds the manifests; hidden files and directories are not looked at.',
        });
      }
    } else {
      await readFile(walk, { path, real: realpathSync.native(path), found: false });
    }
  } catch (error) {
    reportUnreadable(walk, path, error);
  }
}

async function readDirectory(walk: Walk, directory: string, depth: number): Promise<void> {
  const real = realpathSync.native(directory);
  if (walk.seen.has(real)) return;
  walk.seen.add(real);
  if (depth > maxDirectoryDepth) {
    report(walk, directory, manifestCodes.tooLarge, {
      message: `directories are nested deeper than ${maxDirectoryDepth}`,
      remedy: 'Give a path nearer to the manifests.',
    });
    return;
  }
  const entries = readdirSync(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
    const { name } = entry;
    if (name.startsWith('.') || name === 'node_modules' || ownConfiguration.test(name)) continue;
    const path = join(directory, name);
    try {
      // What is no link is where it seems to be: no need to ask, which takes as long as reading.
      const isDirectory = entry.isDirectory() || (!entry.isFile() && statSync(path).isDirectory());
      if (isDirectory) await readDirectory(walk, path, depth + 1);
      else if (manifestName.test(name)) {
        const own = entry.isFile() ? join(real, name) : realpathSync.native(path);
        // A promise for each of many files would take as long as looking at them.
        const isLater = readFile(walk, { path, real: own, found: true });
        if (isLater !== undefined) await isLater;
      }
    } catch (error) {
      reportUnreadable(walk, path, error);
    }
  }
}

/** At once, but for what is no regular file: a pipe is waited for. */
function readFile(
  walk: Walk,
  { path, real, found }: { readonly path: string; readonly real: string; readonly found: boolean },
): Promise<void> | undefined {
  if (walk.seen.has(real)) return undefined;
  walk.seen.add(real);
  if (walk.files.length >= maxFiles) {
    if (walk.files.length === maxFiles && !walk.diagnostics.some((one) => one.code === manifestCodes.tooLarge.code)) {
      report(walk, path, manifestCodes.tooLarge, {
        message: `more than ${maxFiles} files; this one and those after it are not read`,
        remedy: 'Give a path nearer to the manifests.',
      });
    }
    return undefined;
  }
  const stats = statSync(path, { bigint: true });
  if (!stats.isFile()) return readPipe(walk, path, found);
  const stamp = stampOf(stats);
  if (stamp !== undefined && walk.known.get(path)?.stamp === stamp) walk.files.push({ path, found, stamp });
  else walk.files.push({ path, bytes: readRegular(path), found, ...(stamp === undefined ? {} : { stamp }) });
  return undefined;
}

async function readPipe(walk: Walk, path: string, found: boolean): Promise<void> {
  walk.files.push({ path, bytes: await once(path, () => createReadStream(path)), found });
}

/** What is read at least, in bytes: some file systems do not say how long a file is. */
const leastRead = 65_536;

/** Ends soon after the limit of a file, which `parseFile` then reports. */
function readRegular(path: string): Uint8Array {
  // Should a pipe have taken its place meanwhile, nobody waits for it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(fstatSync(file).size, leastRead), maxFileBytes) + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/**
 * A file that was written this lately, in milliseconds, may be written again without its times showing it: file systems count
 * in steps of up to two seconds (FAT).
 */
const stampSettlesMs = 2_000;

/** The time of the last change of content or owner cannot be set by anybody, unlike that of the content alone. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs, ctimeMs }: BigIntStats): string | undefined {
  if (Date.now() - Number(ctimeMs) < stampSettlesMs) return undefined;
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

const readOnce = new Map<string, Promise<Uint8Array>>();

/** Standard input and pipes (`-f <(kustomize build .)`) can be read only once, but are part of each reload. */
function once(path: string, stream: () => AsyncIterable<Buffer>): Promise<Uint8Array> {
  const known = readOnce.get(path);
  if (known !== undefined) return known;
  const bytes = readBounded(stream());
  readOnce.set(path, bytes);
  return bytes;
}

/** Ends soon after the limit of a file, which `parseFile` then reports, so that an endless stream ends too. */
async function readBounded(stream: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxFileBytes) break;
  }
  return Buffer.concat(chunks);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ELOOP: 'symbolic links go in a circle',
  ENOTDIR: 'part of the path is not a directory',
};

function reportUnreadable(walk: Walk, path: string, error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  report(walk, path, manifestCodes.unreadable, {
    message: `cannot read ${path}: ${reasons[code ?? ''] ?? message}`,
    remedy: code === 'EACCES' ? 'Let this user read it.' : 'Check the path given with -f.',
  });
}

function report(
  walk: Walk,
  path: string,
  code: Parameters<typeof diagnose>[0],
  finding: { readonly message: string; readonly remedy: string },
): void {
  const origin = { kind: '', namespace: '', name: '', file: path, line: 1, column: 1 };
  walk.diagnostics.push(diagnose(code, { origin, ...finding }));
}
