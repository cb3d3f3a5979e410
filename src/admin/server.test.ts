import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { startAdminServer, type AdminServer } from './server.ts';

let server: AdminServer;

before(async () => {
  server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    pages: {
      '/plan': { contentType: 'application/json', render: async () => ({ status: 200, body: '{}' }) },
      '/broken': {
        contentType: 'text/plain',
        render: async () => {
          throw new Error('no proxies yet');
        },
      },
    },
  });
});

after(() => server.close());

test('a page is served with its content type', async () => {
  assert.deepEqual(await get({ path: '/plan' }), { status: 200, contentType: 'application/json', body: '{}' });
});

test('an unknown page is a 404 that lists the pages', async () => {
  const { status, body } = await get({ path: '/nope' });
  assert.equal(status, 404);
  assert.match(body, /\/plan/);
});

test('a page that fails is a 500 with the reason', async () => {
  assert.deepEqual(await get({ path: '/broken' }), {
    status: 500,
    contentType: 'text/plain; charset=utf-8',
    body: 'no proxies yet\n',
  });
});

test('a foreign host name is refused, so that no web page can read this through a name of its own', async () => {
  assert.equal((await get({ path: '/plan', host: 'evil.example:80' })).status, 403);
  assert.equal((await get({ path: '/plan', host: 'localhost:1234' })).status, 200);
});

test('only reading is allowed', async () => {
  assert.equal((await get({ path: '/plan', method: 'POST' })).status, 405);
});

function get({ path, host, method = 'GET' }: { path: string; host?: string; method?: string }) {
  return new Promise<{ status: number; contentType: string; body: string }>((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: server.address.port,
        path,
        method,
        ...(host === undefined ? {} : { headers: { host } }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', body }),
        );
      },
    );
    call.on('error', reject);
    call.end();
  });
}
