/** Bounds of asking for health: at them, and one past them. Those of time are in `health-checks.test.ts`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { okTrailers, responseHead } from '../../test/interop/raw-mesh.ts';
import { build, END_HEADERS, END_STREAM, startRawServer } from '../../test/interop/raw-peer.ts';
import type { AimedProbe } from '../compile/index.ts';
import { askOnce } from './check.ts';
import { MAX_HEALTH_MESSAGE_BYTES, MAX_HTTP_BODY_BYTES, MAX_REDIRECTS } from './limits.ts';
import type { Verdict } from './verdict.ts';

const host = '127.0.0.1';

function ask(handler: AimedProbe['handler'], address?: AimedProbe['address']): Promise<Verdict> {
  const probe: AimedProbe = {
    origin: { kind: 'Pod', namespace: 'shop', name: 'cart', file: 'in.yaml', line: 1 },
    handler,
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 60_000,
    successThreshold: 1,
    failureThreshold: 3,
    ...(address === undefined ? {} : { address }),
  };
  return new Promise((resolve) => askOnce(probe, resolve));
}

async function httpGet(t: TestContext, path: string, listener: RequestListener): Promise<Verdict> {
  const server = createServer(listener).listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return ask({ type: 'http', scheme: 'http', path, headers: [] }, { host, port });
}

test('MAX_REDIRECTS', async (t) => {
  const redirect: RequestListener = ({ url }, response) => {
    const left = Number(url?.slice(1));
    if (left === 0) response.writeHead(200).end();
    else response.writeHead(302, { location: `/${left - 1}` }).end();
  };
  assert.equal((await httpGet(t, `/${MAX_REDIRECTS}`, redirect)).detail, 'answered HTTP 200');
  assert.equal((await httpGet(t, `/${MAX_REDIRECTS + 1}`, redirect)).detail, 'more than 10 redirects');
});

test('MAX_HTTP_BODY_BYTES: beyond it the end is not waited for', async (t) => {
  // At the limit the answer's end counts: it breaks off.
  const at = await httpGet(t, '/', (_request, response) => {
    response.writeHead(200, { 'content-length': '20000' }).write('x'.repeat(MAX_HTTP_BODY_BYTES), () => {
      response.socket?.destroy();
    });
  });
  assert.equal(at.isHealthy, false);
  const past = await httpGet(t, '/', (_request, response) => {
    response.writeHead(200, { 'content-length': '20000' }).write('x'.repeat(MAX_HTTP_BODY_BYTES + 1));
  });
  assert.equal(past.isHealthy, true);
});

test('MAX_HEALTH_MESSAGE_BYTES', async (t) => {
  for (const [bytes, isHealthy] of [
    [MAX_HEALTH_MESSAGE_BYTES, true],
    [MAX_HEALTH_MESSAGE_BYTES + 1, false],
  ] as const) {
    // HealthCheckResponse { status: SERVING }, and an unknown field 2 that fills the rest: its head has 3 bytes.
    const filler = bytes - 2 - 3;
    const body = Buffer.concat([Buffer.of(8, 1, 0x12, (filler & 0x7f) | 0x80, filler >> 7), Buffer.alloc(filler)]);
    const message = Buffer.concat([Buffer.of(0, 0, 0, body.length >> 8, body.length & 0xff), body]);
    assert.equal(body.length, bytes);
    const server = await startRawServer({
      onEnd: ({ connection, id }) =>
        connection.send(
          build.headers(id, responseHead),
          build.data(id, message),
          build.headers(id, okTrailers, END_HEADERS | END_STREAM),
        ),
    });
    t.after(() => server.close());
    const verdict = await ask({ type: 'grpc', service: '' }, server.address);
    assert.equal(verdict.isHealthy, isHealthy, verdict.detail);
  }
});
