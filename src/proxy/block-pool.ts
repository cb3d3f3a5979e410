// Hot file: memory of queues, used again and again; new buffers for each piece of an upload made the collector a third of its cost.

/** Blocks for small pieces: eight HTTP/2 frames of one gRPC message each share one. */
const smallBytes = 4_096;
/** A whole DATA frame of the size that everybody uses. */
const largeBytes = 16_384;

/** Free blocks kept for reuse, 0.5 MiB and 1 MiB; more waiting streams than these use the allocator. */
const maxFreeSmall = 128;
const maxFreeLarge = 64;

const freeSmall: Buffer[] = [];
const freeLarge: Buffer[] = [];

/** A block with room for `bytes`. */
export function takeBlock(bytes: number): Buffer {
  if (bytes <= smallBytes) return freeSmall.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
  if (bytes <= largeBytes) return freeLarge.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
  return Buffer.allocUnsafeSlow(bytes);
}

/** The caller must hold no reference to the block any more. */
export function returnBlock(block: Buffer): void {
  if (block.length === smallBytes) {
    if (freeSmall.length < maxFreeSmall) freeSmall.push(block);
  } else if (block.length === largeBytes && freeLarge.length < maxFreeLarge) {
    freeLarge.push(block);
  }
}
