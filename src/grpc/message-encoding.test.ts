import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeGrpcMessage, encodeGrpcMessage } from './message-encoding.ts';

test('printable ASCII stays, the rest is escaped as UTF-8', () => {
  const rows = [
    ['RBAC: access denied', 'RBAC: access denied'],
    ['100%', '100%25'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['Äpfel', '%C3%84pfel'],
    ['😀', '%F0%9F%98%80'],
    ['', ''],
  ] as const;
  for (const [text, encoded] of rows) {
    assert.equal(encodeGrpcMessage(text), encoded);
    assert.equal(decodeGrpcMessage(encoded), text);
  }
});

test('a broken escape stands for itself, broken UTF-8 becomes U+FFFD', () => {
  assert.equal(decodeGrpcMessage('100% of %zz %4'), '100% of %zz %4');
  assert.equal(decodeGrpcMessage('%ff'), '\ufffd');
  assert.equal(decodeGrpcMessage('\u00c3\u0084'), 'Ä', 'raw bytes are UTF-8 too');
});

test('any text comes back, over printable ASCII alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = encodeGrpcMessage(text);
      assert.match(encoded, /^[ -~]*$/);
      assert.equal(decodeGrpcMessage(encoded), text);
    }),
  );
});

test('decoding never fails', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decodeGrpcMessage(text)));
});
