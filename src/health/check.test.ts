/** One question over real sockets: to the health service of another implementation, to HTTP servers, to ports. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { addHealthService, type HealthService } from '../../test/kit/health-service.ts';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import type { AimedProbe } from '../compile/index.ts';
import { askOnce } from './check.ts';
import type { Verdict } from './verdict.ts';

const host = '127.0.0.1';

function ask(handler: AimedProbe['handler'], address?: AimedProbe['address'], timeoutMs = 60_000): Promise<Verdict> {
  const probe: AimedProbe = {
    origin: { kind: 'Pod', namespace: 'shop', name: 'cart', file: 'in.yaml', line: 1 },
    handler,
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs,
    successThreshold: 1,
    failureThreshold: 3,
    ...(address === undefined ? {} : { address }),
  };
  return new Promise((resolve) => askOnce(probe, resolve));
}

async function startGrpc(context: TestContext, statuses?: HealthService['statuses']) {
  const server = new grpc.Server();
  const health = statuses === undefined ? undefined : addHealthService(server, statuses);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${host}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  context.after(() => server.forceShutdown());
  return { health, address: { host, port } };
}

async function listenOn(context: TestContext, server: Server): Promise<{ host: string; port: number }> {
  server.listen(0, host);
  await once(server, 'listening');
  context.after(() => server.close());
  return { host, port: (server.address() as AddressInfo).port };
}

/** A port where nothing listens: one that did until now. */
async function closedPort(): Promise<{ host: string; port: number }> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { host, port };
}

test('grpc: SERVING of the service that was asked for is healthy, everything else is not', async (context) => {
  const { address, health } = await startGrpc(
    context,
    new Map([
      ['', 'SERVING'],
      ['shop.Cart', 'NOT_SERVING'],
      ['shop.Stock', 'UNKNOWN'],
    ]),
  );
  const about = (service: string) => ask({ type: 'grpc', service }, address);
  assert.deepEqual(await about(''), { isHealthy: true, detail: 'SERVING' });
  assert.deepEqual(await about('shop.Cart'), { isHealthy: false, detail: 'NOT_SERVING' });
  assert.deepEqual(await about('shop.Stock'), { isHealthy: false, detail: 'UNKNOWN' });
  assert.deepEqual(await about('shop.Other'), {
    isHealthy: false,
    detail: 'the health service does not know "shop.Other"',
  });
  assert.deepEqual(health?.asked, ['', 'shop.Cart', 'shop.Stock', 'shop.Other']);
  health?.statuses.set('shop.Cart', 'SERVING');
  assert.equal((await about('shop.Cart')).isHealthy, true);
});

test('grpc: an application without the health service is not healthy', async (context) => {
  const { address } = await startGrpc(context);
  assert.deepEqual(await ask({ type: 'grpc', service: '' }, address), {
    isHealthy: false,
    detail: 'the application does not implement grpc.health.v1.Health',
  });
});

test('grpc: no answer within the timeout, nobody there, somebody who speaks something else', async (context) => {
  const { address } = await startGrpc(context, new Map([['', 'hang']]));
  const handler = { type: 'grpc', service: '' } as const;
  assert.deepEqual(await ask(handler, address, 50), { isHealthy: false, detail: 'no answer within 50 ms' });
  assert.deepEqual(await ask(handler, await closedPort()), { isHealthy: false, detail: 'connection refused' });
  const http1 = await listenOn(
    context,
    createHttpServer((_request, response) => response.end()),
  );
  assert.equal((await ask(handler, http1)).isHealthy, false);
  const silent = createServer((socket) => socket.destroy());
  assert.equal((await ask(handler, await listenOn(context, silent))).isHealthy, false);
});

test('tcpSocket: whoever accepts is healthy', async (context) => {
  const server = createServer((socket) => socket.resume());
  assert.equal((await ask({ type: 'tcp' }, await listenOn(context, server))).isHealthy, true);
  assert.deepEqual(await ask({ type: 'tcp' }, await closedPort()), { isHealthy: false, detail: 'connection refused' });
});

type HttpHandler = Extract<AimedProbe['handler'], { type: 'http' }>;
const httpGet: HttpHandler = { type: 'http', scheme: 'http', path: '/healthz?full=1', headers: [] };

async function askHttp(context: TestContext, answer: RequestListener, over: Partial<HttpHandler> = {}) {
  const server = createHttpServer(answer);
  context.after(() => server.closeAllConnections());
  return ask({ ...httpGet, ...over }, await listenOn(context, server));
}

test('httpGet: statuses from 200 to 399 are healthy', async (context) => {
  for (const [status, isHealthy] of [
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [503, false],
  ] as const) {
    const verdict = await askHttp(context, (_request, response) => response.writeHead(status).end('body'));
    assert.deepEqual(verdict, { isHealthy, detail: `answered HTTP ${status}` });
  }
});

test('httpGet: path, query and headers are those of the probe', async (context) => {
  const seen: IncomingMessage[] = [];
  const headers = [
    { name: 'Host', value: 'cart.shop' },
    { name: 'X-Probe', value: 'yes' },
    { name: 'Accept', value: '' },
  ];
  const answer: RequestListener = (request, response) => {
    seen.push(request);
    response.end();
  };
  assert.equal((await askHttp(context, answer, { headers })).isHealthy, true);
  const [request] = seen;
  assert.equal(request?.method, 'GET');
  assert.equal(request.url, '/healthz?full=1');
  assert.equal(request.httpVersion, '1.1');
  assert.equal(request.headers.host, 'cart.shop');
  assert.equal(request.headers['x-probe'], 'yes');
  assert.equal(request.headers.accept, undefined);
});

test('httpGet: a redirect is followed on the same host only, and not for ever', async (context) => {
  const paths: (string | undefined)[] = [];
  const inside = await askHttp(context, ({ url }, response) => {
    paths.push(url);
    if (url === '/ready') response.writeHead(503).end();
    else response.writeHead(302, { location: '/ready' }).end();
  });
  assert.deepEqual(inside, { isHealthy: false, detail: 'answered HTTP 503' });
  assert.deepEqual(paths, ['/healthz?full=1', '/ready']);
  const outside = await askHttp(context, (_request, response) =>
    response.writeHead(302, { location: 'http://elsewhere.invalid/' }).end(),
  );
  assert.deepEqual(outside, { isHealthy: true, detail: 'answered HTTP 302' });
  const circle = await askHttp(context, (_request, response) => response.writeHead(302, { location: '/' }).end());
  assert.deepEqual(circle, { isHealthy: false, detail: 'more than 10 redirects' });
});

test('httpGet: a body without end is not waited for; a connection that breaks is not healthy', async (context) => {
  const endless = await askHttp(context, (_request, response) => {
    response.write('x'.repeat(20_000));
  });
  assert.equal(endless.isHealthy, true);
  const broken = await askHttp(context, (request) => request.socket.destroy());
  assert.equal(broken.isHealthy, false);
});

test('httpGet: a path with two slashes names no other host, and a host that is none is an answer, not an exception', async (context) => {
  const paths: (string | undefined)[] = [];
  const verdict = await askHttp(
    context,
    ({ url }, response) => {
      paths.push(url);
      response.end();
    },
    { path: '//elsewhere.invalid/healthz' },
  );
  assert.equal(verdict.isHealthy, true);
  assert.deepEqual(paths, ['//elsewhere.invalid/healthz']);
  const noHost = await ask(httpGet, { host: 'no host', port: 80 });
  assert.deepEqual(noHost, { isHealthy: false, detail: 'http://no host:80/healthz?full=1 is no URL' });
  const badHeader = { ...httpGet, headers: [{ name: 'X-Probe', value: 'a\nb' }] };
  assert.equal((await ask(badHeader, { host, port: 80 })).isHealthy, false);
});

test('httpGet with HTTPS: the certificate is not verified', async (context) => {
  const { chainPem, keyPem } = issueSvid(makeCa(), {});
  const server = createHttpsServer({ cert: chainPem, key: keyPem }, (_request, response) => response.end());
  const address = await listenOn(context, server);
  assert.deepEqual(await ask({ ...httpGet, scheme: 'https' }, address), {
    isHealthy: true,
    detail: 'answered HTTP 200',
  });
});

test('a probe that names no port never succeeds', async () => {
  assert.deepEqual(await ask({ type: 'tcp' }), {
    isHealthy: false,
    detail: 'the probe names no port of the container',
  });
});

test('what is called off is not answered any more', async (context) => {
  const { address, health } = await startGrpc(context, new Map([['', 'hang']]));
  const verdicts: Verdict[] = [];
  const asked = health?.nextQuestion();
  const origin = { kind: 'Pod', namespace: 'shop', name: 'cart', file: 'in.yaml', line: 1 };
  const timing = { initialDelayMs: 0, periodMs: 1, timeoutMs: 60_000, successThreshold: 1, failureThreshold: 1 };
  const probe: AimedProbe = { origin, ...timing, handler: { type: 'grpc', service: '' }, address };
  const check = askOnce(probe, (verdict) => verdicts.push(verdict));
  await asked;
  check.cancel();
  await new Promise(setImmediate);
  assert.deepEqual(verdicts, []);
});
