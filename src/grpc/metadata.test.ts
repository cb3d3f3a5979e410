import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBinaryMetadata, isBinaryMetadata } from './metadata.ts';

test('bytes come back, padded or not, one value or several', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array(), { minLength: 1 }), fc.boolean(), (values, padded) => {
      const encode = (value: Uint8Array): string =>
        Buffer.from(value)
          .toString('base64')
          .replace(padded ? '' : /=+$/, '');
      assert.deepEqual(
        decodeBinaryMetadata(values.map(encode).join(',')),
        values.map((value) => Buffer.from(value)),
      );
    }),
  );
});

test('what is not base64 is refused', () => {
  for (const value of ['a', 'a===', 'ab=c', 'a_b-', 'ab,c', '\u00e9'])
    assert.equal(decodeBinaryMetadata(value), undefined, value);
  assert.deepEqual(decodeBinaryMetadata('YQ, Yg=='), [Buffer.from('a'), Buffer.from('b')]);
});

test('names tell binary metadata', () => {
  assert.equal(isBinaryMetadata('trace-bin'), true);
  assert.equal(isBinaryMetadata('trace-binary'), false);
});
