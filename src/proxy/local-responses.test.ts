/** What routes answer themselves, to gRPC calls and to plain HTTP/2 requests; and that nothing else is let in by it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actionGateway, actionPlan, httpClient, scripted } from '../../test/kit/action-gateway.ts';
import { allowPolicy, gatewayId, gatewayPortId, proxyOrigin, publicHost } from '../../test/kit/proxy-plan.ts';
import { startProxy } from '../../test/kit/proxy-process.ts';
import type { CorsPolicy, Redirect, Route } from '../plan/index.ts';

const origin = proxyOrigin('HTTPRoute', 'echo', 30);
const anyPath: Partial<Route> = { match: { path: { type: 'PathPrefix', value: '/' }, headers: [] } };

function redirecting(redirect: Partial<Redirect> = {}): Partial<Route> {
  return { ...anyPath, action: { type: 'redirect', origin, status: 302, scheme: 'https', ...redirect } };
}

describe('redirects', () => {
  test('a plain request gets the status and the location, whatever its method and its body', async (t) => {
    const { http, line } = await actionGateway(t, { route: redirecting() });
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PURGE']) {
      const { status, headers, body } = await http({ ':method': method, ':path': '/a/b?c=//d' });
      assert.equal(status, 302, method);
      assert.equal(headers['location'], `https://${publicHost}:8080/a/b?c=//d`);
      assert.equal(body, '');
    }
    const { status } = await http({ ':method': 'POST' }, 'a body that nobody reads');
    assert.equal(status, 302);
    assert.match(
      await line(),
      /"GET \/a\/b\?c=\/\/d" "api\.example\.com" 302 - - .*redirected to https:.* by HTTPRoute default\/echo httproute\.yaml:30/,
    );
    assert.match(await line(), /details="direct_response"/);
  });

  test('a gRPC call gets the status that its client would make of it, trailers-only', async (t) => {
    const { grpc, line } = await actionGateway(t, { route: redirecting() });
    const { status, headers, trailers } = await grpc();
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/grpc');
    assert.equal(headers['grpc-status'], '2');
    assert.equal(headers['location'], `https://${publicHost}:8080/test.Echo/Unary`);
    assert.deepEqual(trailers, {});
    assert.match(await line(), / 200 2 - /);
  });

  test('each part may be replaced, and response headers are the route’s', async (t) => {
    const { http } = await actionGateway(t, {
      route: {
        ...redirecting({
          status: 308,
          host: 'other.example',
          port: 'derive',
          path: { type: 'ReplaceFullPath', value: '/x' },
        }),
        responseHeaders: { set: [{ name: 'x-a', value: '1' }], add: [], remove: [] },
      },
    });
    const { status, headers } = await http({ ':path': '/a' });
    assert.equal(status, 308);
    assert.equal(headers['location'], 'https://other.example/x');
    assert.equal(headers['x-a'], '1');
  });

  test('the scheme is that of the connection, whatever the client says', async (t) => {
    const { http } = await actionGateway(t, {
      route: { ...anyPath, action: { type: 'redirect', origin, status: 301, host: 'h', port: 'derive' } },
    });
    const { headers } = await http({
      ':scheme': 'https',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    });
    assert.equal(headers['location'], 'http://h/');
  });

  test('a path that readers may normalise makes no location', async (t) => {
    const { http } = await actionGateway(t, { route: redirecting() });
    const paths = [
      '//evil.example/',
      '/a//b',
      '/a/../b',
      String.raw`/\evil.example`,
      '/a%2f%2fevil',
      '/%2e%2e/',
      '/a%0d%0aset-cookie:x',
    ];
    for (const path of paths) {
      const { status, headers } = await http({ ':path': path });
      assert.equal(status, 415, path);
      assert.equal(headers['location'], undefined);
    }
  });

  test('nor does an authority that is no host and port', async (t) => {
    const route = redirecting();
    const gateway = await startProxy(gatewayId);
    t.after(() => gateway.proxy.close());
    const plan = actionPlan({ route });
    const hosts = Object.values(plan.virtualHosts).map((host) => [host.id, { ...host, hostname: '*' }] as const);
    await gateway.apply({ ...plan, virtualHosts: Object.fromEntries(hosts) });
    const http = httpClient(t, gateway.addressOf(gatewayPortId));
    assert.equal((await http({ ':authority': 'a.example:99' })).headers['location'], 'https://a.example:8080/');
    for (const authority of ['a,b.example', 'a;b', 'a%2eb', "a'b", '[a]b', 'a:b', 'a&b=c']) {
      const { status, headers, body } = await http({ ':authority': authority });
      assert.deepEqual([status, body], [400, 'the authority is no host and port'], authority);
      assert.equal(headers['location'], undefined);
    }
  });

  test('nor does a replacement that has more than a URL may have', async (t) => {
    for (const value of ['/a b', '/a\r\nset-cookie: x', '/ü']) {
      const { http } = await actionGateway(t, { route: redirecting({ path: { type: 'ReplaceFullPath', value } }) });
      const { status, headers } = await http({ ':path': '/a' });
      assert.equal(status, 500, value);
      assert.equal(headers['location'], undefined);
      assert.equal(headers['set-cookie'], undefined);
    }
  });

  test('policies are asked first, with the request as it is', async (t) => {
    const { gateway, http } = await actionGateway(t, { route: redirecting() });
    const plan = actionPlan({ route: redirecting() });
    const policy = allowPolicy(gatewayId, 'nobody');
    await gateway.apply({ ...plan, policies: { [policy.id]: policy } });
    const { status, headers, body } = await http({ ':path': '/a' });
    assert.deepEqual([status, body], [403, 'RBAC: access denied']);
    assert.equal(headers['location'], undefined);
  });
});

describe('direct responses', () => {
  const direct = (status: number, body?: string): Partial<Route> => ({
    ...anyPath,
    action: { type: 'direct', origin, status, ...(body === undefined ? {} : { body }) },
  });

  test('a plain request gets status and body', async (t) => {
    const { http, line } = await actionGateway(t, { route: direct(418, 'köstlich') });
    const { status, headers, body } = await http({ ':path': '/tea' });
    assert.deepEqual([status, body], [418, 'köstlich']);
    assert.equal(headers['content-type'], 'text/plain');
    assert.equal(headers['content-length'], '9');
    assert.match(await line(), / 418 - - .*answered by HTTPRoute default\/echo httproute\.yaml:30/);
  });

  test('a gRPC call gets the mapped status, with the body as its message', async (t) => {
    const rows = [
      [503, 14],
      [401, 16],
      [404, 12],
      [200, 2],
      [418, 2],
    ] as const;
    for (const [status, expected] of rows) {
      const { client, grpc } = await actionGateway(t, { route: direct(status, 'no: 100 % ü') });
      const { code, details } = await client.unary('x');
      assert.deepEqual([code, details], [expected, 'no: 100 % ü'], String(status));
      assert.equal((await grpc()).status, 200);
    }
  });

  test('no body for HEAD, 204 and without one', async (t) => {
    const head = await actionGateway(t, { route: direct(200, 'text') });
    const answer = await head.http({ ':method': 'HEAD' });
    assert.deepEqual([answer.status, answer.body, answer.headers['content-length']], [200, '', '4']);
    const empty = await actionGateway(t, { route: direct(204, 'text') });
    const none = await empty.http({});
    assert.deepEqual([none.status, none.body, none.headers['content-length']], [204, '', undefined]);
    const without = await actionGateway(t, { route: direct(200) });
    const nothing = await without.http({});
    assert.deepEqual([nothing.status, nothing.body, nothing.headers['content-type']], [200, '', undefined]);
  });

  test('a body longer than the window of the client arrives whole', async (t) => {
    const long = 'x'.repeat(200_000);
    const { http, grpc } = await actionGateway(t, { route: direct(200, long) });
    assert.equal((await http({})).body, long);
    assert.equal((await http({ ':method': 'POST' }, long)).body, long);
    const many = await Promise.all(Array.from({ length: 20 }, () => http({})));
    assert.deepEqual(
      many.map(({ body }) => body === long),
      Array.from({ length: 20 }, () => true),
    );
    assert.equal((await grpc()).headers['grpc-message']?.length, 1_024);
  });
});

describe('what is sent on', () => {
  test('is gRPC only, also beside routes that answer anything', async (t) => {
    const backend = await scripted(t, { onRequest: (request) => request.end(0) });
    const cors: CorsPolicy = { ...policy, forwardUnmatched: true };
    const { http, grpc } = await actionGateway(t, { endpoints: [backend.address], route: { ...anyPath, cors } });
    assert.equal((await http({ ':path': '/test.Echo/Unary' })).status, 415);
    assert.equal((await http({ ':method': 'POST', 'content-type': 'application/json' }, '{}')).status, 415);
    assert.equal(
      (await http({ ':method': 'OPTIONS', origin: 'https://evil.example', 'access-control-request-method': 'POST' }))
        .status,
      415,
    );
    assert.equal((await grpc({ ':method': 'PUT' })).headers['grpc-status'], '12');
    assert.equal((await grpc({ ':path': '/a/b/c' })).headers['grpc-status'], '12');
    assert.equal(backend.requests, 0);
    await grpc();
    assert.equal(backend.requests, 1);
  });

  test('a plain request that leads nowhere is told so; where gRPC calls are served, that it is none', async (t) => {
    const backend = await scripted(t, { onRequest: (request) => request.end(0) });
    const { http, line } = await actionGateway(t, { endpoints: [backend.address] });
    assert.equal((await http({ ':authority': 'unknown.example' })).status, 404);
    assert.match(await line(), / 404 .* NR .*details="route_not_found"/);
    assert.equal((await http({ ':authority': 'unknown.example', ':path': '/a/../b' })).status, 415);
    assert.equal((await http({ ':path': '/test.Echo/Unary' })).status, 415);
    assert.equal(backend.requests, 0);
  });
});

const policy: CorsPolicy = {
  origin,
  allowOrigins: [{ type: 'Exact', value: 'https://app.example' }],
  allowMethods: ['POST'],
  allowHeaders: ['x-token'],
  exposeHeaders: ['grpc-status'],
  maxAgeSeconds: 60,
  allowCredentials: true,
};

describe('CORS', () => {
  const preflight = {
    ':method': 'OPTIONS',
    ':path': '/test.Echo/Unary',
    origin: 'https://app.example',
    'access-control-request-method': 'POST',
  };

  test('a preflight is answered with what the route allows', async (t) => {
    const { http, line } = await actionGateway(t, { route: { cors: policy } });
    const { status, headers, body } = await http(preflight);
    assert.deepEqual([status, body], [200, '']);
    assert.equal(headers['access-control-allow-origin'], 'https://app.example');
    assert.equal(headers['access-control-allow-methods'], 'POST');
    assert.equal(headers['access-control-allow-headers'], 'x-token');
    assert.equal(headers['access-control-max-age'], '60');
    assert.match(await line(), / 200 - - .*details="cors_response"/);
  });

  test('one of an origin that is not allowed gets none of it', async (t) => {
    const { http } = await actionGateway(t, { route: { cors: policy } });
    const { status, headers } = await http({ ...preflight, origin: 'https://evil.example' });
    assert.equal(status, 200);
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  });

  test('the response of a cross-origin call is marked, in place of what the backend says', async (t) => {
    const backend = await scripted(t, {
      onRequest: (request) =>
        request.send(
          [
            [':status', '200'],
            ['content-type', 'application/grpc'],
            ['access-control-allow-origin', '*'],
            ['grpc-status', '0'],
          ],
          true,
        ),
    });
    const { grpc } = await actionGateway(t, { endpoints: [backend.address], route: { cors: policy } });
    const { headers } = await grpc({ origin: 'https://app.example' });
    assert.equal(headers['access-control-allow-origin'], 'https://app.example');
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.equal((await grpc({ origin: 'https://evil.example' })).headers['access-control-allow-origin'], '*');
    assert.equal((await grpc()).headers['access-control-allow-credentials'], undefined);
  });

  test('a redirect is marked too', async (t) => {
    const { http } = await actionGateway(t, { route: { ...redirecting(), cors: policy } });
    const { status, headers } = await http({ origin: 'https://app.example' });
    assert.equal(status, 302);
    assert.equal(headers['access-control-allow-origin'], 'https://app.example');
  });
});
