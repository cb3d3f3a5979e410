/** The encoder where a mistake would be read as another field: sizes that fall and rise between blocks, lengths of several bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NaiveDecoder, naiveString } from '../../../test/kit/naive-hpack.ts';
import { internField, transientField, type EngineField } from '../field.ts';
import { HpackEncoder } from './encoder.ts';

/** Interned as the program's constants are: the first use already enters the table. */
function field(name: string, value: string): EngineField {
  return internField(name, value) as EngineField;
}

function encode(encoder: HpackEncoder, fields: readonly EngineField[]): Buffer {
  const target = Buffer.alloc(HpackEncoder.maxEncodedBytes(fields, fields.length));
  return target.subarray(0, encoder.encode(fields, fields.length, target, 0));
}

const pairs = (fields: readonly EngineField[]): (readonly [string, string])[] =>
  fields.map(({ name, value }) => [name, value]);

test('a table that was made smaller and larger again between two blocks holds what the smaller one held', () => {
  const [old, young] = [field('x-old', 'value'), field('x-new', 'value')];
  for (const [smallest, kept] of [
    [0, 0],
    [old.size - 1, 0],
    [old.size, 1],
    [2 * old.size - 1, 1],
    [2 * old.size, 2],
  ] as const) {
    const encoder = new HpackEncoder();
    const peer = new NaiveDecoder();
    peer.decode(encode(encoder, [old, young]));
    encoder.setPeerTableBytes(smallest);
    encoder.setPeerTableBytes(4096);
    assert.deepEqual(peer.decode(encode(encoder, [young, old])), pairs([young, old]), `${smallest}`);
    const expected = ['indexed', 'indexed'].fill('incremental', kept);
    assert.deepEqual(peer.representations, expected, `${smallest}`);
  }
});

test('property: few fields that all repeat, and sizes that change all the time, are read as they were written', () => {
  const fields = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => field('x-few', `${key} ${'.'.repeat(60)}`));
  const block = fc.record({
    sizes: fc.array(fc.constantFrom(0, 99, 100, 198, 300, 500, 1_000, 4_096), { maxLength: 3 }),
    which: fc.array(fc.nat(fields.length - 1), { maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
      const encoder = new HpackEncoder();
      const peer = new NaiveDecoder();
      for (const { sizes, which } of blocks) {
        for (const size of sizes) encoder.setPeerTableBytes(size);
        const some = which.map((one) => fields[one] as EngineField);
        assert.deepEqual(peer.decode(encode(encoder, some)), pairs(some));
      }
    }),
  );
});

test('the length of a text is written so that it ends where it ends, by each number of bytes', () => {
  // 127 + 128, + 128 * 128 and beside them: there the last byte is the first that needs no further one.
  for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 16_512, 40_000]) {
    const value = 'v'.repeat(length);
    const bytes = encode(new HpackEncoder(), [transientField('x', value) as EngineField]);
    const expected = Buffer.concat([Buffer.of(0x10), naiveString('x'), naiveString(value)]);
    assert.ok(bytes.equals(expected), `${length}`);
  }
});
