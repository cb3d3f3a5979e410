/**
 * Memory for frames, shared by all connections of the process: an idle connection holds none.
 *
 * Two sizes for what goes out: most writes of a turn fit a few KiB, and hundreds of connections may each have one; only bulk needs
 * more. A third one for frames that come in pieces, since a slow peer may keep one for long.
 */
import { MAX_RECEIVED_FRAME_BYTES } from './limits.ts';

export const SMALL_SLAB_BYTES = 4 * 1024;
export const LARGE_SLAB_BYTES = 64 * 1024;

/** Free slabs kept for reuse, 2 MiB, 0.5 MiB and 2 MiB: more connections than these at once fall back to the allocator. */
const MAX_FREE_SMALL = 512;
const MAX_FREE_FRAME = 32;
const MAX_FREE_LARGE = 32;

const freeSmall: Buffer[] = [];
const freeFrame: Buffer[] = [];
const freeLarge: Buffer[] = [];

/** A slab with room for `bytes`; larger than a large slab only for one oversized block. */
export function takeSlab(bytes: number): Buffer {
  if (bytes <= SMALL_SLAB_BYTES) return freeSmall.pop() ?? Buffer.allocUnsafeSlow(SMALL_SLAB_BYTES);
  if (bytes <= LARGE_SLAB_BYTES) return freeLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_SLAB_BYTES);
  return Buffer.allocUnsafeSlow(bytes);
}

/** The same for what is received: a whole frame does not take a large one. */
export function takeFrameSlab(bytes: number): Buffer {
  if (bytes <= SMALL_SLAB_BYTES || bytes > MAX_RECEIVED_FRAME_BYTES) return takeSlab(bytes);
  return freeFrame.pop() ?? Buffer.allocUnsafeSlow(MAX_RECEIVED_FRAME_BYTES);
}

export function returnSlab(slab: Buffer): void {
  if (slab.length === SMALL_SLAB_BYTES) {
    if (freeSmall.length < MAX_FREE_SMALL) freeSmall.push(slab);
  } else if (slab.length === MAX_RECEIVED_FRAME_BYTES) {
    if (freeFrame.length < MAX_FREE_FRAME) freeFrame.push(slab);
  } else if (slab.length === LARGE_SLAB_BYTES && freeLarge.length < MAX_FREE_LARGE) {
    freeLarge.push(slab);
  }
}
