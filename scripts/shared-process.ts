/**
 * Test files that run one after the other in one process: starting a process and loading what the files of a folder have
 * in common takes longer than most of them do. Each is a suite with the path of the file as its name, so hooks at the top of
 * a file are for that file only, and a failure names the file.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe } from 'node:test';

/** `require`, because the file has to be evaluated while its suite is being built: it may not await at its top. */
export function runTogether(root: string, files: readonly string[]): void {
  const require = createRequire(join(root, 'package.json'));
  for (const file of files) describe(file, () => void require(join(root, file)));
}
