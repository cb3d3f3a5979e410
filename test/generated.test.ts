import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { generatedPages } from '../scripts/generated-pages.ts';

const root = dirname(import.meta.dirname);
const generated = 'src/protobuf/gen';

/** Every file below a directory with its content. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(directory.length), readFileSync(path, 'utf8')];
    }),
  );
}

test('the generated code is what `npm run generate` makes of proto/', () => {
  const directory = mkdtempSync(join(tmpdir(), 'generated-'));
  try {
    const bin = join(root, 'node_modules/.bin');
    execFileSync(join(bin, 'buf'), ['generate', '-o', directory], {
      cwd: root,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
    });
    assert.deepEqual(contents(join(directory, generated)), contents(join(root, generated)));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('what `npm run generate` makes of the sources', () => {
  for (const [file, content] of Object.entries(generatedPages(root))) {
    test(file, () => assert.equal(readFileSync(join(root, file), 'utf8'), content));
  }
});
