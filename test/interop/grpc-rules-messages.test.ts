/** What a gRPC proxy must do, rules G1 to G6 and G8 to G11 and G18: heads, bodies, trailers and statuses. Both hops, raw frames. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { GrpcStatus as Status, grpcStatusName } from '../../src/grpc/index.ts';
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
  hasEnd,
  message,
  type Pair,
  type RawConnection,
  type RawRequest,
  type SeenFrame,
} from './raw-peer.ts';

const END = END_HEADERS | END_STREAM;
const PROTOCOL_ERROR = 1;

/** Sends a head and a small message, gives all that comes back. */
async function exchange(client: RawConnection, id: number, head: readonly Pair[]): Promise<SeenFrame[]> {
  client.send(build.headers(id, head), build.data(id, message(3), END_STREAM));
  return client.ended(id);
}

function shape(frames: readonly SeenFrame[]): string {
  const names = new Map<number, string>([
    [Frame.DATA, 'DATA'],
    [Frame.HEADERS, 'HEADERS'],
    [Frame.RST_STREAM, 'RST_STREAM'],
  ]);
  return frames.map((seen) => `${names.get(seen.type)}${seen.type <= 1 && hasEnd(seen) ? '+END' : ''}`).join(' ');
}

function isReset(frames: readonly SeenFrame[], code: number): boolean {
  const last = frames.at(-1);
  return last?.type === Frame.RST_STREAM && last.payload.readUInt32BE() === code;
}

function bodyOf(connection: RawConnection, id: number): Buffer {
  return Buffer.concat(
    connection
      .of(id)
      .filter(({ type }) => type === Frame.DATA)
      .map(({ payload }) => payload),
  );
}

describe('G1: te and connection headers', () => {
  test('G1: te: trailers reaches the server, once, and no connection header does', async (t) => {
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    await exchange(raw(), 1, requestHead);
    const [request] = server.requests;
    assert.deepEqual(
      request?.fields.filter(([name]) => name === 'te'),
      [['te', 'trailers']],
    );
    for (const name of ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])
      assert.equal(request?.header(name), undefined, name);
  });

  const forbidden = {
    te: 'gzip',
    connection: 'close',
    'keep-alive': '5',
    'transfer-encoding': 'chunked',
    upgrade: 'h2c',
  };
  for (const [name, value] of Object.entries({ ...forbidden, 'proxy-connection': 'close' }))
    test(`G1: ${name}: ${value} is a stream error, and the next request is served`, async (t) => {
      const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
      const client = raw();
      assert.ok(isReset(await exchange(client, 1, headWith({ [name]: value })), PROTOCOL_ERROR));
      assert.equal(shape(await exchange(client, 3, requestHead)), 'HEADERS DATA HEADERS+END');
      assert.equal(server.requests.length, 1);
    });
});

describe('G2: the shape of a response', () => {
  const shapes: Readonly<Record<string, (request: RawRequest) => void>> = {
    'HEADERS+END': ({ connection, id }) => connection.send(build.headers(id, [...responseHead, ...okTrailers], END)),
    'HEADERS DATA HEADERS+END': ({ connection, id }) => connection.send(wholeResponse(id, message(5))),
    'HEADERS HEADERS+END': ({ connection, id }) =>
      connection.send(build.headers(id, responseHead), build.headers(id, okTrailers, END)),
    'HEADERS DATA DATA HEADERS+END': ({ connection, id }) => {
      connection.send(build.headers(id, responseHead), build.data(id, message(5)));
      setImmediate(() => connection.send(build.data(id, message(6)), build.headers(id, okTrailers, END)));
    },
  };
  for (const [name, respond] of Object.entries(shapes))
    test(`G2: ${name} stays ${name}`, async (t) => {
      const { raw } = await rawMesh(t, { onEnd: respond });
      const frames = await exchange(raw(), 1, requestHead);
      // DATA may be joined on the way, but none appears and none vanishes.
      assert.equal(shape(frames).replace('DATA DATA', 'DATA'), name.replace('DATA DATA', 'DATA'));
      assert.equal(fieldOf(frames.at(-1)?.fields, 'grpc-status'), '0');
    });
});

describe('G3: answers of the proxy itself', () => {
  test('G3: to a gRPC client one HEADERS frame with status and message, percent-encoded', async (t) => {
    const { raw } = await rawMesh(t, {});
    const frames = await exchange(raw(), 1, headWith({ ':authority': 'other.example' }));
    assert.equal(shape(frames.filter(({ type }) => type !== Frame.RST_STREAM)), 'HEADERS+END');
    const fields = frames[0]?.fields;
    assert.equal(fieldOf(fields, ':status'), '200');
    assert.equal(fieldOf(fields, 'content-type'), 'application/grpc');
    assert.equal(fieldOf(fields, 'grpc-status'), String(Status.UNIMPLEMENTED));
    assert.match(fieldOf(fields, 'grpc-message') ?? '', /^[\x20-\x24\x26-\x7e]+$/);
  });

  test('G3: to another client an HTTP status', async (t) => {
    const { raw } = await rawMesh(t, {});
    const frames = await exchange(raw(), 1, headWith({ 'content-type': 'text/html' }));
    assert.equal(fieldOf(frames[0]?.fields, ':status'), '415');
    assert.equal(fieldOf(frames[0]?.fields, 'grpc-status'), undefined);
  });
});

describe('G4: HTTP statuses without grpc-status', () => {
  const expected: Readonly<Record<number, number>> = {
    400: Status.INTERNAL,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.UNIMPLEMENTED,
    429: Status.UNAVAILABLE,
    500: Status.UNKNOWN,
    502: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
    504: Status.UNAVAILABLE,
  };
  for (const [http, grpc] of Object.entries(expected))
    test(`G4: ${http} is ${grpcStatusName(grpc)} at the client and in the log`, async (t) => {
      const { client, mesh } = await rawMesh(t, {
        onEnd: ({ connection, id }) =>
          connection.send(
            build.headers(id, [
              [':status', http],
              ['content-type', 'text/html'],
            ]),
            build.data(id, '<html>', END_STREAM),
          ),
      });
      assert.equal((await client.unary('x')).code, grpc);
      await mesh.gateway.logged(() => mesh.gateway.accessLines.some((line) => line.includes(` ${http} ${grpc} `)));
    });

  test('G4: a grpc-status that is present is used, whatever the HTTP status', async (t) => {
    const { raw, mesh } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(
            id,
            [
              [':status', '503'],
              ['content-type', 'application/grpc'],
              ['grpc-status', '9'],
            ],
            END,
          ),
        ),
    });
    const frames = await exchange(raw(), 1, requestHead);
    assert.equal(fieldOf(frames[0]?.fields, 'grpc-status'), '9');
    await mesh.gateway.logged(() => mesh.gateway.accessLines.some((line) => line.includes(' 503 9 ')));
  });
});

describe('G5: resets become statuses', () => {
  const expected: readonly (readonly [code: number, name: string, grpc: number])[] = [
    [0, 'NO_ERROR', Status.INTERNAL],
    [1, 'PROTOCOL_ERROR', Status.INTERNAL],
    [2, 'INTERNAL_ERROR', Status.INTERNAL],
    [3, 'FLOW_CONTROL_ERROR', Status.INTERNAL],
    [4, 'SETTINGS_TIMEOUT', Status.INTERNAL],
    [6, 'FRAME_SIZE_ERROR', Status.INTERNAL],
    [7, 'REFUSED_STREAM', Status.UNAVAILABLE],
    [8, 'CANCEL', Status.CANCELLED],
    [9, 'COMPRESSION_ERROR', Status.INTERNAL],
    [10, 'CONNECT_ERROR', Status.INTERNAL],
    [11, 'ENHANCE_YOUR_CALM', Status.RESOURCE_EXHAUSTED],
    [12, 'INADEQUATE_SECURITY', Status.PERMISSION_DENIED],
  ];
  for (const [code, name, grpc] of expected) {
    test(`G5: ${name} before the response is ${grpcStatusName(grpc)}`, async (t) => {
      const { raw } = await rawMesh(t, { onEnd: ({ connection, id }) => connection.send(build.reset(id, code)) });
      const frames = await exchange(raw(), 1, requestHead);
      assert.equal(fieldOf(frames[0]?.fields, 'grpc-status'), String(grpc));
    });
    test(`G5: ${name} within the response is ${grpcStatusName(grpc)}`, async (t) => {
      const { raw } = await rawMesh(t, {
        onEnd: ({ connection, id }) =>
          connection.send(build.headers(id, responseHead), build.data(id, message(3)), build.reset(id, code)),
      });
      // The code itself arrives, for the client's library to judge.
      assert.ok(isReset(await exchange(raw(), 1, requestHead), code));
    });
  }

  test('G5: CANCEL by the client cancels at the server', async (t) => {
    const { raw, server } = await rawMesh(t, {});
    const client = raw();
    client.send(build.headers(1, requestHead));
    const { connection, id } = await server.received(1);
    client.send(build.reset(1, 8));
    const { payload } = await connection.seen((seen) => seen.type === Frame.RST_STREAM && seen.id === id);
    assert.equal(payload.readUInt32BE(), 8);
  });
});

test('G6: an early response is delivered whole before the client is told to stop', async (t) => {
  const { raw } = await rawMesh(t, {
    // No more than the window that streams begin with: it is sent in one go.
    onRequest: ({ connection, id }) => connection.send(wholeResponse(id, message(16_000)), build.reset(id, 0)),
  });
  const client = raw();
  client.send(build.headers(1, requestHead), build.data(1, message(1_000)));
  await client.seen(({ type, id }) => type === Frame.RST_STREAM && id === 1);
  const frames = client.of(1);
  assert.equal(bodyOf(client, 1).length, 16_005);
  assert.match(shape(frames), /^HEADERS (DATA )+HEADERS\+END RST_STREAM$/);
  assert.ok(isReset(frames, 0));
});

describe('G8: bodies', () => {
  const body = Buffer.concat([message(0), message(1), message(gzipSync(Buffer.alloc(500)), 1), message(2_000)]);

  for (const [name, size] of [
    ['byte by byte', 1],
    ['in pieces of 7', 7],
    ['in one frame', body.length],
  ] as const)
    test(`G8: a body sent ${name} arrives as it is, and so does the answer`, async (t) => {
      const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, i) =>
        body.subarray(i * size, (i + 1) * size),
      );
      const { raw, server } = await rawMesh(t, {
        onEnd: ({ connection, id }) => {
          connection.send(build.headers(id, responseHead), ...pieces.map((part) => build.data(id, part)));
          connection.send(build.headers(id, okTrailers, END));
        },
      });
      const client = raw();
      client.send(
        build.headers(1, requestHead),
        ...pieces.map((part) => build.data(1, part)),
        build.data(1, '', END_STREAM),
      );
      await client.ended(1);
      const { connection, id } = await server.received(1);
      assert.ok(bodyOf(connection, id).equals(body), 'the request');
      assert.ok(bodyOf(client, 1).equals(body), 'the response');
    });

  test('G8: grpc-encoding and grpc-accept-encoding pass, unknown ones too', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, [...responseHead, ['grpc-encoding', 'zstd'], ['grpc-accept-encoding', 'identity,zstd']]),
          build.headers(id, okTrailers, END),
        ),
    });
    const head = headWith({ 'grpc-encoding': 'x-lz9', 'grpc-accept-encoding': 'gzip, x-lz9' });
    const [first] = await exchange(raw(), 1, head);
    assert.equal(server.requests[0]?.header('grpc-encoding'), 'x-lz9');
    assert.equal(server.requests[0]?.header('grpc-accept-encoding'), 'gzip, x-lz9');
    assert.equal(fieldOf(first?.fields, 'grpc-encoding'), 'zstd');
    assert.equal(fieldOf(first?.fields, 'grpc-accept-encoding'), 'identity,zstd');
  });

  test('G8: a compressed message that is none, a bad flag and a length that lies pass and harm nobody', async (t) => {
    const lies = [message(Buffer.from('not gzip'), 1), message(4, 7), Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2])];
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    for (const [index, lie] of lies.entries()) {
      const id = 2 * index + 1;
      client.send(build.headers(id, headWith({ 'grpc-encoding': 'gzip' })), build.data(id, lie, END_STREAM));
      assert.equal(shape(await client.ended(id)), 'HEADERS DATA HEADERS+END');
      const request = server.requests[index];
      assert.ok(request !== undefined && bodyOf(request.connection, request.id).equals(lie));
    }
  });
});

describe('G8: the end of a request', () => {
  for (const [name, frames] of Object.entries({
    'with an empty DATA frame': [build.headers(1, requestHead), build.data(1, '', END_STREAM)],
    'with its head': [build.headers(1, requestHead, END)],
  }))
    test(`G8: a request without messages that ends ${name} ends with an empty DATA frame at the server`, async (t) => {
      const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
      const client = raw();
      client.send(...frames);
      assert.equal(shape(await client.ended(1)), 'HEADERS DATA HEADERS+END');
      const { connection, id } = await server.received(1);
      assert.equal(shape(connection.of(id)), 'HEADERS DATA+END');
    });
});

describe('G9: metadata', () => {
  const sent: readonly Pair[] = [
    ['x-bin', 'AQID'],
    ['padded-bin', 'AQ=='],
    ['unpadded-bin', 'AQ'],
    ['joined-bin', 'AQ,AgM,BA=='],
    ['twice', 'one'],
    ['between', 'x'],
    ['twice', 'two'],
    ['twice', 'one'],
    ['twice-bin', 'AQ'],
    ['twice-bin', 'Ag'],
    ['empty', ''],
    ['__proto__', 'polluted'],
  ];
  const own = new Set(sent.map(([name]) => name));
  const metadataOf = (fields: readonly Pair[] | undefined): Pair[] => (fields ?? []).filter(([name]) => own.has(name));

  test('G9: values, duplicates and their order are kept in head, response head and trailers', async (t) => {
    const { raw, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, [...responseHead, ...sent]),
          build.headers(id, [...okTrailers, ...sent], END),
        ),
    });
    const frames = await exchange(raw(), 1, [...requestHead, ...sent]);
    assert.deepEqual(metadataOf(server.requests[0]?.fields), sent, 'request');
    assert.deepEqual(metadataOf(frames[0]?.fields), sent, 'response head');
    assert.deepEqual(metadataOf(frames.at(-1)?.fields), sent, 'trailers');
  });

  test('G9: a status in a request is not passed on', async (t) => {
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    await exchange(raw(), 1, headWith({ 'grpc-status': '0', 'grpc-message': 'x', 'grpc-trace-bin': 'AQ' }));
    const [request] = server.requests;
    assert.equal(request?.header('grpc-status'), undefined);
    assert.equal(request?.header('grpc-message'), undefined);
    assert.equal(request?.header('grpc-trace-bin'), 'AQ');
  });
});

describe('G10: header sizes', () => {
  const limitBytes = 16 * 1024;
  const limitFields = 100;
  const filler = (bytes: number): Pair[] => {
    // Fields of 1,032 bytes each by HTTP/2's count: name + value + 32.
    return Array.from({ length: Math.floor(bytes / 1_032) }, (_, i): Pair => [`x-filler-${i % 10}`, 'v'.repeat(990)]);
  };
  /** A whole exchange beside the others on the same connection. */
  const stillServes = async (client: RawConnection, id: number) =>
    assert.equal(shape(await exchange(client, id, requestHead)), 'HEADERS DATA HEADERS+END');

  test('G10: 8 KiB each of request head, response head and trailers pass', async (t) => {
    const { raw } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, [...responseHead, ...filler(8 * 1024)]),
          build.headers(id, [...okTrailers, ...filler(8 * 1024)], END),
        ),
    });
    const frames = await exchange(raw(), 1, [...requestHead, ...filler(8 * 1024)]);
    assert.equal(frames[0]?.fields.length, responseHead.length + 7);
    assert.equal(frames.at(-1)?.fields.length, okTrailers.length + 7);
  });

  test('G10: a request head that just fits at the gateway is not refused by the sidecar for what the gateway added', async (t) => {
    const { raw } = await rawMesh(t, { onEnd: answer(message(1)) });
    const size = (fields: readonly Pair[]) =>
      fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    const base = [...requestHead, ...filler(14 * 1024)];
    const last: Pair = ['x-last', 'v'.repeat(limitBytes - size(base) - 38)];
    assert.equal(size([...base, last]), limitBytes);
    const client = raw();
    assert.equal(shape(await exchange(client, 1, [...base, last])), 'HEADERS DATA HEADERS+END');
    const small = (count: number): Pair[] => Array.from({ length: count }, (_, i): Pair => [`x-f${i}`, 'v']);
    const most = [...requestHead, ...small(limitFields - requestHead.length)];
    assert.equal(shape(await exchange(client, 3, most)), 'HEADERS DATA HEADERS+END');
    const [refused] = await exchange(client, 5, [...most, ['x-more', 'v']]);
    assert.equal(fieldOf(refused?.fields, 'grpc-status'), String(Status.RESOURCE_EXHAUSTED));
  });

  test('G10: a request head above the limit ends with RESOURCE_EXHAUSTED, for that stream only', async (t) => {
    const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
    const client = raw();
    client.send(build.headers(1, requestHead));
    client.send(tooLong(3, [...requestHead, ...filler(2 * limitBytes)]));
    const [first] = await client.ended(3);
    assert.equal(fieldOf(first?.fields, 'grpc-status'), String(Status.RESOURCE_EXHAUSTED));
    await stillServes(client, 5);
    client.send(build.data(1, message(1), END_STREAM));
    assert.equal(shape(await client.ended(1)), 'HEADERS DATA HEADERS+END');
    assert.equal(server.requests.length, 2);
  });

  for (const [name, respond] of Object.entries({
    'response head': ({ connection, id }) => connection.send(tooLong(id, [...responseHead, ...filler(2 * limitBytes)])),
    trailers: ({ connection, id }) =>
      connection.send(build.headers(id, responseHead), tooLong(id, [...okTrailers, ...filler(2 * limitBytes)])),
  } satisfies Record<string, (request: RawRequest) => void>))
    test(`G10: a ${name} above the limit ends with RESOURCE_EXHAUSTED, for that stream only`, async (t: TestContext) => {
      const { client, server } = await rawMesh(t, {
        onEnd: (request) => (request.index === 0 ? respond(request) : answer(message(1))(request)),
      });
      assert.equal((await client.unary('x')).code, Status.RESOURCE_EXHAUSTED);
      assert.equal((await client.unary('x')).code, Status.OK);
      assert.equal(server.requests[0]?.connection, server.requests[1]?.connection);
    });

  /** HEADERS and CONTINUATION that end the stream. */
  function tooLong(id: number, fields: readonly Pair[]): Buffer {
    const whole = build.headers(id, fields).subarray(9);
    return Buffer.concat([
      build.headerBlock(id, whole.subarray(0, 16_000), END_STREAM),
      build.continuation(id, whole.subarray(16_000, 32_000), 0),
      build.continuation(id, whole.subarray(32_000)),
    ]);
  }
});

describe('G11: informational responses', () => {
  test('G11: 100 and 103 are skipped, and the final head is read', async (t) => {
    const { raw } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, [[':status', '100']]),
          build.headers(id, [
            [':status', '103'],
            ['link', '</x>'],
          ]),
          wholeResponse(id, message(9)),
        ),
    });
    const frames = await exchange(raw(), 1, requestHead);
    const final = frames.filter(({ fields }) => !(fieldOf(fields, ':status') ?? '').startsWith('1'));
    assert.equal(shape(final), 'HEADERS DATA HEADERS+END');
  });

  test('G11: DATA after 1xx and before the final head is malformed', async (t) => {
    const { client } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, [[':status', '100']]),
          build.data(id, message(1)),
          wholeResponse(id, message(9)),
        ),
    });
    assert.equal((await client.unary('x')).code, Status.INTERNAL);
  });

  test('G11: 1xx that ends the stream is malformed', async (t) => {
    const { client } = await rawMesh(t, {
      onEnd: ({ connection, id }) => connection.send(build.headers(id, [[':status', '100']], END)),
    });
    assert.equal((await client.unary('x')).code, Status.INTERNAL);
  });
});

describe('G18: what is no gRPC call', () => {
  for (const type of ['application/json', 'application/grpc-web', 'application/grpcx', undefined])
    test(`G18: content-type ${type ?? '(none)'}: 415`, async (t) => {
      const { raw, server } = await rawMesh(t, {});
      const frames = await exchange(raw(), 1, headWith({ 'content-type': type }));
      assert.equal(fieldOf(frames[0]?.fields, ':status'), '415');
      assert.equal(server.requests.length, 0);
    });

  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8'])
    test(`G18: content-type ${type} passes untouched`, async (t) => {
      const { raw, server } = await rawMesh(t, { onEnd: answer(message(1)) });
      await exchange(raw(), 1, headWith({ 'content-type': type }));
      assert.equal(server.requests[0]?.header('content-type'), type);
    });

  for (const method of ['GET', 'PUT', 'OPTIONS', 'HEAD'])
    test(`G18: method ${method}: UNIMPLEMENTED`, async (t) => {
      const { raw, server } = await rawMesh(t, {});
      const frames = await exchange(raw(), 1, headWith({ ':method': method }));
      assert.equal(fieldOf(frames[0]?.fields, 'grpc-status'), String(Status.UNIMPLEMENTED));
      assert.equal(server.requests.length, 0);
    });

  for (const path of [
    '/test.Echo',
    '/test.Echo/',
    '//Unary',
    '/test.Echo/Unary/x',
    '/test.Echo/Unary?x=1',
    '/test.Echo/%55nary',
    '/',
  ])
    test(`G18: path ${path}: UNIMPLEMENTED`, async (t) => {
      const { raw, server } = await rawMesh(t, {});
      const frames = await exchange(raw(), 1, headWith({ ':path': path }));
      assert.equal(fieldOf(frames[0]?.fields, 'grpc-status'), String(Status.UNIMPLEMENTED));
      assert.equal(server.requests.length, 0);
    });

  for (const path of ['test.Echo/Unary', '*', ''])
    test(`G18: path "${path}": refused, never forwarded`, async (t) => {
      const { raw, server } = await rawMesh(t, {});
      const frames = await exchange(raw(), 1, headWith({ ':path': path }));
      const refused =
        isReset(frames, PROTOCOL_ERROR) || fieldOf(frames[0]?.fields, 'grpc-status') === String(Status.UNIMPLEMENTED);
      assert.ok(refused, shape(frames));
      assert.equal(server.requests.length, 0);
    });
});

test('a grpc-js client gets through the same meshes', async (t) => {
  const { client } = await rawMesh(t, { onEnd: answer(message(3)) });
  const stream = client.raw.ServerStream(Buffer.from('x'));
  stream.on('data', () => undefined);
  const [{ code }] = (await once(stream, 'status')) as [{ readonly code: number }];
  assert.equal(code, Status.OK);
});
