/** Frames and header blocks that come in pieces: what they bring, and the memory they wait in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { block, build, END_HEADERS, harness, request } from '../../test/kit/frame-peer.ts';
import { MAX_RECEIVED_FRAME_BYTES } from './limits.ts';
import { LARGE_SLAB_BYTES, returnSlab, SMALL_SLAB_BYTES, takeFrameSlab } from './slab-pool.ts';

/** Free slabs of one size, the next one to be taken last. */
function freeSlabs(bytes: number): Buffer[] {
  const slabs = [takeFrameSlab(bytes), takeFrameSlab(bytes)];
  for (const slab of slabs) returnSlab(slab);
  return slabs;
}

function assertFree(slabs: readonly Buffer[], when: string): void {
  for (const { length } of slabs)
    assert.ok(slabs.includes(takeFrameSlab(length)), `a slab of ${length} is lost: ${when}`);
}

const limits = { maxHeaderListBytes: 100_000 };
const long = ['x-long', 'abcdefgh'.repeat(3_750)] as const;

test('a block in pieces is the same block, however large they are, and its memory is used again', () => {
  const whole = block([...request, long]);
  for (const pieceBytes of [SMALL_SLAB_BYTES, SMALL_SLAB_BYTES + 1, 10_000, MAX_RECEIVED_FRAME_BYTES]) {
    const free = [SMALL_SLAB_BYTES, MAX_RECEIVED_FRAME_BYTES, LARGE_SLAB_BYTES].map((bytes) => freeSlabs(bytes));
    const peer = harness({ role: 'server', limits });
    const pieces: Buffer[] = [];
    for (let from = 0; from < whole.length; from += pieceBytes) pieces.push(whole.subarray(from, from + pieceBytes));
    pieces.forEach((piece, index) => {
      const flags = index === pieces.length - 1 ? END_HEADERS : 0;
      assert.deepEqual(
        peer.send(index === 0 ? build.headerBlock(1, piece, flags) : build.continuation(1, piece, flags)),
        [],
      );
    });
    assert.ok(
      peer.log.some((line) => line.includes(long[1])),
      `pieces of ${pieceBytes}`,
    );
    for (const slabs of free) assertFree(slabs, `pieces of ${pieceBytes}`);
  }
});

test('a frame that is cut anywhere is whole when it is handled, and its memory is used again', () => {
  const value = 'v'.repeat(5_000);
  const bytes = Buffer.from(build.headers(1, [...request, ['x-value', value]]));
  for (const cut of [1, 9, 10, 4_000, bytes.length - 1]) {
    const free = freeSlabs(MAX_RECEIVED_FRAME_BYTES);
    const peer = harness({ role: 'server' });
    assert.deepEqual(peer.send(bytes.subarray(0, cut)), []);
    assert.deepEqual(peer.send(bytes.subarray(cut)), []);
    assert.ok(
      peer.log.some((line) => line.includes(value)),
      `cut at ${cut}`,
    );
    assertFree(free, `cut at ${cut}`);
  }
});
