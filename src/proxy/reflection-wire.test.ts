import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { ServerReflectionRequestSchema } from '../protobuf/index.ts';
import { readFields, textOf, textsOf, writeText, type WireField } from './reflection-wire.ts';

const fieldNumber = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const wireFields = fc.array(
  fc.oneof(
    fc.record({ field: fieldNumber, number: fc.maxSafeNat() }),
    fc.record({ field: fieldNumber, bytes: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({ field: fieldNumber, width: fc.constantFrom(4, 8) }),
  ),
);

test('reads what the Protobuf library writes', () => {
  fc.assert(
    fc.property(wireFields, (fields) => {
      const writer = new BinaryWriter();
      for (const one of fields) {
        if ('number' in one) writer.tag(one.field, WireType.Varint).uint64(one.number);
        else if ('bytes' in one) writer.tag(one.field, WireType.LengthDelimited).bytes(one.bytes);
        else if (one.width === 4) writer.tag(one.field, WireType.Bit32).fixed32(7);
        else writer.tag(one.field, WireType.Bit64).fixed64(7);
      }
      const expected = fields.map((one): WireField => ('width' in one ? { field: one.field } : { ...one }));
      assert.deepEqual(readFields(writer.finish()), expected);
    }),
  );
});

test('writes what the Protobuf library writes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (value) => {
      const messageRequest = { case: 'fileByFilename', value } as const;
      const wanted = toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest }));
      assert.deepEqual(Buffer.from(writeText(3, value)), Buffer.from(wanted));
    }),
  );
});

test('whatever the bytes are, they are fields or a RangeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        for (const { field } of readFields(bytes)) assert.ok(field > 0);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});

test('texts are UTF-8, and empty where there is none', () => {
  const fields: readonly WireField[] = [
    { field: 1, bytes: Buffer.from('ä') },
    { field: 2, bytes: Uint8Array.of(0xff) },
    { field: 3, number: 1 },
    { field: 1, bytes: Buffer.from('b') },
  ];
  assert.equal(textOf(fields, 1), 'ä');
  assert.deepEqual(textsOf(fields, 1), ['ä', 'b']);
  assert.equal(textOf(fields, 3), '');
  assert.throws(() => textOf(fields, 2), TypeError);
});
