/** EOS and padding (RFC 7541 §5.2) at every place of a byte, as part of a block. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { naiveHuffmanDecode, naiveInteger, naiveString } from '../../../test/kit/naive-hpack.ts';
import { HpackDecoder } from './decoder.ts';
import { maxHuffmanDecodedLength } from './huffman.ts';

/** Appendix B: `a`, the shortest kind of code; `&` has 8 bits, so that it moves nothing; EOS. */
const [a, ampersand, eos] = ['00011', '11111000', '1'.repeat(30)];

/** With what is missing to whole bytes as ones; undefined: the decoder refuses it. */
function decode(bits: string): string | undefined {
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  const code = Buffer.from((whole.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const value = Buffer.concat([naiveInteger(code.length, 7, 0x80), code]);
  const block = Buffer.concat([Buffer.of(0x00), naiveString('x'), value]);
  const decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: 2 ** 20, maxFields: 10 });
  const text = decoder.decode(block, 0, block.length) ? decoder.fields[0]?.value : undefined;
  if (text === undefined) assert.equal(decoder.error, 'bad Huffman code');
  // The plain decoder says the same.
  assert.equal(naiveHuffmanDecode(code), text, bits);
  return text;
}

test('EOS is refused wherever it stands and whatever follows it', () => {
  for (let before = 0; before < 8; before++) {
    for (let behind = 0; behind < 24; behind++) {
      for (const next of [a, ampersand, '0']) {
        const bits = a.repeat(before) + eos + next.repeat(behind);
        assert.equal(decode(bits), undefined, `${before} before, ${behind} of ${next} behind`);
      }
    }
  }
});

test('text ends in at most seven ones', () => {
  for (let count = 0; count < 8; count++) {
    const bits = a.repeat(count);
    const missing = (8 - (bits.length % 8)) % 8;
    assert.equal(decode(bits), 'a'.repeat(count));
    assert.equal(decode(`${bits}${'1'.repeat(missing + 8)}`), undefined, 'a byte of ones more');
  }
});

test('text ends in nothing else: four bits are no code', () => {
  for (const [count, missing] of [
    [1, 3],
    [3, 1],
    [4, 4],
    [6, 2],
  ] as const) {
    for (let padding = 0; padding < 2 ** missing - 1; padding++)
      assert.equal(decode(a.repeat(count) + padding.toString(2).padStart(missing, '0')), undefined);
  }
});

test('room is made for the longest text of so many bytes and not for more', () => {
  for (const bytes of [0, 5, 10, 1_000, 65_535]) {
    const count = Math.floor((bytes * 8) / a.length);
    assert.equal(maxHuffmanDecodedLength(bytes), count);
    assert.equal(decode(a.repeat(count)), 'a'.repeat(count));
  }
});
