/** What one read from the socket brings is judged as a whole before anything is sent on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { build, END_HEADERS, END_STREAM } from '../../test/kit/frame-peer.ts';
import { startMesh } from '../../test/kit/proxy-mesh.ts';
import { publicHost } from '../../test/kit/proxy-plan.ts';
import { startScripted } from '../../test/kit/proxy-scripted.ts';

const cancel = 8;

function head(path: string): [string, string][] {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', publicHost],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
}

test('requests that are reset in the chunk that brought them reach nobody; their neighbours do, in order', async (t) => {
  const paths: string[] = [];
  const backend = await startScripted({
    onRequest: ({ path }) => {
      if (path.startsWith('/test.Echo/')) paths.push(path);
    },
    onEnd: (request) => request.end(0),
  });
  t.after(() => backend.close());
  const mesh = await startMesh({ application: backend.address });
  t.after(() => mesh.close());
  const { host, port } = mesh.gatewayAddress;
  const socket = connect({ host, port });
  t.after(() => socket.destroy());
  const frames = [build.preface, build.settings()];
  const sent: string[] = [];
  for (let i = 0; i < 60; i++) {
    const id = 1 + 2 * i;
    const isKept = i % 3 === 0;
    const path = isKept ? `/test.Echo/Kept${i}` : '/test.Echo/Reset';
    frames.push(build.headers(id, head(path), isKept ? END_HEADERS | END_STREAM : END_HEADERS));
    if (isKept) sent.push(path);
    else frames.push(build.reset(id, cancel));
  }
  socket.write(Buffer.concat(frames));
  await once(socket, 'data');
  const { gateway } = mesh;
  await gateway.logged(() => gateway.accessLines.filter((line) => line.includes('/test.Echo/Kept')).length === 20);
  assert.deepEqual(paths, sent);
  assert.deepEqual(backend.resets, []);
  assert.equal(gateway.proxy.snapshot().activeRequests, 0);
});
