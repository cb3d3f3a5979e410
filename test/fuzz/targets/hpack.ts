/** HPACK blocks: what the decoder accepts, the naive decoder reads the same, and our encoder's copy says the same again. */
import assert from 'node:assert/strict';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { NaiveDecoder, naiveInteger, naiveLiteral } from '../../kit/naive-hpack.ts';
import type { FuzzTarget } from '../target.ts';

const TABLE_BYTES = 256;
const MAX_LIST_BYTES = 1000;
const MAX_FIELDS = 20;

/** Blocks are cut by length bytes; the first byte of the input is the peer's table size for the way back, by 16. */
function joinBlocks(tableSixteenths: number, ...blocks: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    Buffer.of(tableSixteenths),
    ...blocks.flatMap((block) => [Buffer.of(block.length), block.subarray(0, 255)]),
  ]);
}

function* blocksOf(input: Buffer): Generator<Buffer> {
  for (let at = 1; at < input.length;) {
    const end = Math.min(input.length, at + 1 + (input[at] ?? 0));
    yield input.subarray(at + 1, end);
    at = end;
  }
}

/** What the naive decoder does not know of: rules about who may say what, not about how it is read. */
const rules = new Set([
  'table size update after a field',
  'too many table size updates',
  'table size update above the limit',
  'missing table size update',
  'bad field name',
  'index beyond the tables',
  'string beyond the block',
]);

function run(input: Buffer): void {
  const decoder = new HpackDecoder({ tableBytes: TABLE_BYTES, maxListBytes: MAX_LIST_BYTES, maxFields: MAX_FIELDS });
  const naive = new NaiveDecoder();
  naive.maxBytes = TABLE_BYTES;
  const encoder = new HpackEncoder();
  encoder.setPeerTableBytes((input[0] ?? 0) * 16);
  const back = new NaiveDecoder();
  for (const block of blocksOf(input)) {
    const isGood = decoder.decode(Buffer.from(block), 0, block.length);
    const expected = naiveResult(naive, block);
    if (!isGood) {
      assert.ok(expected === undefined || rules.has(decoder.error), decoder.error);
      return;
    }
    assert.ok(expected !== undefined, 'the naive decoder refuses it');
    assert.ok(decoder.tableBytes <= TABLE_BYTES);
    assert.equal(
      decoder.tableBytes,
      naive.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0),
    );
    const bytes = expected.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    assert.equal(decoder.isTooLarge, bytes > MAX_LIST_BYTES || expected.length > MAX_FIELDS);
    if (decoder.isTooLarge) continue;
    const fields = decoder.fields.slice(0, decoder.count);
    assert.deepEqual(
      fields.map(({ name, value }) => [name, value]),
      expected,
    );
    const target = Buffer.alloc(HpackEncoder.maxEncodedBytes(fields, fields.length));
    assert.deepEqual(back.decode(target.subarray(0, encoder.encode(fields, fields.length, target, 0))), expected);
  }
}

function naiveResult(naive: NaiveDecoder, block: Buffer): (readonly [string, string])[] | undefined {
  try {
    return naive.decode(block);
  } catch {
    return undefined;
  }
}

export const hpack: FuzzTarget = {
  name: 'hpack',
  covers: /src\/http2\/(hpack\/|field)/,
  seeds: [
    joinBlocks(16, Buffer.of(0x82, 0x86, 0x84), naiveLiteral('x-a', 'value', 0x40), Buffer.of(0xbe)),
    joinBlocks(
      0,
      naiveInteger(0, 5, 0x20),
      naiveLiteral('x-a', 'value', 0x40, true),
      naiveLiteral('authorization', 'b', 0x10),
    ),
    joinBlocks(255, naiveLiteral('long', 'x'.repeat(200), 0x40, true), naiveLiteral('x', 'y'), Buffer.of(0xbe, 0xbe)),
  ],
  tokens: [
    Buffer.of(0x20),
    naiveInteger(TABLE_BYTES, 5, 0x20),
    naiveInteger(TABLE_BYTES + 1, 5, 0x20),
    Buffer.of(0xbe),
    Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f),
    Buffer.of(0x7f, 0x80, 0x01),
    naiveLiteral('x-a', 'value', 0x40),
    naiveLiteral('', '', 0x40),
    naiveLiteral('X', '\n', 0x00, true),
    Buffer.of(0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff),
  ],
  run,
};
