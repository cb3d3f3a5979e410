import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteQueue, type DataSink } from './byte-queue.ts';

/** Takes at most `room` bytes in all and keeps them. */
function sinkWith(room: number): DataSink<string> & { readonly taken: Buffer[]; room: number } {
  return {
    room,
    taken: [],
    sendData(_stream, chunk, start, end) {
      const count = Math.min(this.room, end - start);
      this.room -= count;
      this.taken.push(Buffer.from(chunk.subarray(start, start + count)));
      return count;
    },
  };
}

describe('ByteQueue', () => {
  test('gives back what was put in, in order, however it is cut', () => {
    const queue = new ByteQueue();
    const parts = [1, 5, 4_000, 4_096, 70_000, 3, 20_000, 1].map((size, index) => Buffer.alloc(size, index + 1));
    const all = Buffer.concat(parts);
    for (const part of parts) queue.push(part, 0, part.length);
    assert.equal(queue.byteLength, all.length);
    const received: Buffer[] = [];
    while (queue.byteLength > 0) {
      const sink = sinkWith(7_001);
      queue.drainTo(sink, 'stream');
      received.push(...sink.taken);
    }
    assert.ok(Buffer.concat(received).equals(all));
  });

  test('many queues share blocks and never bytes', () => {
    const queues = Array.from({ length: 300 }, () => new ByteQueue());
    for (let round = 0; round < 3; round++) {
      for (const [index, queue] of queues.entries()) {
        queue.push(Buffer.alloc(1_000 + index * 50, index), 0, 1_000 + index * 50);
        queue.push(Buffer.alloc(500, index), 0, 500);
      }
      for (const [index, queue] of queues.entries()) {
        if (index % 7 === round) queue.clear();
        const sink = sinkWith(1_000_000);
        queue.drainTo(sink, 'stream');
        const received = Buffer.concat(sink.taken);
        assert.equal(received.length, index % 7 === round ? 0 : 1_500 + index * 50);
        assert.ok(received.every((byte) => byte === index % 256));
      }
    }
  });

  test('may be cleared by the sink it drains to', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 3; i++) queue.push(Buffer.alloc(16_384, 1), 0, 16_384);
    const taken = queue.drainTo({ sendData: (_stream, _chunk, start, end) => (queue.clear(), end - start) }, 'stream');
    assert.equal(taken, 16_384);
    assert.equal(queue.byteLength, 0);
    queue.push(Buffer.from('after'), 0, 5);
    const sink = sinkWith(100);
    assert.equal(queue.drainTo(sink, 'stream'), 5);
  });

  test('does not keep the buffer of a small piece alive', () => {
    const queue = new ByteQueue();
    const socketBuffer = Buffer.alloc(65_536, 1);
    queue.push(socketBuffer, 10, 30);
    socketBuffer.fill(2);
    const sink = sinkWith(100);
    assert.equal(queue.drainTo(sink, 'stream'), 20);
    assert.ok(Buffer.concat(sink.taken).every((byte) => byte === 1));
  });

  test('goes on after it was emptied in part, and after it was cleared', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from('abcdef'), 0, 6);
    const sink = sinkWith(2);
    assert.equal(queue.drainTo(sink, 'stream'), 2);
    queue.push(Buffer.from('ghi'), 0, 3);
    sink.room = 100;
    assert.equal(queue.drainTo(sink, 'stream'), 7);
    assert.equal(Buffer.concat(sink.taken).toString(), 'abcdefghi');
    queue.push(Buffer.from('x'), 0, 1);
    queue.clear();
    assert.equal(queue.byteLength, 0);
    assert.equal(queue.drainTo(sink, 'stream'), 0);
  });
});
