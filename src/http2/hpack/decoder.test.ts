/** The decoder inside a larger buffer, at its bounds, and what it shares. The rest is in `hpack.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { naiveInteger, naiveLiteral, naiveString } from '../../../test/kit/naive-hpack.ts';
import { MAX_INTERNED_VALUE_LENGTH, type EngineField } from '../field.ts';
import { HpackDecoder, type HpackDecoderOptions } from './decoder.ts';
import { MAX_CACHED_NAME_BYTES, nameSlot } from './literal-cache.ts';

function decoderOf(options: Partial<HpackDecoderOptions> = {}): HpackDecoder {
  return new HpackDecoder({ tableBytes: 4096, maxListBytes: 2 ** 20, maxFields: 1_000, ...options });
}

/** The fields, or the error. */
function outcomeOf(decoder: HpackDecoder, isGood: boolean): unknown {
  if (!isGood) return decoder.error;
  return decoder.fields.slice(0, decoder.count).map(({ name, value, neverIndex }) => [name, value, neverIndex]);
}

function decode(decoder: HpackDecoder, ...parts: readonly Uint8Array[]): unknown {
  const bytes = Buffer.concat(parts);
  return outcomeOf(decoder, decoder.decode(bytes, 0, bytes.length));
}

function only(decoder: HpackDecoder, ...parts: readonly Uint8Array[]): EngineField {
  const bytes = Buffer.concat(parts);
  assert.ok(decoder.decode(bytes, 0, bytes.length), decoder.error);
  assert.equal(decoder.count, 1);
  return decoder.fields[0] as EngineField;
}

test('property: a block is read the same wherever it stands, whatever stands around it', () => {
  const literal = fc
    .tuple(fc.constantFrom('x', 'x-name', 'cookie', ':path'), fc.string({ maxLength: 80 }), fc.boolean())
    .map(([name, value, huffman]) => naiveLiteral(name, Buffer.from(value).toString('latin1'), 0x40, huffman));
  const piece = fc.oneof(literal, fc.uint8Array({ maxLength: 6 }), fc.constant(Buffer.of(0xbe)));
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      fc.uint8Array({ maxLength: 20 }),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.nat(60),
      (pieces, before, after, cut) => {
        const whole = Buffer.concat(pieces);
        const block = whole.subarray(0, Math.max(0, whole.length - cut));
        const alone = decode(decoderOf(), block);
        const decoder = decoderOf();
        const source = Buffer.concat([before, block, after]);
        const isGood = decoder.decode(source, before.length, before.length + block.length);
        assert.deepEqual(outcomeOf(decoder, isGood), alone);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a decoder that has read nothing has nothing, and one block says nothing about the next', () => {
  const decoder = decoderOf({ maxFields: 1 });
  assert.deepEqual([decoder.fields, decoder.count, decoder.isTooLarge, decoder.error], [[], 0, false, '']);
  assert.deepEqual([decoder.isOverBytes, decoder.isOverFields], [false, false]);
  decode(decoder, Buffer.of(0x82, 0x82));
  assert.equal(decoder.isTooLarge, true);
  decode(decoder, Buffer.of(0x82));
  assert.deepEqual([decoder.isTooLarge, decoder.isOverFields, decoder.count], [false, false, 1]);
  const small = decoderOf({ maxListBytes: 41 });
  decode(small, Buffer.of(0x82));
  assert.deepEqual([small.isTooLarge, small.isOverBytes, small.isOverFields], [true, true, false]);
});

test('integers have at most four more bytes, inside the block', () => {
  // 127 + 2^28 - 1 is the largest that four bytes say; it is too long a string, a fifth byte is no integer at all.
  for (const bytes of [
    [0x00, 0x01, 0x61, 0x7f, 0xff, 0xff, 0xff, 0x7f],
    [0x00, 0x01, 0x61, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x00],
    [0x00, 0x01, 0x61, 0x7f],
    [0x00, 0x01, 0x61],
  ])
    assert.equal(decode(decoderOf(), Buffer.from(bytes)), 'string beyond the block', bytes.join(' '));
  const padded = Buffer.of(0x00, 0x01, 0x61, 0x7f, 0x80, 0x80, 0x80, 0x00);
  assert.deepEqual(decode(decoderOf(), padded, Buffer.alloc(127, 'v')), [['a', 'v'.repeat(127), false]]);
  assert.equal(decode(decoderOf(), Buffer.of(0x3f, 0xff, 0xff, 0xff, 0xff, 0x01)), 'table size update above the limit');
});

test('bad names fail in every kind of literal', () => {
  for (const type of [0x00, 0x10, 0x40])
    for (const rest of [[0x81, 0xff], [0x02, 0x61], [], [0x7f, 0xff, 0xff, 0xff, 0xff, 0x01]])
      assert.equal(decode(decoderOf(), Buffer.from([type, ...rest])), 'bad field name');
  for (const [prefixBits, type] of [
    [4, 0x00],
    [4, 0x10],
    [6, 0x40],
  ] as const)
    assert.equal(decode(decoderOf(), naiveInteger(62, prefixBits, type), naiveString('v')), 'bad field name');
});

test('an entry behind index 126 is found by an index in more bytes', () => {
  const decoder = decoderOf();
  const entries = Array.from({ length: 70 }, (_, i) => naiveLiteral('x', `${i}`, 0x40));
  decode(decoder, ...entries);
  assert.deepEqual(decode(decoder, naiveInteger(62 + 64, 7, 0x80)), [['x', '5', false]]);
  assert.deepEqual(decode(decoder, naiveInteger(62 + 65, 7, 0x80)), [['x', '4', false]]);
  assert.deepEqual(decode(decoder, naiveInteger(62 + 69, 7, 0x80)), [['x', '0', false]]);
  assert.equal(decode(decoder, naiveInteger(62 + 70, 7, 0x80)), 'index beyond the tables');
  assert.deepEqual(decode(decoder, naiveInteger(62 + 69, 6, 0x40), naiveString('by name')), [['x', 'by name', false]]);
});

test('empty strings, Huffman-coded too, and one that is longer than what was decoded before', () => {
  assert.deepEqual(decode(decoderOf(), Buffer.of(0x00, 0x01, 0x61, 0x80)), [['a', '', false]]);
  assert.deepEqual(decode(decoderOf(), Buffer.of(0x00, 0x01, 0x61, 0x00)), [['a', '', false]]);
  const long = 'e'.repeat(20_000);
  assert.deepEqual(decode(decoderOf(), naiveLiteral('a', long, 0x00, true)), [['a', long, false]]);
});

test('beyond the limits a literal that no table keeps is not even decoded', () => {
  const broken = Buffer.from([0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff]);
  assert.equal(decode(decoderOf(), broken), 'bad Huffman code');
  for (const options of [{ maxFields: 1 }, { maxListBytes: 50 }]) {
    const decoder = decoderOf(options);
    assert.ok(Array.isArray(decode(decoder, Buffer.of(0x82, 0x82), broken)));
    assert.equal(decoder.isTooLarge, true);
  }
  const one = decoderOf({ maxFields: 1 });
  decode(one, Buffer.of(0x82), broken);
  assert.deepEqual([one.count, one.isOverFields, one.isOverBytes], [1, true, false]);
});

test('what is a credential or differs each time is not shared; other values are, up to their length', () => {
  const share = (name: string, value: string, type: number): boolean => {
    const read = (): EngineField => only(decoderOf(), naiveLiteral(name, value, type));
    return read() === read();
  };
  for (const type of [0x00, 0x40]) {
    assert.equal(share('x-plain', 'value', type), true);
    assert.equal(share('cookie', 'a=b', type), false);
    assert.equal(share('x-plain', 'v'.repeat(MAX_INTERNED_VALUE_LENGTH), type), true);
    assert.equal(share('x-plain', 'v'.repeat(MAX_INTERNED_VALUE_LENGTH + 1), type), false);
  }
  assert.equal(share('x-plain', 'value', 0x10), false);
});

test('a long value may enter the next hop’s table if it entered ours', () => {
  const long = 'v'.repeat(MAX_INTERNED_VALUE_LENGTH + 1);
  assert.ok(only(decoderOf(), naiveLiteral('x-long', long, 0x40)).id >= 0);
  assert.equal(only(decoderOf(), naiveLiteral('x-long', long, 0x00)).id, -1);
  assert.equal(only(decoderOf(), naiveLiteral('cookie', 'a=b', 0x40)).id, -1);
  assert.equal(only(decoderOf(), naiveLiteral('cookie', 'a=b', 0x00)).id, -1);
});

test('a limit that is not below the table’s size owes no update', () => {
  const decoder = decoderOf();
  for (const bytes of [4096, 5000]) {
    decoder.setTableLimit(bytes);
    assert.deepEqual(decode(decoder, Buffer.of(0x82)), [[':method', 'GET', false]]);
  }
  decoder.setTableLimit(4095);
  assert.equal(decode(decoder, Buffer.of(0x82)), 'missing table size update');
});

test('names of every length are the same from the cache, with and without Huffman', () => {
  for (const length of [1, 2, 31, 32, 33, 64, 65, 200])
    for (const huffman of [false, true, true, false]) {
      const name = 'n'.repeat(length);
      const { name: read, value } = only(decoderOf(), naiveLiteral(name, `${length}`, 0x00, huffman));
      assert.deepEqual([read, value], [name, `${length}`]);
    }
});

test('integers: four bytes beyond the prefix and not five, whatever they come to', () => {
  const text = Buffer.from('v'.repeat(127));
  const literal = (length: Buffer): Buffer => Buffer.concat([Buffer.of(0x00, 0x01, 0x61), length, text]);
  assert.equal(only(decoderOf(), literal(Buffer.of(0x7f, 0x80, 0x80, 0x80, 0x00))).value.length, 127);
  const five = Buffer.of(0x7f, 0x80, 0x80, 0x80, 0x80, 0x00);
  assert.equal(decode(decoderOf(), literal(five)), 'string beyond the block');
  const longIndex = Buffer.of(0x7f, 0x80, 0x80, 0x80, 0x80, 0x01, 0x61, 0x01, 0x62);
  assert.equal(decode(decoderOf(), longIndex), 'bad field name');
});

test('a block ends where it ends, though the buffer goes on', () => {
  const decoder = decoderOf();
  assert.equal(decoder.decode(Buffer.of(0x3f, 0x00), 0, 1), false);
  assert.equal(decoder.error, 'table size update above the limit');
});

test('an empty name can be read, and makes its message malformed', () => {
  assert.equal(only(decoderOf(), Buffer.of(0x00, 0x00, 0x01, 0x62)).isMalformed, true);
});

test('long Huffman codes that are broken are refused like short ones', () => {
  for (const type of [0x44, 0x04, 0x14]) {
    const broken = Buffer.concat([Buffer.of(type, 0x80 | 100), Buffer.alloc(100, 0xff)]);
    assert.equal(decode(decoderOf(), broken), 'bad Huffman code');
  }
});

test('the last static entry is no dynamic one', () => {
  assert.equal(only(decoderOf(), Buffer.of(0x80 | 61)).name, 'www-authenticate');
});

test('the same bytes are one name as they are and another one as Huffman code, in whatever order they come', () => {
  for (const [index, text] of ['x-twice', 'x-again'].entries()) {
    const coded = naiveString(text, true);
    const plain = Buffer.concat([Buffer.of(coded.length - 1), coded.subarray(1)]);
    const both = [coded, plain, coded, plain];
    const read = (index === 0 ? both : both.reverse()).map(
      (name) => only(decoderOf(), Buffer.of(0x00), name, naiveString('v')).name,
    );
    const asPlain = coded.toString('latin1', 1);
    assert.deepEqual(read, index === 0 ? [text, asPlain, text, asPlain] : [asPlain, text, asPlain, text]);
  }
});

test('long names that begin alike are told apart, however many there are', () => {
  const decoder = decoderOf();
  for (const length of [33, 64, 256, 300]) {
    for (let i = 0; i < 600; i++) {
      const name = `${i}`.padStart(length, 'n');
      assert.equal(only(decoder, Buffer.of(0x00), naiveString(name), naiveString('v')).name, name);
    }
  }
});

test('a name too long to be remembered leaves alone what is remembered of others', () => {
  const decoder = decoderOf();
  const read = (name: string): string => only(decoder, Buffer.of(0x00), naiveString(name), naiveString('v')).name;
  // Two names that take the slot behind the first one.
  const slotOf = (name: string): number => nameSlot(Buffer.from(name), 0, name.length);
  const names = Array.from({ length: 5_000 }, (_, i) => `name-${1_000 + i}`).filter((name) => slotOf(name) === 1);
  const [one, other] = names;
  assert.ok(one !== undefined && other !== undefined);
  for (const name of [one, `${'n'.repeat(MAX_CACHED_NAME_BYTES)}${other}`, other, one]) assert.equal(read(name), name);
});
