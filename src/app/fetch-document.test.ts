import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { fetchDocument } from './fetch-document.ts';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('gives the text of a document', async () => {
  const url = await serve((request, response) => response.end(JSON.stringify({ accept: request.headers.accept })));
  assert.deepEqual(await fetchDocument(url, 5_000), { text: '{"accept":"application/json"}' });
});

test('follows the issuer where it went', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
    else response.end('here');
  });
  assert.deepEqual(await fetchDocument(`${url}/old`, 5_000), { text: 'here' });
});

test('another status, a long answer, silence and nobody at all are errors that say so', async () => {
  const missing = await serve((_, response) => response.writeHead(404).end('x'));
  assert.deepEqual(await fetchDocument(missing, 5_000), { error: `${missing} answered 404` });
  const long = await serve((_, response) => response.end('x'.repeat(1_048_577)));
  assert.deepEqual(await fetchDocument(long, 5_000), { error: `${long} is longer than 1048576 bytes` });
  const silent = await serve(() => undefined);
  assert.deepEqual(await fetchDocument(silent, 20), { error: 'no answer within 20 ms' });
  const gone = await serve(() => undefined);
  for (const cleanup of cleanups.splice(-1)) cleanup();
  const nobody = await fetchDocument(gone, 5_000);
  assert.match('error' in nobody ? nobody.error : '', /ECONNREFUSED/);
  const invalid = await fetchDocument('http://[broken', 5_000);
  assert.ok('error' in invalid && invalid.error !== '');
});
