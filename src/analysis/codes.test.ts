import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { codes } from './codes.ts';

test('codes are unique and ascend', () => {
  const written = Object.values(codes).map(({ code }) => code);
  assert.deepEqual(written, [...new Set(written)].sort());
});

test('each code is shown by a golden', () => {
  const folder = fileURLToPath(new URL('../../test/golden/compile/', import.meta.url));
  const outs = readdirSync(folder)
    .filter((file) => file.endsWith('.out.yaml'))
    .map((file) => readFileSync(folder + file, 'utf8'))
    .join('\n');
  const unseen = Object.values(codes).filter(({ code }) => !outs.includes(`[${code}`));
  assert.deepEqual(
    unseen.map(({ code, title }) => `${code} ${title}`),
    [],
  );
});
