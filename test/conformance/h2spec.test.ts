/** h2spec and h2specd at every position, once; `node scripts/conformance.ts --runs 20` looks for flakes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { features, positionNames, surprises } from './declared.ts';
import { runAt } from './positions.ts';
import { findTool } from './tools.ts';

describe('h2spec', () => {
  for (const position of positionNames) {
    const { tool: name, about, cases } = features[position];
    const tool = findTool(name);
    const skip = tool === undefined && `${name} is neither in .ci/bin nor on PATH nor named by ${name.toUpperCase()}`;
    test(`${position}: ${cases} cases, ${about}`, { skip }, async () => {
      assert.deepEqual(surprises(position, await runAt(position, tool ?? '')), []);
    });
  }
});
