/** The encoder against one that knows nothing but arrays: the very same bytes, and each rule by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { naiveInteger, naiveString } from '../../../test/kit/naive-hpack.ts';
import { internedField, transientField, USES_BEFORE_INDEXING, type EngineField } from '../field.ts';
import { fieldName } from '../field-name.ts';
import { MAX_ENCODER_TABLE_BYTES } from '../limits.ts';
import { HpackEncoder } from './encoder.ts';
import { staticFields } from './static-table.ts';

function field(name: string, value: string): EngineField {
  return internedField(fieldName(name), value);
}

function encode(encoder: HpackEncoder, ...fields: readonly EngineField[]): Buffer {
  const bound = HpackEncoder.maxEncodedBytes(fields, fields.length);
  const target = Buffer.alloc(bound);
  const end = encoder.encode(fields, fields.length, target, 0);
  assert.ok(end <= bound);
  return target.subarray(0, end);
}

/** What the encoder's comments promise, written with arrays. */
class NaiveEncoder {
  readonly #table: EngineField[] = [];
  readonly #uses = new Map<EngineField, number>();
  #maxBytes = 4096;
  /** Sizes since the last block. */
  #sizes: number[] = [];

  setPeerTableBytes(bytes: number): void {
    this.#sizes.push(Math.min(bytes, MAX_ENCODER_TABLE_BYTES));
  }

  encode(fields: readonly EngineField[]): Buffer {
    return Buffer.concat([...this.#sizeUpdates(), ...fields.map((one) => this.#field(one))]);
  }

  /** RFC 7541 §4.2: the smallest size that was set meanwhile, and the last. Nothing, when nothing changed. */
  #sizeUpdates(): Buffer[] {
    let current = this.#maxBytes;
    let lowest = Number.POSITIVE_INFINITY;
    for (const size of this.#sizes) {
      if (size !== current) lowest = Math.min(lowest, size);
      current = size;
    }
    this.#sizes = [];
    if (lowest === Number.POSITIVE_INFINITY) return [];
    const updates = lowest < current ? [lowest, current] : [current];
    for (const size of updates) {
      this.#maxBytes = size;
      this.#evict(0);
    }
    return updates.map((size) => naiveInteger(size, 5, 0x20));
  }

  #evict(needed: number): void {
    const bytes = (): number => this.#table.reduce((sum, { size }) => sum + size, 0);
    while (this.#table.length > 0 && bytes() + needed > this.#maxBytes) this.#table.pop();
  }

  #field(one: EngineField): Buffer {
    const fixed = staticFields.findIndex(({ name, value }) => name === one.name && value === one.value);
    if (fixed >= 0) return naiveInteger(fixed + 1, 7, 0x80);
    if (one.id < 0) return this.#literal(one, 4, 0x10);
    const known = this.#table.indexOf(one);
    if (known >= 0) return naiveInteger(62 + known, 7, 0x80);
    if (one.name === 'content-length' || one.size > this.#maxBytes / 4) return this.#literal(one, 4, 0x00);
    const uses = (this.#uses.get(one) ?? one.uses) + 1;
    this.#uses.set(one, uses);
    if (uses < USES_BEFORE_INDEXING) return this.#literal(one, 4, 0x00);
    const literal = this.#literal(one, 6, 0x40);
    this.#evict(one.size);
    this.#table.unshift(one);
    return literal;
  }

  #literal({ name, value }: EngineField, prefixBits: number, type: number): Buffer {
    const index = staticFields.findIndex((other) => other.name === name) + 1;
    const head = naiveInteger(index, prefixBits, type);
    return Buffer.concat([head, ...(index === 0 ? [naiveString(name)] : []), naiveString(value)]);
  }
}

/** Values that no other run has counted uses of. */
let run = 0;

test('property: the bytes are those of the plain encoder, whatever repeats and however the table is resized', () => {
  const name = fc.constantFrom('x-a', 'x-bb', 'user-agent', ':path', 'content-length', 'www-authenticate', ':status');
  const one = fc.record({
    name,
    key: fc.integer({ min: 0, max: 5 }),
    fill: fc.constantFrom(0, 1, 90, 125, 126, 127, 128, 200, 255, 900, 1_000),
    isTransient: fc.boolean(),
  });
  const block = fc.record({
    sizes: fc.array(fc.constantFrom(0, 1, 100, 200, 1_000, 4_095, 4_096, 4_097, 100_000), { maxLength: 3 }),
    fields: fc.array(one, { maxLength: 30 }),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 10 }), (blocks) => {
      run += 1;
      const [encoder, naive] = [new HpackEncoder(), new NaiveEncoder()];
      for (const { sizes, fields } of blocks) {
        for (const size of sizes) {
          encoder.setPeerTableBytes(size);
          naive.setPeerTableBytes(size);
        }
        const made = fields.map(({ name: text, key, fill, isTransient }) => {
          const value = text === 'content-length' ? `${key}` : `${run} ${key} ${'f'.repeat(fill)}`;
          return isTransient ? (transientField(text, value) as EngineField) : field(text, value);
        });
        // Uses are counted in the fields, so the plain one looks first.
        const expected = naive.encode(made);
        assert.equal(encode(encoder, ...made).toString('hex'), expected.toString('hex'));
      }
    }),
  );
});

test('all entries of a full table are found by their index, however their ids fall into slots', () => {
  const encoder = new HpackEncoder();
  const naive = new NaiveEncoder();
  // Four generations of the table, so that ids share slots and old entries are gone.
  const fields = Array.from({ length: 400 }, (_, i) => field('x-n', `many ${i}`));
  for (const round of [1, 2, 3])
    for (let from = 0; from < fields.length; from += 50) {
      const some = fields.slice(from, from + 50);
      const expected = naive.encode(some);
      assert.deepEqual(encode(encoder, ...some), expected, `round ${round} from ${from}`);
    }
  // 95 of 43 bytes fit into 4,096. The oldest first: its index takes two bytes.
  const last = fields.slice(-95);
  const expected = naive.encode(last);
  assert.deepEqual(expected.subarray(0, 2), naiveInteger(62 + 94, 7, 0x80));
  assert.deepEqual(encode(encoder, ...last), expected);
});

test('entries that share a slot are both found, again and again', () => {
  const encoder = new HpackEncoder();
  const made = Array.from({ length: 300 }, (_, i) => field('x-slot', `slot ${i}`));
  const [first] = made;
  assert.ok(first !== undefined);
  const other = made.find(({ id }) => id !== first.id && (id & 255) === (first.id & 255));
  assert.ok(other !== undefined);
  for (let use = 0; use < USES_BEFORE_INDEXING; use += 1) encode(encoder, first, other);
  for (let round = 0; round < 3; round += 1)
    assert.deepEqual([...encode(encoder, first, other, first)], [0x80 | 63, 0x80 | 62, 0x80 | 63]);
});

test('a field of a quarter of the table is indexed, one byte more is not', () => {
  for (const [tableBytes, size, type] of [
    [4096, 1024, 0x40],
    [4096, 1025, 0x00],
    [400, 100, 0x40],
    [400, 101, 0x00],
  ] as const) {
    const encoder = new HpackEncoder();
    encoder.setPeerTableBytes(tableBytes);
    encode(encoder);
    const one = field('x-q', `${tableBytes}`.padEnd(size - 32 - 3, '.'));
    assert.equal(one.size, size);
    encode(encoder, one);
    assert.equal(encode(encoder, one)[0], type, `${size} of ${tableBytes}`);
  }
});

test('the block stands where it was asked for, and nothing is touched around it', () => {
  const fields = [field(':method', 'POST'), transientField('x-at', 'a position') as EngineField];
  const alone = encode(new HpackEncoder(), ...fields);
  const target = Buffer.alloc(alone.length + 20, 0xee);
  const end = new HpackEncoder().encode(fields, fields.length, target, 10);
  assert.equal(end, 10 + alone.length);
  assert.deepEqual(target.subarray(10, end), alone);
  assert.ok([...target.subarray(0, 10), ...target.subarray(end)].every((byte) => byte === 0xee));
  const one = new HpackEncoder().encode(fields, 1, target, 0);
  assert.equal(one, 1);
});

test('the bound on a block holds for integers of any length, and is not far above', () => {
  for (const length of [0, 126, 127, 128, 254, 255, 16_383, 16_384, 40_000]) {
    const fields = [transientField('x-long', 'v'.repeat(length)) as EngineField];
    const bound = HpackEncoder.maxEncodedBytes(fields, 1);
    assert.ok(encode(new HpackEncoder(), ...fields).length <= bound);
    assert.equal(bound, 16 + 6 + length + 32);
  }
  assert.equal(HpackEncoder.maxEncodedBytes([field('a', 'b'), field('c', 'd')], 1), 16 + 34);
});
