/** What a gRPC proxy must do, rules G7 and G12 to G17: deadlines, half-closed streams, windows, GOAWAY, retries. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GrpcStatus as Status } from '../../src/grpc/index.ts';
import {
  answer,
  fieldOf,
  headWith,
  okTrailers,
  rawMesh,
  requestHead,
  responseHead,
  wholeResponse,
} from './raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  INITIAL_WINDOW_SIZE,
  message,
  type RawConnection,
  type RawRequest,
} from './raw-peer.ts';

const END = END_HEADERS | END_STREAM;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;

function dataBytes(connection: RawConnection, id: number): number {
  return connection
    .of(id)
    .filter(({ type }) => type === Frame.DATA)
    .reduce((sum, { payload }) => sum + payload.length, 0);
}

function statusOf(connection: RawConnection, id: number): string | undefined {
  return fieldOf(connection.of(id).findLast(({ type }) => type === Frame.HEADERS)?.fields, 'grpc-status');
}

describe('G7: deadlines', () => {
  const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
  const milliseconds = (value: string): number => Number(value.slice(0, -1)) * (unitMs[value.slice(-1)] ?? Number.NaN);

  for (const value of ['99999999H', '1H', '90M', '100S', '45000m', '50000000u', '99999999u'])
    test(`G7: of ${value} the rest is forwarded, in the specified form`, async (t) => {
      const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
      const client = raw();
      client.send(build.headers(1, headWith({ 'grpc-timeout': value }), END));
      await client.ended(1);
      const forwarded = server.requests[0]?.header('grpc-timeout') ?? '';
      assert.match(forwarded, /^\d{1,8}[HMSmun]$/);
      const left = milliseconds(forwarded);
      const asked = milliseconds(value);
      assert.ok(left <= asked && left > asked * 0.8, `${forwarded} of ${value}`);
    });

  test('G7: without one there is none upstream either', async (t) => {
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    client.send(build.headers(1, requestHead, END));
    await client.ended(1);
    assert.equal(server.requests[0]?.header('grpc-timeout'), undefined);
  });

  for (const value of ['123456789S', '5', 'S', '1s', '-1S', '+1S', '1.5S', '0x1S', '1SS'])
    test(`G7: ${value} is no timeout and never reaches the server`, async (t) => {
      const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
      const client = raw();
      client.send(build.headers(1, headWith({ 'grpc-timeout': value }), END));
      await client.ended(1);
      assert.equal(server.requests[0]?.header('grpc-timeout'), undefined);
    });

  for (const [name, respond] of Object.entries<(request: RawRequest) => void>({
    'before the response': () => undefined,
    'within the response': ({ connection, id }) =>
      connection.send(build.headers(id, responseHead), build.data(id, message(1))),
  }))
    test(`G7: when it is up ${name}, the client gets DEADLINE_EXCEEDED and the server RST_STREAM(CANCEL)`, async (t) => {
      const { raw, server } = await rawMesh(t, { onRequest: respond });
      const client = raw();
      // Long enough for the handshake between the hops on a busy machine: it must reach the server.
      client.send(build.headers(1, headWith({ 'grpc-timeout': '500m' })));
      await client.ended(1);
      assert.equal(statusOf(client, 1), String(Status.DEADLINE_EXCEEDED));
      const { connection, id } = await server.received(1);
      const reset = await connection.seen((seen) => seen.type === Frame.RST_STREAM && seen.id === id);
      assert.equal(reset.payload.readUInt32BE(), CANCEL);
    });

  test('G7: a server that ends in time is not cancelled afterwards', async (t) => {
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    client.send(build.headers(1, headWith({ 'grpc-timeout': '60m' }), END));
    await client.ended(1);
    client.send(build.headers(3, headWith({ 'grpc-timeout': '90m' })));
    await client.ended(3);
    const [first] = server.requests;
    assert.ok(first !== undefined);
    assert.equal(
      first.connection.of(first.id).some(({ type }) => type === Frame.RST_STREAM),
      false,
    );
  });
});

describe('G12: halves end independently', () => {
  test('G12: after the client’s end the server streams on', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) => connection.send(build.headers(id, responseHead)),
    });
    const client = raw();
    client.send(build.headers(1, requestHead, END));
    const { connection, id } = await server.received(1);
    await client.seen(({ type, id: stream }) => type === Frame.HEADERS && stream === 1);
    let sent = 0;
    for (let round = 0; round < 50; round += 1) {
      connection.send(build.data(id, message(100)));
      sent += 105;
      await client.seen(() => dataBytes(client, 1) >= sent);
    }
    connection.send(build.headers(id, okTrailers, END));
    await client.ended(1);
    assert.equal(statusOf(client, 1), '0');
  });

  test('G12: after the server’s head the client streams on, and the server ends when it likes', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onRequest: ({ connection, id }) => connection.send(build.headers(id, responseHead)),
      onEnd: ({ connection, id }) => connection.send(build.headers(id, okTrailers, END)),
    });
    const client = raw();
    client.send(build.headers(1, requestHead));
    await client.seen(({ type, id }) => type === Frame.HEADERS && id === 1);
    const { connection, id } = await server.received(1);
    for (let round = 1; round <= 50; round += 1) {
      client.send(build.data(1, message(100)));
      await connection.seen(() => dataBytes(connection, id) >= 105 * round);
    }
    client.send(build.data(1, '', END_STREAM));
    await client.ended(1);
    assert.equal(statusOf(client, 1), '0');
  });

  test('G12: the server ends first, and the client may still send without harm to the connection', async (t) => {
    const { raw } = await rawMesh(t, {
      onRequest: ({ connection, id }) => connection.send(wholeResponse(id, message(5))),
    });
    const client = raw();
    client.send(build.headers(1, requestHead));
    await client.ended(1);
    assert.equal(statusOf(client, 1), '0');
    client.send(build.data(1, message(1_000)), build.data(1, message(1_000), END_STREAM));
    client.send(build.headers(3, requestHead, END));
    await client.ended(3);
    assert.equal(statusOf(client, 3), '0');
    assert.equal(
      client.frames.some(({ type }) => type === Frame.GOAWAY),
      false,
    );
  });
});

describe('G13: back-pressure', () => {
  /** What a proxy's SETTINGS give each stream at first. */
  const firstWindow = 16_384;
  /** Sends as much as the windows allow, and goes on with each credit. */
  const flood = ({ connection, id }: RawRequest): void => {
    connection.send(build.headers(id, responseHead));
    const push = (bytes: number): void => {
      for (let left = bytes; left > 0; left -= 16_384)
        connection.send(build.data(id, Buffer.alloc(Math.min(left, 16_384))));
    };
    const before = connection.onFrame;
    connection.onFrame = (seen) => {
      before(seen);
      if (seen.type === Frame.WINDOW_UPDATE && seen.id === id) push(seen.payload.readUInt32BE());
    };
    push(firstWindow);
  };
  const credited = ({ connection, id }: RawRequest): number =>
    firstWindow +
    connection.frames
      .filter((seen) => seen.type === Frame.WINDOW_UPDATE && seen.id === id)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);

  test('G13: a reader that stands still stops the writer within the windows of the hops', async (t) => {
    const { raw, server } = await rawMesh(t, { onRequest: flood });
    const client = raw({ settings: [[INITIAL_WINDOW_SIZE, 1_000]] });
    client.send(build.headers(1, requestHead));
    await client.seen(({ type }) => type === Frame.DATA);
    const request = await server.received(1);
    for (let round = 0; round < 5; round += 1) {
      await client.settled();
      await request.connection.settled();
    }
    // A window for each hop, and the client's.
    const bound = 2 * 65_536 + 1_000;
    assert.ok(credited(request) <= bound, `${credited(request)} bytes of credit`);
    assert.equal(dataBytes(client, 1), 1_000);
  });

  test('G13: and it goes on when the reader does, with nothing lost', async (t) => {
    const { raw, server } = await rawMesh(t, { onRequest: flood });
    const client = raw({ settings: [[INITIAL_WINDOW_SIZE, 1_000]] });
    client.send(build.headers(1, requestHead));
    await server.received(1);
    client.send(build.windowUpdate(1, 2_000_000 - 1_000));
    await client.seen(() => dataBytes(client, 1) === 2_000_000);
  });

  test('G13: 60 streams that stand still do not hold up another on the same connections', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onRequest: (request) => (request.header('x-flood') === undefined ? undefined : flood(request)),
      onEnd: (request) => (request.header('x-flood') === undefined ? answer(message(16_000))(request) : undefined),
    });
    const client = raw({ settings: [[INITIAL_WINDOW_SIZE, 0]] });
    for (let i = 0; i < 60; i += 1) client.send(build.headers(1 + 2 * i, headWith({ 'x-flood': '1' })));
    const last = await server.received(60);
    await last.connection.settled();
    await client.settled();
    const id = 501;
    client.send(build.headers(id, requestHead, END), build.windowUpdate(id, 100_000));
    await client.ended(id);
    assert.equal(dataBytes(client, id), 16_005);
    assert.equal(new Set(server.requests.map(({ connection }) => connection)).size, 1);
  });

  test('G13: a server that reads nothing stops the client within the windows, and others go on', async (t) => {
    const { raw, server } = await rawMesh(t, { wide: false, onEnd: answer(message(1)) });
    const client = raw();
    client.send(build.headers(1, requestHead));
    const first = await server.received(1);
    let sent = 0;
    const window = (): number =>
      65_535 +
      client.frames
        .filter(({ type, id }) => type === Frame.WINDOW_UPDATE && id === 1)
        .reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
    for (let round = 0; round < 20; round += 1) {
      while (sent < window()) {
        const size = Math.min(16_384, window() - sent);
        client.send(build.data(1, Buffer.alloc(size)));
        sent += size;
      }
      await client.settled();
    }
    assert.ok(sent <= 65_535 + 2 * 65_536 + 65_535, `${sent} bytes were taken`);
    assert.equal(dataBytes(first.connection, first.id), 65_535);
    // The connection's own window upstream is used up, so only a call without a body can pass there.
    client.send(build.headers(3, requestHead, END));
    await client.ended(3);
    assert.equal(statusOf(client, 3), '0');
  });
});

describe('G14: GOAWAY', () => {
  test('G14: streams above the last id are sent again on another connection, those below finish', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onEnd: ({ connection, index, id }) => {
        if (index === 4) connection.send(build.goaway(server.requests[1]?.id ?? 0, 0));
        if (index > 4) connection.send(wholeResponse(id, message(2)));
      },
    });
    const client = raw();
    for (let i = 0; i < 5; i += 1) client.send(build.headers(1 + 2 * i, requestHead, END));
    await server.received(8);
    for (const { connection, id } of server.requests.slice(0, 2)) connection.send(wholeResponse(id, message(1)));
    for (let i = 0; i < 5; i += 1) {
      await client.ended(1 + 2 * i);
      assert.equal(statusOf(client, 1 + 2 * i), '0');
    }
    assert.equal(server.requests.length, 8);
  });

  test('G14: a two-step GOAWAY upstream costs no call', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id, index }) => {
        if (index === 0) connection.send(build.goaway(0x7fff_ffff, 0));
        connection.send(wholeResponse(id, message(1)));
        if (index === 0) connection.send(build.goaway(id, 0));
      },
    });
    for (let i = 0; i < 5; i += 1) assert.equal((await client.unary('x')).code, Status.OK);
    assert.equal(server.requests.length, 5);
  });

  test('G14: when the gateway drains it says so in two steps, serves what is under way, then closes', async (t) => {
    const { raw, mesh, server } = await rawMesh(t, {});
    const client = raw();
    client.send(build.headers(1, requestHead, END));
    const { connection, id } = await server.received(1);
    const drained = mesh.gateway.proxy.drain(10_000);
    const first = await client.seen(({ type }) => type === Frame.GOAWAY);
    assert.equal(first.payload.readUInt32BE(), 0x7fff_ffff);
    // What crossed the first GOAWAY on its way still counts.
    const second = await client.seen(
      ({ type, payload }) => type === Frame.GOAWAY && payload.readUInt32BE() < 0x7fff_ffff,
    );
    assert.equal(second.payload.readUInt32BE(), 1);
    connection.send(wholeResponse(id, message(3)));
    await client.ended(1);
    assert.equal(statusOf(client, 1), '0');
    await client.closed;
    await drained;
  });
});

describe('G15: keepalive', () => {
  test('G15: PINGs without a message in between, by the thousand, end with ENHANCE_YOUR_CALM', async (t) => {
    const { raw } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    client.send(...Array.from({ length: 2_000 }, (_, i) => build.ping(String(i).padStart(8, '0'))));
    const { payload } = await client.seen(({ type }) => type === Frame.GOAWAY);
    assert.equal(payload.readUInt32BE(4), ENHANCE_YOUR_CALM);
    await client.closed;
  });

  test('G15: PINGs that follow messages, as bandwidth probes do, are free', async (t) => {
    const { raw } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    for (let i = 0; i < 1_000; i += 1) {
      const id = 1 + 2 * i;
      client.send(build.headers(id, requestHead, END), build.ping(String(i).padStart(8, '0')));
      await client.ended(id);
    }
    assert.equal(
      client.frames.some(({ type }) => type === Frame.GOAWAY),
      false,
    );
  });
});

describe('G16: connections of limited age', () => {
  test('G16: an upstream that ends each connection after some calls, gracefully, costs no call', async (t) => {
    const perConnection = new Map<RawConnection, number>();
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) => {
        const count = (perConnection.get(connection) ?? 0) + 1;
        perConnection.set(connection, count);
        if (count === 10) connection.send(build.goaway(0x7fff_ffff, 0, 'max_age'));
        connection.send(wholeResponse(id, message(1)));
        if (count === 10) connection.send(build.goaway(id, 0, 'max_age'));
      },
    });
    const codes = new Set<number>();
    const caller = async (): Promise<void> => {
      for (let i = 0; i < 25; i += 1) codes.add((await client.unary('x')).code);
    };
    await Promise.all([caller(), caller(), caller(), caller()]);
    assert.deepEqual([...codes], [Status.OK]);
    // A call refused by the second GOAWAY was sent twice, but answered once.
    assert.ok(perConnection.size >= 9, `${perConnection.size} connections`);
    assert.ok(server.requests.length >= 100);
  });
});

describe('G17: what is sent again', () => {
  for (const [name, respond, runs] of [
    ['REFUSED_STREAM', ({ connection, id }: RawRequest) => connection.send(build.reset(id, 7)), 2],
    ['GOAWAY below it', ({ connection }: RawRequest) => connection.send(build.goaway(0, 0)), 2],
    ['RST_STREAM(INTERNAL_ERROR)', ({ connection, id }: RawRequest) => connection.send(build.reset(id, 2)), 1],
    ['RST_STREAM(CANCEL)', ({ connection, id }: RawRequest) => connection.send(build.reset(id, 8)), 1],
    ['a lost connection', ({ connection }: RawRequest) => connection.destroy(), 1],
    [
      'UNAVAILABLE',
      ({ connection, id }: RawRequest) =>
        connection.send(build.headers(id, [...responseHead, ['grpc-status', '14']], END)),
      1,
    ],
  ] as const)
    test(`G17: after ${name} the request ${runs === 2 ? 'is sent once more' : 'is not sent again'}`, async (t) => {
      const { client, server } = await rawMesh(t, {
        onEnd: (request) => (request.index === 0 ? respond(request) : answer(message(1))(request)),
      });
      const { code } = await client.unary('x');
      assert.equal(code === Status.OK, runs === 2);
      assert.equal(server.requests.length, runs);
    });

  test('G17: a refused request is not sent again once its body was too long to keep', async (t) => {
    const { client, server } = await rawMesh(t, { onEnd: ({ connection, id }) => connection.send(build.reset(id, 7)) });
    assert.equal((await client.unary(Buffer.alloc(40_000))).code, Status.UNAVAILABLE);
    assert.equal(server.requests.length, 1);
  });
});
