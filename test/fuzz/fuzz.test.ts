/** Seeds, the corpus of earlier runs, and some changes that are the same in each run; `node scripts/fuzz.ts` goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzFixed } from './loop.ts';
import { targets } from './targets.ts';

const RUNS = 3000;
const SEED = 20_260_101;

for (const target of targets) {
  test(`fuzz ${target.name}: ${RUNS} changed inputs`, () => {
    const crash = fuzzFixed(target, { runs: RUNS, seed: SEED });
    if (crash !== undefined) assert.fail(`${crash.input.toString('hex')}: ${String(crash.error)}`);
  });
}
