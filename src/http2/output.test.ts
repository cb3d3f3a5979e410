/** Where outgoing frames wait: slabs of two sizes, batches that stay whole until they are written, and what comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputBuffer } from './output.ts';
import { MAX_RECEIVED_FRAME_BYTES } from './limits.ts';
import { LARGE_SLAB_BYTES, returnSlab, SMALL_SLAB_BYTES, takeFrameSlab, takeSlab } from './slab-pool.ts';

function write(output: OutputBuffer, bytes: number, fill = 1): void {
  const at = output.reserve(bytes);
  output.slab.fill(fill, at, at + bytes);
  output.commit(at + bytes);
}

/** Sizes of the slabs that hold a batch, and what of each is used. */
function batch(output: OutputBuffer): (readonly [slab: number, used: number])[] {
  return output.take().map(({ buffer, length }) => [buffer.byteLength, length] as const);
}

test('what fits goes into one slab: a small one, then a large one, then one more', () => {
  const rows: readonly (readonly [writes: readonly number[], slabs: ReturnType<typeof batch>])[] = [
    [[], []],
    [[1], [[SMALL_SLAB_BYTES, 1]]],
    [[SMALL_SLAB_BYTES], [[SMALL_SLAB_BYTES, SMALL_SLAB_BYTES]]],
    [[4000, 96], [[SMALL_SLAB_BYTES, SMALL_SLAB_BYTES]]],
    [[SMALL_SLAB_BYTES + 1], [[LARGE_SLAB_BYTES, SMALL_SLAB_BYTES + 1]]],
    [[4000, 97], [[LARGE_SLAB_BYTES, 4097]]],
    [[4000, LARGE_SLAB_BYTES - 4000], [[LARGE_SLAB_BYTES, LARGE_SLAB_BYTES]]],
    [
      [4000, LARGE_SLAB_BYTES - 3999],
      [
        [SMALL_SLAB_BYTES, 4000],
        [LARGE_SLAB_BYTES, LARGE_SLAB_BYTES - 3999],
      ],
    ],
    [
      [5000, LARGE_SLAB_BYTES - 5000, 1],
      [
        [LARGE_SLAB_BYTES, LARGE_SLAB_BYTES],
        [LARGE_SLAB_BYTES, 1],
      ],
    ],
    [
      [5000, LARGE_SLAB_BYTES + 1],
      [
        [LARGE_SLAB_BYTES, 5000],
        [LARGE_SLAB_BYTES + 1, LARGE_SLAB_BYTES + 1],
      ],
    ],
    [[LARGE_SLAB_BYTES + 1], [[LARGE_SLAB_BYTES + 1, LARGE_SLAB_BYTES + 1]]],
  ];
  for (const [writes, slabs] of rows) {
    const output = new OutputBuffer();
    for (const bytes of writes) write(output, bytes);
    assert.equal(
      output.byteLength,
      writes.reduce((sum, bytes) => sum + bytes, 0),
    );
    assert.deepEqual(batch(output), slabs, writes.join(' + '));
    output.written();
  }
});

test('bytes keep their order and their place where a slab is left for another', () => {
  const output = new OutputBuffer();
  const sizes = [10, 4080, 6, 1, 60_000, 9_000, 70_000, 3];
  for (const [index, bytes] of sizes.entries()) write(output, bytes, index + 1);
  const expected = Buffer.concat(sizes.map((bytes, index) => Buffer.alloc(bytes, index + 1)));
  assert.ok(Buffer.concat(output.take()).equals(expected));
  assert.deepEqual(output.take(), []);
});

test('the first byte of a batch calls its owner, the others do not; a batch that was taken leaves nothing behind', () => {
  const output = new OutputBuffer();
  write(output, 1);
  output.take();
  output.written();
  let calls = 0;
  output.onPending = () => calls++;
  write(output, 5);
  write(output, 5);
  output.controlFrames = 3;
  assert.equal(calls, 1);
  output.take();
  assert.deepEqual([output.byteLength, output.controlFrames], [0, 0]);
  write(output, 5);
  assert.equal(calls, 2);
});

test('the slabs of a batch are used again when it is written, all of them and not before', () => {
  const output = new OutputBuffer();
  for (const bytes of [5_000, LARGE_SLAB_BYTES - 4_999]) write(output, bytes);
  const inFlight = output.take().map(({ buffer }) => buffer);
  assert.equal(inFlight.length, 2);
  write(output, 5_000);
  assert.ok(!inFlight.includes(output.slab.buffer));
  output.written();
  const free = [takeSlab(LARGE_SLAB_BYTES), takeSlab(LARGE_SLAB_BYTES)].map(({ buffer }) => buffer);
  assert.deepEqual(new Set(free), new Set(inFlight));
  const small = new OutputBuffer();
  write(small, 10);
  const { buffer } = small.slab;
  write(small, SMALL_SLAB_BYTES);
  assert.equal(takeSlab(1).buffer, buffer, 'a small slab that became too small is free at once');
  const written = small.slab.buffer;
  small.take();
  small.written();
  assert.equal(takeSlab(LARGE_SLAB_BYTES).buffer, written);
});

test('a slab is small, large, or as large as one block needs', () => {
  for (const [bytes, length] of [
    [1, SMALL_SLAB_BYTES],
    [SMALL_SLAB_BYTES, SMALL_SLAB_BYTES],
    [SMALL_SLAB_BYTES + 1, LARGE_SLAB_BYTES],
    [LARGE_SLAB_BYTES, LARGE_SLAB_BYTES],
    [LARGE_SLAB_BYTES + 1, LARGE_SLAB_BYTES + 1],
  ] as const)
    assert.equal(takeSlab(bytes).length, length);
});

test('a slab for what is received is small, a frame, large, or as large as one block needs', () => {
  for (const [bytes, length] of [
    [1, SMALL_SLAB_BYTES],
    [SMALL_SLAB_BYTES, SMALL_SLAB_BYTES],
    [SMALL_SLAB_BYTES + 1, MAX_RECEIVED_FRAME_BYTES],
    [MAX_RECEIVED_FRAME_BYTES, MAX_RECEIVED_FRAME_BYTES],
    [MAX_RECEIVED_FRAME_BYTES + 1, LARGE_SLAB_BYTES],
    [LARGE_SLAB_BYTES + 1, LARGE_SLAB_BYTES + 1],
  ] as const)
    assert.equal(takeFrameSlab(bytes).length, length);
});

test('free slabs are kept up to 2 MiB of each size for output, and a quarter of that for frames; oversized ones are not', () => {
  for (const [bytes, kept] of [
    [SMALL_SLAB_BYTES, 512],
    [MAX_RECEIVED_FRAME_BYTES, 32],
    [LARGE_SLAB_BYTES, 32],
  ] as const) {
    const slabs = Array.from({ length: kept + 3 }, () => takeFrameSlab(bytes));
    for (const slab of slabs) returnSlab(slab);
    const again = Array.from({ length: kept + 3 }, () => takeFrameSlab(bytes));
    assert.equal(again.filter((slab) => slabs.includes(slab)).length, kept);
    assert.equal(new Set(again).size, kept + 3);
  }
  const oversized = takeSlab(LARGE_SLAB_BYTES + 1);
  returnSlab(oversized);
  assert.notEqual(takeSlab(LARGE_SLAB_BYTES + 1), oversized);
  assert.notEqual(takeSlab(LARGE_SLAB_BYTES), oversized);
});
