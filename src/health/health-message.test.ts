import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHealthResponse, encodeHealthRequest } from './health-message.ts';

test('a request is field 1 with the name, or nothing', () => {
  assert.deepEqual(encodeHealthRequest(''), new Uint8Array());
  assert.deepEqual(Buffer.from(encodeHealthRequest('a.B')).toString('hex'), '0a03612e42');
  const long = encodeHealthRequest('x'.repeat(300));
  assert.deepEqual([...long.subarray(0, 3)], [0x0a, 0xac, 0x02]);
  assert.equal(long.length, 303);
});

test('a response says its status, whatever fields of later versions are beside it', () => {
  assert.equal(decodeHealthResponse(new Uint8Array()), 'UNKNOWN');
  assert.equal(decodeHealthResponse(Uint8Array.of(0x08, 1)), 'SERVING');
  assert.equal(decodeHealthResponse(Uint8Array.of(0x08, 2)), 'NOT_SERVING');
  assert.equal(decodeHealthResponse(Uint8Array.of(0x08, 3)), 'SERVICE_UNKNOWN');
  assert.equal(decodeHealthResponse(Uint8Array.of(0x08, 77)), 'UNKNOWN');
  // The last one counts; fields 2 (bytes), 3 (fixed32) and 4 (fixed64) are passed over.
  const others = [0x12, 2, 9, 9, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.equal(decodeHealthResponse(Uint8Array.of(0x08, 2, ...others, 0x08, 1)), 'SERVING');
});

test('what is cut off or no message at all is undefined, and nothing makes it throw', () => {
  for (const bytes of [[0x08], [0x08, 0x80], [0x12, 5, 1], [0x1d, 1], [0x21, 1], [0x0b], [0x12, 0xff]]) {
    assert.equal(decodeHealthResponse(Uint8Array.from(bytes)), undefined, bytes.join());
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void decodeHealthResponse(bytes)));
});
