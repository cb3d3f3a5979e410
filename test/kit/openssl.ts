/** The openssl command as a second opinion. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests with openssl are skipped, or `false`; for node:test's `skip`. */
export const skipWithoutOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not on PATH';

/** Runs `openssl` with files given by name and content; `@name` in `args` is replaced by the file's path. */
export function openssl(
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): { status: number; text: string } {
  const directory = mkdtempSync(join(tmpdir(), 'openssl-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content, { mode: 0o600 });
    const paths = args.map((argument) => (argument.startsWith('@') ? join(directory, argument.slice(1)) : argument));
    const result = spawnSync('openssl', paths, { encoding: 'utf8' });
    return { status: result.status ?? -1, text: result.stdout + result.stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
