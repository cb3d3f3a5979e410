/** A file that holds a secret: made once and whole, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { maxStateFileBytes } from './limits.ts';

export type StateFileResult =
  | { readonly text: string; readonly error?: undefined }
  /** `remedy`: what the operator can do, one sentence. */
  | { readonly error: string; readonly remedy: string; readonly text?: undefined };

/**
 * The content of `directory/name`; if there is no such file, `make` writes it first.
 *
 * The file appears by a hard link to a finished and synced temporary file: it is whole or absent, and of several
 * processes that start at once one wins and all read the winner's. An existing file is never replaced. Operating system
 * errors other than those named here are returned too, with their code.
 */
export async function readOrCreateStateFile(
  path: { readonly directory: string; readonly name: string },
  make: () => Promise<string>,
): Promise<StateFileResult> {
  const file = join(path.directory, path.name);
  try {
    await mkdir(path.directory, { recursive: true, mode: 0o700 });
    const directoryError = await checkDirectory(path.directory);
    if (directoryError !== undefined) return directoryError;
    const existing = await readStateFile(file);
    if (existing !== undefined) return existing;
    await createWhole(path, await make());
    return (await readStateFile(file)) ?? { error: `${file} vanished while it was being made`, remedy: 'Start again.' };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { error: `${file}: ${error.message}`, remedy: 'Choose a state directory that this user can write to.' };
  }
}

/** Others may look into the directory, the file's own mode protects it; but who can write there can replace the file. */
async function checkDirectory(directory: string): Promise<StateFileResult | undefined> {
  const { mode } = await stat(directory);
  if ((mode & 0o022) === 0) return undefined;
  return {
    error: `state directory ${directory} can be written by other users (mode ${octal(mode)})`,
    remedy: `Run: chmod 700 ${directory}`,
  };
}

async function readStateFile(file: string): Promise<StateFileResult | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    // Asked of the open file, so that nobody can swap it between the question and the reading.
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      return {
        error: `${file} holds a private key and is open to other users (mode ${octal(mode)})`,
        remedy: `If nobody else has read it, run: chmod 600 ${file}; otherwise remove it, and a new root is made.`,
      };
    }
    if (size > maxStateFileBytes) {
      return { error: `${file} is larger than ${maxStateFileBytes} bytes`, remedy: 'Restore it from a backup.' };
    }
    return { text: await handle.readFile('utf8') };
  } finally {
    await handle.close();
  }
}

async function createWhole(path: { readonly directory: string; readonly name: string }, text: string): Promise<void> {
  const temporary = join(path.directory, `.${path.name}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await link(temporary, join(path.directory, path.name));
  } catch (error) {
    // Another process was first; its file is as good as ours.
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
  } finally {
    await handle.close();
    await unlink(temporary);
  }
  const directory = await open(path.directory, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, '0');
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
