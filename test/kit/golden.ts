/**
 * Goldens: `test/golden/<stage>/<case>.in.yaml` is given to a stage, what comes out must equal `<case>.out.yaml`.
 *
 * `UPDATE_GOLDEN=1` writes the outs anew and deletes those whose input is gone. A reviewer reads the outs, so they
 * have a limit in lines: split a case that goes over it.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

export interface GoldenOptions {
  /** Folder below `test/golden/`. */
  readonly stage: string;
  /** Turns the text of the input into the text of the output; `toGoldenYaml` prints values. */
  readonly run: (input: string, name: string) => string | Promise<string>;
  /** Longest out that is still reviewed rather than skimmed; 150 unless told. */
  readonly maxOutLines?: number;
}

const goldenRoot = fileURLToPath(new URL('../golden/', import.meta.url));
const update = process.env['UPDATE_GOLDEN'] === '1';
const inSuffix = '.in.yaml';
const outSuffix = '.out.yaml';

/** Declares one test for each case of a stage, and one that finds outs without an input. */
export function goldenTests(options: GoldenOptions): void {
  const folder = join(goldenRoot, options.stage);
  const files = readdirSync(folder).sort();
  const cases = files.filter((file) => file.endsWith(inSuffix)).map((file) => file.slice(0, -inSuffix.length));
  describe(`golden ${options.stage}`, () => {
    test('there are cases, and each out has its input', () => {
      assert.notEqual(cases.length, 0, `${folder} has no *${inSuffix}`);
      const known = new Set(cases.map((name) => name + outSuffix));
      const orphans = files.filter((file) => file.endsWith(outSuffix) && !known.has(file));
      if (update) for (const orphan of orphans) rmSync(join(folder, orphan));
      assert.deepEqual(update ? [] : orphans, [], 'outs without an input; UPDATE_GOLDEN=1 deletes them');
    });
    for (const name of cases) {
      test(name, async () => {
        const actual = await options.run(readFileSync(join(folder, name + inSuffix), 'utf8'), name);
        checkGolden(join(folder, name + outSuffix), actual, options.maxOutLines ?? 150);
      });
    }
  });
}

function checkGolden(file: string, actual: string, maxLines: number): void {
  const lines = actual.split('\n').length;
  assert.ok(lines <= maxLines, `${file} would have ${lines} lines, more than the ${maxLines} one can review: split it`);
  if (update) writeFileSync(file, actual);
  assert.ok(existsSync(file), `${file} is missing; UPDATE_GOLDEN=1 writes it`);
  assert.equal(actual, readFileSync(file, 'utf8'), `${file} differs; UPDATE_GOLDEN=1 rewrites it`);
}

/** Prints a value for a golden: keys in the order they have, no anchors, no folded lines. */
export function toGoldenYaml(value: unknown): string {
  return stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 });
}
