/**
 * Servers that misbehave, behind gateway and sidecar: what the gRPC interop project's negative HTTP/2 servers do, and
 * more. A client must get a clean status or the whole response, never a hang, and the next call must work.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { GrpcStatus as Status } from '../../src/grpc/index.ts';
import { answer, chunksOf, okTrailers, rawMesh, requestHead, responseHead, wholeResponse } from './raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, Frame, MAX_CONCURRENT_STREAMS, message, type RawServer } from './raw-peer.ts';

const END = END_HEADERS | END_STREAM;
/** As much as a stream's first window takes, since these servers do not wait for credit. */
const largeUnary = 16_000;

const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  REFUSED_STREAM: 7,
  CANCEL: 8,
} as const;

describe('the interop project’s negative servers', () => {
  test('goaway: sent after each response, the next call takes a new connection and succeeds', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) => {
        connection.send(wholeResponse(id, message(largeUnary)), build.goaway(id, ErrorCode.NO_ERROR));
      },
    });
    for (let call = 0; call < 3; call += 1) {
      const { code, message: reply } = await client.unary('x');
      assert.equal(code, Status.OK);
      assert.equal(reply.length, largeUnary);
    }
    assert.equal(usedConnections(server), 3);
  });

  test('rst_after_header: the call fails, and nothing of it is executed twice', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(build.headers(id, responseHead), build.reset(id, ErrorCode.NO_ERROR)),
    });
    assert.equal((await client.unary('x')).code, Status.INTERNAL);
    assert.equal(server.requests.length, 1);
  });

  test('rst_during_data: the call fails', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, responseHead),
          build.data(id, message(1000).subarray(0, 500)),
          build.reset(id, ErrorCode.NO_ERROR),
        ),
    });
    assert.equal((await client.unary('x')).code, Status.INTERNAL);
    assert.equal(server.requests.length, 1);
  });

  test('rst_after_data: the call fails, after the message that came', async (t) => {
    const { client } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, responseHead),
          build.data(id, message(1000)),
          build.reset(id, ErrorCode.NO_ERROR),
        ),
    });
    const stream = client.raw.ServerStream(Buffer.from('x'));
    const messages: Buffer[] = [];
    stream.on('data', (one: Buffer) => messages.push(one));
    const [error] = (await once(stream, 'error')) as [{ readonly code: number }];
    assert.equal(error.code, Status.INTERNAL);
    assert.deepEqual(
      messages.map(({ length }) => length),
      [1000],
    );
  });

  test('ping: pings all along, each is answered, and the call succeeds', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) => {
        const pings = (from: number) => Array.from({ length: 5 }, (_, i) => build.ping(`ping-${from + i}`.padEnd(8)));
        connection.send(
          ...pings(0),
          build.headers(id, responseHead),
          ...pings(5),
          build.data(id, message(largeUnary).subarray(0, 8_192)),
        );
        connection.send(
          ...pings(0),
          ...chunksOf(message(largeUnary).subarray(8_192)).map((part) => build.data(id, part)),
        );
        connection.send(build.headers(id, okTrailers, END), ...pings(5));
      },
    });
    const { code, message: reply } = await client.unary('x');
    assert.equal(code, Status.OK);
    assert.equal(reply.length, largeUnary);
    const connection = server.requests[0]?.connection;
    await connection?.settled();
    assert.equal(connection?.frames.filter(({ type, flags }) => type === Frame.PING && flags === 1).length, 21);
  });

  test('max_streams: one stream at a time, calls at once take more connections, and all succeed', async (t) => {
    const { client, server } = await rawMesh(t, {
      settings: [[MAX_CONCURRENT_STREAMS, 1]],
      onEnd: answer(message(5)),
    });
    assert.equal((await client.unary('first')).code, Status.OK);
    const answers = await Promise.all(Array.from({ length: 15 }, () => client.unary('x')));
    assert.deepEqual(
      answers.map(({ code }) => code),
      Array(15).fill(Status.OK),
    );
    assert.equal(server.requests.length, 16);
  });

  test('data_frame_padding: the padding is not part of the message, and its window comes back', async (t) => {
    const calls = 40;
    const { client, server } = await rawMesh(t, {
      onEnd: ({ connection, id }) => {
        connection.send(build.headers(id, responseHead));
        for (const part of chunksOf(message(20_000), 1_000))
          connection.send(build.paddedData(id, part.toString('latin1'), 255));
        connection.send(build.headers(id, okTrailers, END));
      },
    });
    // Their padding alone is more than the connection's window, so without its return the last calls would hang.
    for (let call = 0; call < calls; call += 1) {
      const { code, message: reply } = await client.unary('x');
      assert.equal(code, Status.OK);
      assert.ok(reply.equals(Buffer.alloc(20_000, 0x61)));
    }
    assert.equal(usedConnections(server), 1);
  });
});

describe('responses before or after their time', () => {
  test('a whole response followed by RST_STREAM(NO_ERROR) is delivered', async (t) => {
    const { client } = await rawMesh(t, {
      onRequest: ({ connection, id }) =>
        connection.send(wholeResponse(id, message(100)), build.reset(id, ErrorCode.NO_ERROR)),
    });
    const stream = client.raw.Bidi();
    const messages: Buffer[] = [];
    stream.on('data', (one: Buffer) => messages.push(one));
    const [{ code }] = (await once(stream, 'status')) as [{ readonly code: number }];
    assert.equal(code, Status.OK);
    assert.deepEqual(
      messages.map(({ length }) => length),
      [100],
    );
  });

  test('so is one that is larger than the client’s window', async (t) => {
    const { raw } = await rawMesh(t, {
      onRequest: ({ connection, id }) => {
        connection.send(build.headers(id, responseHead));
        connection.send(...chunksOf(message(16_000)).map((part) => build.data(id, part)));
        connection.send(build.headers(id, okTrailers, END), build.reset(id, ErrorCode.NO_ERROR));
      },
    });
    const client = raw({ settings: [[4, 10_000]], wide: true });
    client.send(build.headers(1, requestHead));
    await client.seen(({ type, id }) => type === Frame.DATA && id === 1);
    await client.settled();
    client.send(build.windowUpdate(1, 100_000));
    const frames = await client.ended(1);
    const bytes = frames
      .filter(({ type }) => type === Frame.DATA)
      .reduce((sum, { payload }) => sum + payload.length, 0);
    assert.equal(bytes, 16_005);
    assert.equal(
      frames.some(({ fields }) => fields.some(([name, value]) => name === 'grpc-status' && value === '0')),
      true,
    );
  });

  test('a server that half-closes first does not cut a client that goes on sending', async (t) => {
    const { client, server } = await rawMesh(t, {
      onRequest: ({ connection, id }) => connection.send(wholeResponse(id, message(10))),
    });
    const stream = client.raw.Bidi();
    const codes: number[] = [];
    stream.on('data', () => undefined);
    stream.write(Buffer.alloc(10));
    const [{ code }] = (await once(stream, 'status')) as [{ readonly code: number }];
    codes.push(code);
    assert.deepEqual(codes, [Status.OK]);
    // The connection is fit for the next.
    const again = client.raw.Bidi();
    again.on('data', () => undefined);
    again.end();
    assert.equal(((await once(again, 'status')) as [{ readonly code: number }])[0].code, Status.OK);
    assert.equal(usedConnections(server), 1);
  });

  test('a server that never answers: the deadline ends the call, and the server is told', async (t) => {
    const { client, server } = await rawMesh(t, {});
    const call = client.unary('x', { timeoutMs: 100 });
    const { connection, id } = await server.received(1);
    assert.equal((await call).code, Status.DEADLINE_EXCEEDED);
    const { payload } = await connection.seen((seen) => seen.type === Frame.RST_STREAM && seen.id === id);
    assert.equal(payload.readUInt32BE(), ErrorCode.CANCEL);
  });

  test('a response without grpc-status passes as it is, and counts as UNKNOWN', async (t) => {
    const { raw, mesh } = await rawMesh(t, {
      onEnd: ({ connection, id }) =>
        connection.send(build.headers(id, responseHead), build.data(id, message(3), END_STREAM)),
    });
    const client = raw();
    client.send(build.headers(1, requestHead, END));
    const frames = await client.ended(1);
    assert.deepEqual(
      frames.map(({ type, flags }) => [type, flags & END_STREAM]),
      [
        [Frame.HEADERS, 0],
        [Frame.DATA, 1],
      ],
    );
    await mesh.gateway.logged(() => mesh.gateway.accessLines.some((line) => line.includes(' 200 2 ')));
  });

  test('a connection cut in the middle of a frame: UNAVAILABLE, and the next call works', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: (request) => {
        if (request.index > 0) return answer(message(3))(request);
        request.connection.send(build.headers(request.id, responseHead).subarray(0, 12));
        setImmediate(() => request.connection.destroy());
      },
    });
    assert.equal((await client.unary('x')).code, Status.UNAVAILABLE);
    assert.equal((await client.unary('x')).code, Status.OK);
    assert.equal(server.requests.length, 2);
  });

  test('bytes that are not HTTP/2: UNAVAILABLE or INTERNAL, at once', async (t) => {
    const { client } = await rawMesh(t, {
      onRequest: ({ connection }) => connection.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    });
    const { code } = await client.unary('x');
    assert.ok(code === Status.UNAVAILABLE || code === Status.INTERNAL, String(code));
  });
});

describe('what may be sent again', () => {
  test('streams above GOAWAY’s last id are sent again, those below finish, none runs twice', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: (request) => {
        const { connection, index, id } = request;
        if (index === 2) {
          // Of three, the first counts as processed.
          const [first] = server.requests;
          connection.send(build.goaway(first?.id ?? 0, ErrorCode.NO_ERROR), wholeResponse(first?.id ?? 0, message(1)));
        } else if (index > 2) {
          connection.send(wholeResponse(id, message(2)));
        }
      },
    });
    const answers = await Promise.all([client.unary('a'), client.unary('b'), client.unary('c')]);
    assert.deepEqual(
      answers.map(({ code }) => code),
      [Status.OK, Status.OK, Status.OK],
    );
    assert.deepEqual(
      answers.map(({ message: reply }) => reply.length).sort((a, b) => a - b),
      [1, 2, 2],
    );
    assert.equal(server.requests.length, 5);
  });

  test('REFUSED_STREAM is sent again', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: (request) => {
        if (request.index === 0) request.connection.send(build.reset(request.id, ErrorCode.REFUSED_STREAM));
        else answer(message(4))(request);
      },
    });
    assert.equal((await client.unary('x')).code, Status.OK);
    assert.equal(server.requests.length, 2);
  });

  for (const name of ['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'CANCEL'] as const)
    test(`a reset with ${name} before any answer is never sent again`, async (t) => {
      const { client, server } = await rawMesh(t, {
        onEnd: ({ connection, id }) => connection.send(build.reset(id, ErrorCode[name])),
      });
      assert.notEqual((await client.unary('x')).code, Status.OK);
      assert.equal(server.requests.length, 1);
    });

  test('a connection lost after the request was sent is never sent again', async (t) => {
    const { client, server } = await rawMesh(t, { onEnd: ({ connection }) => connection.destroy() });
    assert.equal((await client.unary('x')).code, Status.UNAVAILABLE);
    assert.equal(server.requests.length, 1);
  });

  test('GOAWAY with an error and a last id below: sent again as well', async (t) => {
    const { client, server } = await rawMesh(t, {
      onEnd: (request) => {
        if (request.index > 0) return answer(message(4))(request);
        request.connection.send(build.goaway(0, ErrorCode.INTERNAL_ERROR, 'going down'));
        setImmediate(() => request.connection.destroy());
      },
    });
    assert.equal((await client.unary('x')).code, Status.OK);
    assert.equal(server.requests.length, 2);
  });
});

/** Connections that requests came on; the sidecar's question for reflection may have had another. */
function usedConnections(server: RawServer): number {
  return new Set(server.requests.map(({ connection }) => connection)).size;
}
