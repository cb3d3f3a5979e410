import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseConnection, type Candidate } from './connection-choice.ts';
import { silentConnectionMs } from './limits.ts';

const now = 1_000_000;

function candidate(activeStreams: number, changes: Partial<Candidate> = {}): Candidate {
  return { canOpenStream: true, activeStreams, isBehind: false, quietSinceMs: now, ...changes };
}

/** Which one is chosen, by its place. */
function chosen(candidates: readonly Candidate[], spreads = false): number {
  const one = chooseConnection(candidates, { nowMs: () => now, spreads });
  return one === undefined ? -1 : candidates.indexOf(one);
}

const full = { canOpenStream: false };
const behind = { isBehind: true };

describe('the connection for the next request', () => {
  test('is none where there is none, or none takes it', () => {
    assert.equal(chosen([]), -1);
    assert.equal(chosen([candidate(100, full)]), -1);
    assert.equal(chosen([candidate(100, full), candidate(100, full)]), -1);
  });

  test('is the only one, in whatever state', () => {
    assert.equal(chosen([candidate(5, behind)]), 0);
    assert.equal(chosen([candidate(5, { quietSinceMs: 0 })]), 0);
    assert.equal(chosen([candidate(100, full), candidate(5, behind)]), 1);
  });

  test('is the busiest that takes it, the first of equals', () => {
    assert.equal(chosen([candidate(0), candidate(7), candidate(3)]), 1);
    assert.equal(chosen([candidate(0), candidate(100, full), candidate(3)]), 2);
    assert.equal(chosen([candidate(4), candidate(4)]), 0);
    assert.equal(chosen([candidate(0), candidate(0)]), 0);
  });

  test('is not one that is behind, while there is another', () => {
    assert.equal(chosen([candidate(50, behind), candidate(0)]), 1);
    assert.equal(chosen([candidate(0, behind), candidate(0)]), 1);
  });

  test('is the least busy where all are behind', () => {
    assert.equal(chosen([candidate(50, behind), candidate(3, behind), candidate(4, behind)]), 1);
  });

  test('silentConnectionMs: is not one that brought nothing for so long though calls are under way', () => {
    assert.equal(chosen([candidate(50, { quietSinceMs: now - silentConnectionMs }), candidate(0)]), 1);
    assert.equal(chosen([candidate(50, { quietSinceMs: now - silentConnectionMs + 1 }), candidate(0)]), 0);
    // Without calls there is nothing to say.
    assert.equal(chosen([candidate(0, { quietSinceMs: 0 }), candidate(0)]), 0);
  });

  test('is the least busy one where the peer is several processes', () => {
    assert.equal(chosen([candidate(2), candidate(1), candidate(7)], true), 1);
    assert.equal(chosen([candidate(2), candidate(1, full), candidate(7)], true), 0);
  });
});
