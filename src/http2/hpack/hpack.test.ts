import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  NaiveDecoder,
  naiveHuffmanDecode,
  naiveHuffmanEncode,
  naiveInteger,
  naiveLiteral,
  naiveString,
} from '../../../test/kit/naive-hpack.ts';
import { internedField, transientField, type EngineField } from '../field.ts';
import { fieldName } from '../field-name.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { decodeHuffman } from './huffman.ts';
import { huffmanCodeLengths } from './huffman-table.ts';

type Pair = readonly [name: string, value: string];

function decoderOf(
  options: Partial<{ tableBytes: number; maxListBytes: number; maxFields: number }> = {},
): HpackDecoder {
  return new HpackDecoder({ tableBytes: 4096, maxListBytes: 2 ** 20, maxFields: 1000, ...options });
}

function decode(decoder: HpackDecoder, ...parts: readonly Uint8Array[]): Pair[] | string {
  const bytes = Buffer.concat(parts);
  if (!decoder.decode(bytes, 0, bytes.length)) return decoder.error;
  return decoder.fields.slice(0, decoder.count).map(({ name, value }) => [name, value] as const);
}

function field(name: string, value: string): EngineField {
  return internedField(fieldName(name), value);
}

function encode(encoder: HpackEncoder, fields: readonly EngineField[]): Buffer {
  const target = Buffer.alloc(HpackEncoder.maxEncodedBytes(fields, fields.length));
  return target.subarray(0, encoder.encode(fields, fields.length, target, 0));
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** RFC 7541 Appendix C.4 and C.6: three requests and three responses, Huffman-coded, on one table each. */
test('the examples of RFC 7541 Appendix C', () => {
  const requests = decoderOf();
  const first: Pair[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];
  assert.deepEqual(decode(requests, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')), first);
  assert.deepEqual(decode(requests, hex('8286 84be 5886 a8eb 1064 9cbf')), [...first, ['cache-control', 'no-cache']]);
  const third = decode(requests, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'));
  assert.deepEqual(third.at(-1), ['custom-key', 'custom-value']);
  assert.equal(requests.tableBytes, 164);
  const responses = decoderOf({ tableBytes: 256 });
  const moved = decode(
    responses,
    hex(
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    ),
  );
  assert.deepEqual(moved, [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
  assert.deepEqual(decode(responses, hex('4883 640e ffc1 c0bf'))[0], [':status', '307']);
  assert.equal(responses.tableBytes, 222);
});

test('the Huffman code is complete: every bit string is a code or the start of one', () => {
  assert.equal(
    huffmanCodeLengths.reduce((sum, length) => sum + 2 ** -length, 0),
    1,
  );
});

test('Huffman decoding agrees with bit strings, also on garbage', () => {
  const target = Buffer.alloc(4096);
  const fast = (bytes: Uint8Array): string | undefined => {
    const length = decodeHuffman(bytes, 0, bytes.length, target);
    return length < 0 ? undefined : target.toString('latin1', 0, length);
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.equal(fast(bytes), naiveHuffmanDecode(bytes))),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      assert.equal(fast(naiveHuffmanEncode(text)), text);
    }),
  );
});

const nameArbitrary = fc.constantFrom('x-a', 'x-b', 'accept', ':path', 'user-agent', 'authorization', 'grpc-timeout');
const valueArbitrary = fc.oneof(
  fc.constantFrom('', 'one', 'two', 'trailers', 'a-longer-value-that-repeats'),
  fc.string({ maxLength: 300, unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
);
const blocksArbitrary = fc.array(
  fc.record({
    tableBytes: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
    fields: fc.array(fc.tuple(nameArbitrary, valueArbitrary, fc.boolean()), { maxLength: 12 }),
  }),
  { maxLength: 12 },
);

test('what the encoder writes, the decoder and the naive decoder read, with changing table sizes', () => {
  fc.assert(
    fc.property(blocksArbitrary, (blocks) => {
      const encoder = new HpackEncoder();
      const decoder = decoderOf({ tableBytes: 5000 });
      const naive = new NaiveDecoder();
      for (const { tableBytes, fields } of blocks) {
        if (tableBytes !== undefined) encoder.setPeerTableBytes(tableBytes);
        const made = fields.map(([name, value, once]) =>
          once ? (transientField(name, value) as EngineField) : field(name, value),
        );
        const bytes = encode(encoder, made);
        const expected = fields.map(([name, value]) => [name, value]);
        assert.deepEqual(decode(decoder, bytes), expected);
        assert.deepEqual(naive.decode(bytes), expected);
        assert.equal(decoder.tableBytes, encoder.tableBytes);
      }
    }),
  );
});

test('random bytes never throw and never exceed the limits', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), (blocks) => {
      const decoder = decoderOf({ maxListBytes: 500, maxFields: 5, tableBytes: 200 });
      for (const bytes of blocks) {
        decode(decoder, bytes);
        assert.ok(decoder.count <= 5);
        assert.ok(decoder.tableBytes <= 200);
      }
    }),
  );
});

test('a field enters the table on its second use; what is unique never does', () => {
  const encoder = new HpackEncoder();
  const naive = new NaiveDecoder();
  const kinds = (...fields: EngineField[]): string[] => {
    naive.decode(encode(encoder, fields));
    return naive.representations;
  };
  const repeating = field('x-repeats', `value ${Math.PI}`);
  assert.deepEqual(kinds(repeating), ['plain']);
  assert.deepEqual(kinds(repeating), ['incremental']);
  assert.deepEqual(kinds(repeating, repeating), ['indexed', 'indexed']);
  const unique = transientField('x-request-id', '1') as EngineField;
  assert.deepEqual(kinds(unique, unique, unique), ['never', 'never', 'never']);
  assert.deepEqual(kinds(field(':method', 'POST')), ['indexed']);
});

test('credentials are not shared, whatever representation they came in', () => {
  const decoder = decoderOf();
  const encoder = new HpackEncoder();
  const naive = new NaiveDecoder();
  decode(decoder, naiveLiteral('authorization', 'Bearer token', 0x40), naiveLiteral('x-secret', 'hush', 0x10));
  const fields = decoder.fields.slice(0, decoder.count);
  assert.deepEqual(
    fields.map(({ neverIndex }) => neverIndex),
    [false, true],
  );
  for (let i = 0; i < 3; i++) naive.decode(encode(encoder, fields));
  assert.deepEqual(naive.representations, ['never', 'never']);
});

test('equal literals give the very same field', () => {
  const decoder = decoderOf();
  const fields: (EngineField | undefined)[] = [];
  for (const huffman of [false, false, true, true]) {
    decode(decoder, naiveLiteral('x-shared', 'the same', 0x00, huffman));
    fields.push(decoder.fields[0]);
  }
  assert.equal(new Set(fields).size, 1);
});

test('the list limits act exactly one past, and the table stays right beyond them', () => {
  const exact = 3 * (1 + 5 + 32);
  const three = [1, 2, 3].map((n) => naiveLiteral('a', `val-${n}`, 0x40));
  const fits = decoderOf({ maxListBytes: exact, maxFields: 3 });
  assert.equal(decode(fits, ...three).length, 3);
  assert.ok(!fits.isTooLarge);
  const bytes = decoderOf({ maxListBytes: exact - 1 });
  decode(bytes, ...three);
  assert.deepEqual([bytes.isOverBytes, bytes.isOverFields], [true, false]);
  const fields = decoderOf({ maxFields: 2 });
  decode(fields, ...three);
  assert.deepEqual([fields.isOverBytes, fields.isOverFields], [false, true]);
  assert.deepEqual(decode(fields, Buffer.of(0x80 | 62)), [['a', 'val-3']]);
  assert.equal(fields.tableBytes, exact);
});

test('one byte per field is counted like any other field', () => {
  const decoder = decoderOf({ maxListBytes: 16_384, maxFields: 100 });
  decode(decoder, Buffer.alloc(31_000, 0x82));
  assert.equal(decoder.count, 100);
  assert.ok(decoder.isOverFields);
});

const update = (bytes: number): Buffer => naiveInteger(bytes, 5, 0x20);

test('MAX_TABLE_SIZE_UPDATES_PER_BLOCK and headerTableBytes; updates only in front, and owed after a reduction', () => {
  const method = Buffer.of(0x82);
  assert.deepEqual(decode(decoderOf(), update(0), update(4096), method), [[':method', 'GET']]);
  assert.equal(decode(decoderOf(), update(0), update(1), update(2), method), 'too many table size updates');
  assert.equal(decode(decoderOf(), method, update(0)), 'table size update after a field');
  assert.equal(decode(decoderOf(), update(4097)), 'table size update above the limit');
  const reduced = decoderOf();
  decode(reduced, naiveLiteral('a', 'b', 0x40));
  reduced.setTableLimit(100);
  assert.equal(decode(reduced, method), 'missing table size update');
  assert.deepEqual(decode(reduced, update(100), method), [[':method', 'GET']]);
  assert.equal(reduced.tableBytes, 34);
});

test('broken blocks are refused by reason', () => {
  const rows: readonly (readonly [Uint8Array, string])[] = [
    [Buffer.of(0x80), 'index beyond the tables'],
    [Buffer.of(0xff, 0x00), 'index beyond the tables'],
    [Buffer.of(0xbe), 'index beyond the tables'],
    [Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 'index beyond the tables'],
    [Buffer.of(0x7e), 'bad field name'],
    [Buffer.of(0x40), 'bad field name'],
    [Buffer.of(0x40, 0x05, 0x61), 'bad field name'],
    [Buffer.of(0x40, 0x81, 0xff), 'bad field name'],
    [Buffer.of(0x04), 'string beyond the block'],
    [Buffer.of(0x44, 0x03, 0x61), 'string beyond the block'],
    [Buffer.of(0x04, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f), 'string beyond the block'],
    [Buffer.concat([Buffer.of(0x04), Buffer.of(0x81, 0x00)]), 'bad Huffman code'],
    [Buffer.concat([Buffer.of(0x44), Buffer.of(0x84, 0xff, 0xff, 0xff, 0xff)]), 'bad Huffman code'],
  ];
  for (const [bytes, error] of rows)
    assert.equal(decode(decoderOf(), bytes), error, Buffer.from(bytes).toString('hex'));
});

test('an entry larger than the table empties it', () => {
  const decoder = decoderOf({ tableBytes: 100 });
  decode(decoder, naiveLiteral('a', 'b', 0x40));
  assert.equal(decoder.tableBytes, 34);
  decode(decoder, naiveLiteral('a', 'b'.repeat(100), 0x40));
  assert.equal(decoder.tableBytes, 0);
});

test('names like __proto__ are names', () => {
  for (const name of ['__proto__', 'constructor', 'tostring', 'hasownproperty']) {
    const decoded = decode(decoderOf(), Buffer.of(0x40), naiveString(name), naiveString('value'));
    assert.deepEqual(decoded, [[name, 'value']]);
  }
});
