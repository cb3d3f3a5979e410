/** The reader of frames against one that has all bytes at once: however they are cut, the same is passed on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { build, cutFrames, frame } from '../../test/kit/frame-peer.ts';
import { ErrorCode } from './errors.ts';
import { CLIENT_PREFACE, Flag, FrameType } from './frame.ts';
import { MAX_RECEIVED_FRAME_BYTES } from './limits.ts';
import { FrameReader } from './reader.ts';

interface Recorder {
  readonly reader: FrameReader;
  /** What was passed on; the parts of one DATA frame are one line. */
  readonly calls: string[];
  readonly read: (bytes: Uint8Array) => void;
}

/** `closesAt`: the type of frame whose start ends the connection. */
function recorder({ preface = false, closesAt = -1 } = {}): Recorder {
  const calls: string[] = [];
  let data: Buffer[] = [];
  let isClosed = false;
  const hex = (bytes: Buffer): string => bytes.toString('hex');
  const reader = new FrameReader(
    {
      get isClosed() {
        return isClosed;
      },
      frameStart: (type, flags, id, length) => {
        calls.push(`start ${type} ${flags} ${id} ${length}`);
        if (type === closesAt) isClosed = true;
        return !isClosed;
      },
      dataStart: (id, flags, length) => calls.push(`data ${id} ${flags} ${length}`),
      dataPadding: (bytes) => calls.push(`padding ${bytes}`),
      dataPart: (chunk, start, end, last) => {
        assert.ok(start <= end && end <= chunk.length && start >= 0);
        data.push(Buffer.from(chunk.subarray(start, end)));
        if (!last) return;
        calls.push(`content ${hex(Buffer.concat(data))}`);
        data = [];
      },
      frame: (type, flags, id, payload, start, end) =>
        calls.push(`frame ${type} ${flags} ${id} ${hex(Buffer.from(payload.subarray(start, end)))}`),
      fail: (code, message) => {
        isClosed = true;
        calls.push(`fail ${code} ${message}`);
      },
    },
    preface,
  );
  return { reader, calls, read: (bytes) => reader.read(Buffer.from(bytes)) };
}

/** RFC 9113 §4.1 and §6.1, of a frame that is there as a whole. */
function expectedOf(bytes: Uint8Array): string[] {
  return cutFrames(Buffer.from(bytes)).flatMap(({ type, flags, id, payload }) => {
    const start = `start ${type} ${flags} ${id} ${payload.length}`;
    if (type > FrameType.CONTINUATION) return [start];
    if (type !== FrameType.DATA) return [start, `frame ${type} ${flags} ${id} ${payload.toString('hex')}`];
    const data = `data ${id} ${flags} ${payload.length}`;
    if ((flags & Flag.PADDED) === 0) return [start, data, `content ${payload.toString('hex')}`];
    const padding = payload[0] ?? 0;
    const content = payload.subarray(1, payload.length - padding);
    return [start, data, `padding ${padding + 1}`, `content ${content.toString('hex')}`];
  });
}

/** The pieces between the given places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((cut, index) => bytes.subarray(cuts[index], cut));
}

const payload = fc.uint8Array({ maxLength: 40 });
const plain = fc
  .tuple(fc.nat(12), fc.nat(255), fc.nat(2 ** 31 - 1), payload)
  .map(([type, flags, id, bytes]) => frame(type, type === 0 ? flags & ~Flag.PADDED : flags, id, Buffer.from(bytes)));
const padded = fc
  .tuple(fc.constantFrom(0, Flag.END_STREAM), payload, fc.nat(20))
  .map(([flags, bytes, padding]) =>
    frame(0, flags | Flag.PADDED, 1, Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding, 0xaa)])),
  );

test('property: frames of every type, cut anywhere, after a preface that is cut too', () => {
  const frames = fc.array(fc.oneof(plain, padded), { maxLength: 12 });
  const places = fc.array(fc.nat(2_000), { maxLength: 30 });
  fc.assert(
    fc.property(frames, places, fc.boolean(), (list, cuts, preface) => {
      const body = Buffer.concat(list);
      const { reader, calls, read } = recorder({ preface });
      for (const piece of cutAt(preface ? Buffer.concat([build.preface, body]) : body, cuts)) read(piece);
      assert.deepEqual(calls, expectedOf(body));
      assert.equal(reader.frames, list.length);
      assert.equal(reader.isMidFrame, false);
    }),
    { numRuns: 500 },
  );
});

test('byte by byte, and every frame in one piece with the next', () => {
  const body = Buffer.concat([
    build.data(1, 'some content'),
    build.paddedData(1, 'more', 7),
    build.paddedData(1, '', 3),
    build.data(1, ''),
    build.ping(),
    frame(0x99, 0, 0, Buffer.alloc(5)),
    frame(0x99, 0, 0),
    build.settings(),
    build.settings([[4, 1]]),
  ]);
  const whole = recorder();
  whole.read(body);
  assert.deepEqual(whole.calls, expectedOf(body));
  const bytes = recorder();
  for (const byte of body) bytes.read(Buffer.of(byte));
  assert.deepEqual(bytes.calls, whole.calls);
});

test('a part of DATA is passed on when it is there, and only the last one is the last', () => {
  const parts: string[] = [];
  const reader = new FrameReader(
    {
      isClosed: false,
      frameStart: () => true,
      dataStart: () => undefined,
      dataPadding: () => undefined,
      dataPart: (chunk, start, end, last) =>
        parts.push(`${chunk.toString('latin1', start, end)}${last ? ' last' : ''}`),
      frame: () => undefined,
      fail: (_code, message) => assert.fail(message),
    },
    false,
  );
  const bytes = Buffer.from(build.data(1, 'abcdef'));
  for (const [from, to] of [
    [0, 11],
    [11, 13],
    [13, 15],
  ] as const)
    reader.read(bytes.subarray(from, to));
  assert.deepEqual(parts, ['ab', 'cd', 'ef last']);
});

test('a preface that is none fails at the byte that is wrong, and one that is cut short does not', () => {
  for (let at = 0; at < CLIENT_PREFACE.length; at += 1) {
    const { reader, calls, read } = recorder({ preface: true });
    const bytes = Buffer.from(build.preface);
    read(bytes.subarray(0, at));
    assert.deepEqual(calls, []);
    assert.equal(reader.isMidFrame, true);
    read(Buffer.of((bytes[at] ?? 0) ^ 0x20));
    assert.deepEqual(calls, [`fail ${ErrorCode.PROTOCOL_ERROR} not an HTTP/2 client preface`]);
    read(build.ping());
    assert.equal(calls.length, 1);
  }
});

test('what is in the middle of a frame is told, for the time that an incomplete one may take', () => {
  const { reader, read } = recorder();
  const ping = Buffer.from(build.ping());
  for (const [bytes, isMidFrame] of [
    [ping.subarray(0, 4), true],
    [ping.subarray(4, 9), true],
    [ping.subarray(9, 12), true],
    [ping.subarray(12), false],
    // DATA is passed on as it comes, so it waits for nothing.
    [build.data(1, 'content').subarray(0, 12), false],
  ] as const) {
    read(bytes);
    assert.equal(reader.isMidFrame, isMidFrame);
  }
});

test('frames that are too long, and padding that does not fit, fail by name', () => {
  const code = { size: ErrorCode.FRAME_SIZE_ERROR, protocol: ErrorCode.PROTOCOL_ERROR };
  const tooLong = Buffer.from(frame(0, 0, 1, Buffer.alloc(MAX_RECEIVED_FRAME_BYTES + 1)));
  for (const [bytes, expected] of [
    [tooLong.subarray(0, 9), `fail ${code.size} frame larger than SETTINGS_MAX_FRAME_SIZE`],
    [frame(0, Flag.PADDED, 1), `fail ${code.size} padded DATA without a pad length`],
    [frame(0, Flag.PADDED, 1, Buffer.of(2, 0)), `fail ${code.protocol} padding longer than its DATA frame`],
  ] as const) {
    const { calls, read } = recorder();
    read(bytes);
    assert.equal(calls.at(-1), expected);
    const before = calls.length;
    read(build.ping());
    assert.equal(calls.length, before);
  }
});

test('after a start that ends the connection nothing is passed on, an empty frame neither', () => {
  for (const bytes of [build.data(1, ''), build.settings()]) {
    const { calls, read } = recorder({ closesAt: bytes[3] ?? 0 });
    read(Buffer.concat([bytes, build.ping()]));
    assert.equal(calls.length, 1);
  }
});

test('what ends the connection as DATA begins has no content, not even none', () => {
  const parts: string[] = [];
  let isClosed = false;
  const reader = new FrameReader(
    {
      get isClosed() {
        return isClosed;
      },
      frameStart: () => true,
      dataStart: () => {
        isClosed = true;
      },
      dataPadding: () => parts.push('padding'),
      dataPart: () => parts.push('part'),
      frame: () => parts.push('frame'),
      fail: (_code, message) => assert.fail(message),
    },
    false,
  );
  reader.read(Buffer.concat([build.data(1, ''), build.ping()]));
  assert.deepEqual(parts, []);
});

test('reading stops behind the frame with which so many frames or bytes are read, and goes on from there', () => {
  // Ends of the frames: 17, 31 (DATA, 22 to 31 its content), 48.
  const bytes = Buffer.concat([build.ping('11111111'), build.data(1, 'abcde'), build.ping('22222222')]);
  for (const [from, mostFrames, mostBytes, expected] of [
    [0, Infinity, Infinity, 48],
    [0, 1, Infinity, 17],
    [0, 2, Infinity, 31],
    [0, 3, Infinity, 48],
    [0, Infinity, 1, 17],
    [0, Infinity, 16, 17],
    [0, Infinity, 17, 17],
    [0, Infinity, 18, 31],
    [0, Infinity, 31, 31],
    [0, Infinity, 32, 48],
    [17, Infinity, 14, 31],
    [17, Infinity, 15, 48],
    [17, 1, 15, 31],
    [0, 2, 17, 17],
  ] as const) {
    const { reader, calls } = recorder();
    const stopped = reader.read(bytes, from, mostFrames, mostBytes);
    assert.equal(stopped, expected, `${from} ${mostFrames} ${mostBytes}`);
    assert.deepEqual(calls, expectedOf(bytes.subarray(from, stopped)));
    reader.read(bytes, stopped);
    assert.deepEqual(calls, expectedOf(bytes.subarray(from)));
  }
  // Bytes of a frame that an earlier read began are the next one's like any other.
  const { reader } = recorder();
  reader.read(bytes.subarray(0, 10));
  assert.equal(reader.read(bytes.subarray(10), 0, Infinity, 1), 7);
});
