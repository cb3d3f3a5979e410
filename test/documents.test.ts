/** The documents name files; a file that has moved must be found by this test, not by a reader. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = dirname(import.meta.dirname);
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8');

  test(`${document}: links lead somewhere`, () => {
    const targets = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    const missing = targets.filter((target) => !existsSync(join(root, dirname(document), target)));
    assert.deepEqual(missing, []);
  });

  test(`${document}: source files it names are there`, () => {
    const names = [...text.matchAll(/`((?:[a-z0-9-]+\/)+[a-z0-9-]+\.ts)`/g)].map(([, name = '']) => name);
    const missing = names.filter((name) => !existsSync(join(root, name)) && !existsSync(join(root, 'src', name)));
    assert.deepEqual(missing, []);
  });

  test(`${document}: nothing is left to be filled in`, () => {
    assert.doesNotMatch(text, /<!--(?! Generated from)|TODO|FIXME/);
  });
}
