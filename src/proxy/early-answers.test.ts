/** This proxy answers before the request has ended: the rest is judged all the same, and not for long. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { fieldOf, headWith, rawMesh, requestHead } from '../../test/interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, Frame, type RawConnection } from '../../test/interop/raw-peer.ts';
import { ErrorCode } from '../http2/index.ts';
import { defaultProxyLimits } from './limits.ts';

const refusedHeads = {
  'a gRPC call without a route': headWith({ ':path': '/test.Echo', 'content-length': '8' }),
  'what is not gRPC': headWith({ 'content-type': undefined, 'content-length': '8' }),
};

async function client(t: TestContext, answeredRequestMs = 600_000): Promise<RawConnection> {
  const mesh = await rawMesh(t, {}, { gatewayOptions: { limits: { answeredRequestMs } } });
  return mesh.raw();
}

/** The answer, and then the code of the reset if one comes before everything sent is settled. */
async function resetOf(connection: RawConnection, id: number): Promise<number | undefined> {
  await connection.settled();
  const reset = connection.of(id).find(({ type }) => type === Frame.RST_STREAM);
  return reset?.payload.readUInt32BE();
}

for (const [name, head] of Object.entries(refusedHeads)) {
  describe(`an early answer to ${name}`, () => {
    test('needs no reset when the request ends by itself', async (t) => {
      const connection = await client(t);
      connection.send(build.headers(1, head));
      await connection.ended(1);
      connection.send(build.data(1, 'four'), build.data(1, 'more', END_STREAM));
      assert.equal(await resetOf(connection, 1), undefined);
      connection.send(build.headers(3, head), build.data(3, '8 octets'), build.headers(3, [['x', 'y']], 5));
      await connection.ended(3);
      assert.equal(await resetOf(connection, 3), undefined);
    });

    test('does not make a malformed request a good one', async (t) => {
      const connection = await client(t);
      const endings: readonly Uint8Array[][] = [
        [build.data(1, 'nine octets')],
        [build.data(3, 'four', END_STREAM)],
        [build.headers(5, requestHead)],
        [build.data(7, '8 octets'), build.headers(7, [[':path', '/']], END_HEADERS | END_STREAM)],
        [build.windowUpdate(9, 0)],
      ];
      for (const [index, frames] of endings.entries()) {
        const id = 1 + 2 * index;
        connection.send(build.headers(id, head));
        await connection.ended(id);
        connection.send(...frames);
        assert.equal(await resetOf(connection, id), ErrorCode.PROTOCOL_ERROR, `row ${index}`);
      }
    });

    test('tells a client to stop after answeredRequestMs', async (t) => {
      const connection = await client(t, 20);
      connection.send(build.headers(1, head));
      const reset = await connection.seen(({ type, id }) => type === Frame.RST_STREAM && id === 1);
      assert.equal(reset.payload.readUInt32BE(), ErrorCode.NO_ERROR);
    });
  });
}

test('answeredRequestBytes: a client that goes on sending after an early answer is told to stop one past them', async (t) => {
  const connection = await client(t);
  connection.send(build.headers(1, headWith({ ':path': '/test.Echo' })));
  const [answer] = await connection.ended(1);
  assert.equal(fieldOf(answer?.fields, 'grpc-status'), '12');
  const quarter = Buffer.alloc(defaultProxyLimits.answeredRequestBytes / 4);
  // The limit is a byte above the stream's first window, so some of it must have come back before the last quarter.
  connection.send(build.data(1, quarter), build.data(1, quarter), build.data(1, quarter));
  await connection.seen(({ type, id }) => type === Frame.WINDOW_UPDATE && id === 1);
  connection.send(build.data(1, quarter));
  assert.equal(await resetOf(connection, 1), undefined);
  connection.send(build.data(1, 'x'));
  assert.equal(await resetOf(connection, 1), ErrorCode.NO_ERROR);
});
