/** Every limit at its value and one past; attacks by the ids of their public advisories; and what must survive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  block,
  build,
  END_HEADERS,
  END_STREAM,
  frame,
  harness,
  request,
  type Harness,
  type HarnessOptions,
} from '../../test/kit/frame-peer.ts';
import { naiveLiteral } from '../../test/kit/naive-hpack.ts';
import { ErrorCode, internField } from './index.ts';

const full = END_HEADERS | END_STREAM;
const ok = [internField(':status', '200')];

/** Feeds frames made by `make` until the connection closes; how many it took, at most `max`. */
function floodUntilClosed(server: Harness, max: number, make: (i: number) => Uint8Array): number {
  for (let i = 0; i < max; i++) {
    server.send(make(i));
    if (server.connection.isClosed) return i + 1;
  }
  return max + 1;
}

function expectCalm(server: Harness, limit: string): void {
  const calls = server.calls();
  assert.ok(calls.includes(`limit ${limit}`), calls.slice(-3).join(' | '));
  assert.ok(calls.some((call) => call.startsWith('failed ENHANCE_YOUR_CALM')));
}

const fast: HarnessOptions = { role: 'server' };

test('rapid reset (CVE-2023-44487) ends within 1000 resets, and nothing stays in flight', () => {
  const server = harness(fast);
  const taken = floodUntilClosed(server, 2000, (i) =>
    Buffer.concat([build.headers(1 + 2 * i, request, full), build.reset(1 + 2 * i, ErrorCode.CANCEL)]),
  );
  assert.ok(taken > 500 && taken <= 1000, `${taken}`);
  expectCalm(server, 'abuse-score');
  assert.equal(server.connection.activeStreams, 0);
});

const madeYouReset: Readonly<Record<string, (id: number) => Uint8Array[]>> = {
  'WINDOW_UPDATE of 0': (id) => [build.windowUpdate(id, 0)],
  'window overflow': (id) => [build.windowUpdate(id, 2 ** 31 - 1)],
  'PRIORITY of wrong length': (id) => [frame(2, 0, id, Buffer.alloc(4))],
  'PRIORITY on itself': (id) => [build.priority(id, id)],
  'HEADERS after END_STREAM': (id) => [build.data(id, '', END_STREAM), build.headers(id, request, full)],
  'DATA after END_STREAM': (id) => [build.data(id, '', END_STREAM), build.data(id, 'x')],
  'bad trailers': (id) => [build.headers(id, [[':path', '/']], full)],
};

for (const [name, primitive] of Object.entries(madeYouReset)) {
  test(`MadeYouReset (CVE-2025-8671) by ${name} is cut by score`, () => {
    const server = harness(fast);
    const taken = floodUntilClosed(server, 2000, (i) =>
      Buffer.concat([build.headers(1 + 2 * i, request), ...primitive(1 + 2 * i)]),
    );
    assert.ok(taken <= 500, `${taken}`);
    expectCalm(server, 'abuse-score');
    assert.equal(server.connection.activeStreams, 0);
  });
}

test('CONTINUATION flood: eight are taken, the ninth closes; so does a block too large', () => {
  const first = build.headerBlock(1, block(request), END_STREAM);
  const more = build.continuation(1, naiveLiteral('x', 'y'), 0);
  const eight = harness(fast);
  eight.send(first, ...Array.from({ length: 7 }, () => more), build.continuation(1, naiveLiteral('x', 'y')));
  assert.ok(eight.calls().some((call) => call.startsWith('headers 1')));
  const nine = harness(fast);
  assert.deepEqual(nine.send(first, ...Array.from({ length: 9 }, () => more)), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
  expectCalm(nine, 'continuation-frames');
  const large = harness(fast);
  const big = build.continuation(1, Buffer.alloc(16_000), 0);
  assert.deepEqual(large.send(first, big, big, big, big, big), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
  expectCalm(large, 'header-block-bytes');
});

const crumbs = (count: number): [string, string][] =>
  Array.from({ length: count - request.length }, () => ['cookie', 'a=b']);
const refusal = (id: number): string[] => [`HEADERS ${id} :status=431 END_STREAM`, `RST_STREAM ${id} NO_ERROR`];

test('maxHeaderListBytes and maxHeaderFields: a list at them passes; one more is answered 431 and costs the stream alone', () => {
  const server = harness(fast);
  assert.deepEqual(server.send(build.headers(1, [...request, ...crumbs(100)], full)), []);
  assert.deepEqual(server.send(build.headers(3, [...request, ...crumbs(101)])), refusal(3));
  assert.ok(server.calls().includes('limit header-list-fields'));
  const used = request.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  const filler = (extra: number): [string, string] => ['x', 'y'.repeat(16_384 - used - 33 + extra)];
  const part = (id: number, bytes: number): Uint8Array[] => {
    const whole = block([...request, filler(bytes)]);
    return [
      build.headerBlock(id, whole.subarray(0, 16_000), END_STREAM),
      build.continuation(id, whole.subarray(16_000)),
    ];
  };
  assert.deepEqual(server.send(...part(5, 0)), []);
  assert.deepEqual(server.send(...part(7, 1)), refusal(7));
  assert.ok(server.calls().includes('limit header-list-bytes'));
  assert.deepEqual(server.send(build.data(3, 'ignored')), []);
  assert.ok(!server.connection.isClosed);
});

test('an oversized response or trailer section resets its stream', () => {
  const client = harness({ role: 'client' });
  const stream = client.connection.openStream('one');
  assert.ok(stream);
  client.connection.sendHeaders(stream, [internField(':method', 'GET')], 1, true);
  client.transcript();
  const many = Array.from({ length: 101 }, () => ['x', 'y'] as const);
  assert.deepEqual(client.send(build.headers(1, [[':status', '200'], ...many])), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  assert.deepEqual(client.calls(), ['limit header-list-fields', 'reset 1 ENHANCE_YOUR_CALM by us', 'closed 1']);
});

const floods: Readonly<Record<string, (i: number) => Uint8Array>> = {
  'PING (CVE-2019-9512)': () => build.ping(),
  'SETTINGS (CVE-2019-9515)': (i) => build.settings([[4, 1000 + (i & 1)]]),
  'empty DATA (CVE-2019-9518)': () => build.data(1, ''),
  'tiny DATA': () => build.data(1, 'x'),
  'padding only': () => build.paddedData(1, '', 255),
  WINDOW_UPDATE: () => build.windowUpdate(0, 1),
  'WINDOW_UPDATE on a stream': () => build.windowUpdate(1, 1),
  'PRIORITY (CVE-2019-9513)': (i) => build.priority(1 + 2 * (i % 1000), 0),
  'unknown frames': () => frame(0x99, 0, 0, Buffer.alloc(0)),
  'large unknown frames': () => frame(0x99, 0, 0, Buffer.alloc(16_384)),
  'RST_STREAM of a gone stream': () => build.reset(3, 8),
  'PING acknowledgements': () => frame(6, 1, 0, Buffer.alloc(8)),
  'SETTINGS acknowledgements': () => frame(4, 1, 0, Buffer.alloc(0)),
  GOAWAY: () => frame(7, 0, 0, Buffer.alloc(8)),
};

for (const [name, make] of Object.entries(floods)) {
  test(`a flood of ${name} closes the connection`, () => {
    const server = harness({ ...fast, limits: { streamWindowBytes: 2 ** 28, connectionWindowBytes: 2 ** 28 } });
    server.send(build.headers(1, request), build.headers(3, request), build.reset(3, 8));
    const taken = floodUntilClosed(server, 20_000, make);
    assert.ok(taken > 40 && taken <= 10_000, `${taken}`);
    expectCalm(server, 'abuse-score');
  });
}

test('answers that nobody reads are bounded', () => {
  const server = harness(fast);
  const frames = Array.from({ length: 1100 }, (_, i) => [build.headers(1 + 2 * i, request, full), build.ping()]).flat();
  server.connection.receive(Buffer.concat(frames), 0);
  expectCalm(server, 'queued-control-frames');
  assert.ok(server.connection.output.byteLength < 64 * 1024);
});

test('after a connection error every byte is ignored', () => {
  const server = harness(fast);
  assert.deepEqual(
    server.send(Buffer.concat([build.ping('short').fill(0, 3, 4), build.ping(), build.ping()])).length,
    1,
  );
  assert.deepEqual(server.send(build.headers(1, request), build.ping()), []);
  assert.equal(server.connection.output.byteLength, 0);
});

test('stream-id exhaustion: the highest id works, and nothing after it', () => {
  const server = harness(fast);
  assert.deepEqual(server.send(build.headers(2 ** 31 - 1, request, full)), []);
  assert.deepEqual(server.send(build.headers(2 ** 31 - 3, request, full)), [`GOAWAY ${2 ** 31 - 1} PROTOCOL_ERROR`]);
});

/** Runs `seconds` of `perSecond` events each and expects the connection to live. */
function survives(server: Harness, seconds: number, perSecond: number, step: (i: number) => void): void {
  for (let i = 0; i < seconds * perSecond; i++) {
    server.nowMs += 1000 / perSecond;
    step(i);
    if (server.connection.isClosed) assert.fail(`closed after ${i}: ${server.calls().slice(-2).join(' | ')}`);
  }
  server.calls();
}

function answer(server: Harness, id: number): void {
  const stream = server.streams.get(id);
  assert.ok(stream);
  server.connection.sendHeaders(stream, ok, 1, true);
  server.streams.delete(id);
}

test('survives: 300 calls per second of which 20 % are cancelled', () => {
  const server = harness(fast);
  survives(server, 60, 300, (i) => {
    const id = 1 + 2 * i;
    server.send(build.headers(id, request, full));
    if (i % 5 === 0) server.send(build.reset(id, ErrorCode.CANCEL));
    else answer(server, id);
  });
});

test('survives: 5000 calls per second of which 20 % are cancelled', () => {
  const server = harness(fast);
  survives(server, 2, 5000, (i) => {
    const id = 1 + 2 * i;
    server.send(build.headers(id, request, full));
    if (i % 5 === 0) server.send(build.reset(id, ErrorCode.CANCEL));
    else answer(server, id);
  });
});

test('survives: 100,000 messages of 6 bytes in a burst, each probed by a BDP PING', () => {
  const server = harness({ ...fast, limits: { streamWindowBytes: 2 ** 20 } });
  server.send(build.headers(1, request));
  for (let i = 0; i < 100_000; i++) {
    const lines = server.send(build.data(1, Buffer.alloc(6)), i % 10 === 0 ? build.ping() : Buffer.alloc(0));
    assert.ok(
      lines.every((line) => !line.startsWith('GOAWAY')),
      `${i}`,
    );
  }
});

test('survives: keepalive PINGs every 10 s of an idle connection for an hour', () => {
  const server = harness(fast);
  for (let i = 0; i < 360; i++) {
    server.nowMs += 10_000;
    assert.deepEqual(server.send(build.ping()), ['PING ACK "pingpong"']);
  }
});

test('survives: a receiver that returns window for each small frame', () => {
  const server = harness(fast);
  server.send(build.headers(1, request, full));
  const stream = server.streams.get(1);
  assert.ok(stream);
  const body = Buffer.alloc(100);
  for (let i = 0; i < 20_000; i++) {
    server.connection.sendData(stream, body, 0, 100, false);
    const lines = server.send(build.windowUpdate(1, 100), build.windowUpdate(0, 100));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('DATA')),
      [],
    );
  }
});

test('streams beyond the limit cost something even before SETTINGS were acknowledged, but a first burst of 1,000 passes', () => {
  const server = harness({ role: 'server', raw: true, limits: { maxConcurrentStreams: 1 } });
  server.send(build.preface, build.settings());
  const open = (i: number) => build.headers(1 + 2 * i, request);
  server.send(...Array.from({ length: 1000 }, (_, i) => open(i)));
  assert.ok(!server.connection.isClosed);
  const taken = floodUntilClosed(server, 5000, (i) => open(1000 + i));
  assert.ok(taken < 3000, `${taken}`);
  expectCalm(server, 'abuse-score');
});

test('a response taken byte by byte (CVE-2019-9511) closes the connection; one window that ends in a sliver does not', () => {
  const server = harness(fast);
  server.send(build.settings([[4, 8]]), build.headers(1, request, full));
  const stream = server.streams.get(1) ?? assert.fail('no stream');
  server.connection.sendHeaders(stream, ok, 1, false);
  const body = Buffer.alloc(65_536);
  let at = server.connection.sendData(stream, body, 0, body.length, true);
  assert.equal(at, 8);
  assert.ok(!server.connection.isClosed);
  const taken = floodUntilClosed(server, 20_000, () => {
    at += server.connection.sendData(stream, body, at, body.length, true);
    return build.windowUpdate(1, 1);
  });
  assert.ok(taken > 1000 && taken <= 10_000, `${taken}`);
  expectCalm(server, 'abuse-score');
});

test('answers without DATA that nobody reads are bounded in bytes too', () => {
  const long = [...ok, internField('x-long', 'y'.repeat(8000))];
  const server = harness({
    role: 'server',
    handler: { onHeaders: (stream) => server.connection.sendHeaders(stream, long, long.length, true) },
  });
  const open = (i: number) => build.headers(1 + 2 * i, request, full);
  const frames = Array.from({ length: 1000 }, (_, i) => open(i));
  server.connection.receive(Buffer.concat(frames), 0);
  expectCalm(server, 'queued-answer-bytes');
  assert.ok(server.connection.output.byteLength < 5 * 1024 * 1024);
});

test('MAX_QUEUED_CONTROL_FRAMES: so many ended responses wait for one who does not read, one more closes', () => {
  const server = harness({
    role: 'server',
    handler: { onHeaders: (stream) => server.connection.sendHeaders(stream, ok, ok.length, true) },
  });
  const open = (i: number) => build.headers(1 + 2 * i, request, full);
  for (let i = 0; i < 1000; i++) server.connection.receive(open(i), 0);
  assert.ok(!server.connection.isClosed);
  server.transcript();
  for (let i = 1000; i < 2000; i++) server.connection.receive(open(i), 0);
  assert.ok(!server.connection.isClosed);
  server.connection.receive(open(2000), 0);
  expectCalm(server, 'queued-control-frames');
});

test('MAX_QUEUED_CONTROL_FRAMES: who never acknowledges our SETTINGS has read none of what the socket took', () => {
  const unaware = harness({
    role: 'server',
    raw: true,
    handler: { onHeaders: (stream) => unaware.connection.sendHeaders(stream, ok, ok.length, true) },
  });
  unaware.send(build.preface, build.settings());
  const open = (i: number) => build.headers(1 + 2 * i, request, full);
  for (let i = 0; i < 1000; i++) unaware.connection.receive(open(i), 0);
  assert.ok(!unaware.connection.isClosed);
  unaware.transcript();
  unaware.connection.receive(open(1000), 0);
  expectCalm(unaware, 'queued-control-frames');
});

test('header bombs (CVE-2016-6581, CVE-2026-49975) end the connection within a few requests; long metadata does not', () => {
  const newest = Buffer.alloc(16_000, 0xbe);
  const entry = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.of(0x40), naiveLiteral(name, value).subarray(1)]);
  const flood = (name: string, value: string): number => {
    const server = harness(fast);
    server.send(build.headerBlock(1, Buffer.concat([block(request), entry(name, value)])));
    const taken = floodUntilClosed(server, 100, (i) =>
      build.headerBlock(3 + 2 * i, Buffer.concat([block(request), newest]), full),
    );
    expectCalm(server, 'abuse-score');
    return taken;
  };
  assert.equal(flood('x', 'y'.repeat(4000)), 1);
  assert.ok(flood('a', '') <= 15);
  const honest = harness(fast);
  for (let i = 0; i < 100; i++) honest.send(build.headers(1 + 2 * i, [...request, ['x', 'y'.repeat(16_000)]], full));
  assert.ok(!honest.connection.isClosed);
});

test('32 settings in one frame pass, 33 close the connection', () => {
  const frameOf = (count: number) => build.settings(Array.from({ length: count }, (_, i) => [0x1000 + i, i]));
  const server = harness(fast);
  assert.deepEqual(server.send(frameOf(32)), ['SETTINGS ACK']);
  assert.deepEqual(server.send(frameOf(33)), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
  expectCalm(server, 'settings-per-frame');
});

test('MAX_TINY_FRAMES_PER_STREAM, where tinyDataCost is 0: 3,200 in a row pass, one more costs its stream alone', () => {
  const windows = { streamWindowBytes: 2 ** 28, connectionWindowBytes: 2 ** 28 };
  const server = harness({ ...fast, limits: { ...windows, tinyDataCost: 0 } });
  server.send(build.headers(1, request), build.headers(3, request));
  const tiny = (id: number, count: number) => server.send(...Array.from({ length: count }, () => build.data(id, 'x')));
  assert.deepEqual(tiny(1, 3200), []);
  assert.deepEqual(tiny(1, 1), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  assert.ok(server.calls().includes('limit tiny-frames-per-stream'));
  for (let i = 0; i < 10_000; i++) server.send(build.data(3, 'x'), build.data(3, 'a whole message'));
  assert.ok(!server.connection.isClosed);
});

const afterReset: Readonly<Record<string, Uint8Array>> = {
  'empty DATA': build.data(1, ''),
  'full DATA': build.data(1, Buffer.alloc(16_000)),
  HEADERS: build.headers(1, request),
};

for (const [name, late] of Object.entries(afterReset)) {
  test(`${name} on a stream that we reset: what was under way is free, a flood is cut`, () => {
    const server = harness(fast);
    server.send(build.headers(1, request));
    server.connection.resetStream(server.streams.get(1) ?? assert.fail('no stream'), ErrorCode.CANCEL);
    for (let i = 0; i < 4; i++) server.send(late);
    assert.ok(!server.connection.isClosed);
    const taken = floodUntilClosed(server, 20_000, () => late);
    assert.ok(taken <= 15_000, `${taken}`);
    expectCalm(server, 'abuse-score');
  });
}

test('a window of DATA after each of a thousand cancelled streams costs nothing', () => {
  const client = harness({ role: 'client' });
  for (let i = 0; i < 1000; i++) {
    const stream = client.connection.openStream('one') ?? assert.fail('no stream');
    client.connection.sendHeaders(stream, [internField(':method', 'POST')], 1, false);
    client.send(build.headers(stream.id, [[':status', '200']]));
    client.connection.resetStream(stream, ErrorCode.CANCEL);
    for (let sent = 0; sent < 65_536; sent += 512) client.send(build.data(stream.id, Buffer.alloc(512)));
  }
  assert.ok(!client.connection.isClosed);
});
