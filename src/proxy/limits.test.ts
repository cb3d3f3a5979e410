import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, harness, request } from '../../test/kit/frame-peer.ts';
import { sharedConnectionLimits, sharedConnectionStreams } from './limits.ts';

const windowUpdate = /^WINDOW_UPDATE (\d+) (\d+)$/;
const pieceBytes = 16_384;
const usefulBytes = 64 * 1024 * 1024;

const { streamWindowBytes, connectionWindowBytes, firstWindowDivisor } = sharedConnectionLimits;
const firstBytes = streamWindowBytes / firstWindowDivisor;

test('connectionWindowBytes, firstWindowDivisor: on a shared connection the last stream goes on while all others stand still with full windows', () => {
  const goodId = 2 * sharedConnectionStreams - 1;
  const server = harness({
    role: 'server',
    limits: sharedConnectionLimits,
    creditsOnReceipt: true,
    handler: {
      onData: (stream, _chunk, start, end) => {
        if (stream.id === goodId) server.connection.creditReceived(stream, end - start);
      },
    },
  });
  let connectionWindow = connectionWindowBytes;
  let streamWindow = firstBytes;
  const piece = Buffer.alloc(pieceBytes);
  const send = (id: number) => {
    connectionWindow -= pieceBytes;
    for (const line of server.send(build.data(id, piece))) {
      const [, updated, bytes] = windowUpdate.exec(line) ?? assert.fail(line);
      if (updated === '0') connectionWindow += Number(bytes);
      else streamWindow += Number(bytes);
    }
  };
  for (let id = 1; id <= goodId; id += 2) server.send(build.headers(id, request));
  for (let id = 1; id < goodId; id += 2) {
    for (let sent = 0; sent < firstBytes; sent += pieceBytes) send(id);
  }
  for (let sent = 0; sent < usefulBytes; sent += pieceBytes) {
    assert.ok(connectionWindow >= pieceBytes && streamWindow >= pieceBytes, `stalled after ${sent} bytes`);
    streamWindow -= pieceBytes;
    send(goodId);
  }
});
