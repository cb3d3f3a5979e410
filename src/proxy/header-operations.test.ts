import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { actionGateway, mainCluster, scripted, type ActionGateway } from '../../test/kit/action-gateway.ts';
import { proxyOrigin, publicHost } from '../../test/kit/proxy-plan.ts';
import type { ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import type { HeaderOperations, Route } from '../plan/index.ts';

function operations(changes: {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: readonly (readonly [string, string])[];
  readonly remove?: readonly string[];
}): HeaderOperations {
  return {
    set: Object.entries(changes.set ?? {}).map(([name, value]) => ({ name, value })),
    add: (changes.add ?? []).map(([name, value]) => ({ name, value })),
    remove: changes.remove ?? [],
  };
}

const origin = proxyOrigin('HTTPRoute', 'echo', 20);

async function seenBy(
  t: TestContext,
  route: Partial<Route>,
  headers: Readonly<Record<string, string>> = {},
): Promise<ScriptedRequest> {
  let seen: ScriptedRequest | undefined;
  const backend = await scripted(t, { onRequest: (request) => (seen = request), onEnd: (request) => request.end(0) });
  const { grpc } = await actionGateway(t, { endpoints: [backend.address], route });
  await grpc(headers);
  assert.ok(seen !== undefined);
  return seen;
}

test('request headers: remove, set, add; repeated fields stay apart', async (t) => {
  const requestHeaders = operations({
    remove: ['x-gone', 'x-again'],
    set: { 'x-set': 'new', 'x-fresh': 'ü' },
    add: [
      ['x-added', 'b'],
      ['x-again', '1'],
      ['x-again', '2'],
      ['x-set', 'and more'],
    ],
  });
  const seen = await seenBy(t, { requestHeaders }, { 'x-gone': '1', 'x-set': 'old', 'x-added': 'a', 'x-again': '0' });
  assert.deepEqual(seen.headers('x-gone'), []);
  assert.deepEqual(seen.headers('x-set'), ['new', 'and more']);
  assert.deepEqual(seen.headers('x-added'), ['a', 'b']);
  assert.deepEqual(seen.headers('x-again'), ['1', '2']);
  assert.equal(Buffer.from(seen.header('x-fresh') ?? '', 'latin1').toString('utf8'), 'ü');
});

test('the operations of the backend come after those of the route', async (t) => {
  const seen = await seenBy(t, {
    requestHeaders: operations({ set: { 'x-a': 'route', 'x-b': 'route' }, add: [['x-c', 'route']] }),
    action: {
      type: 'forward',
      backends: [
        {
          weight: 1,
          cluster: mainCluster,
          requestHeaders: operations({ remove: ['x-b'], set: { 'x-a': 'backend' }, add: [['x-c', 'backend']] }),
        },
      ],
    },
  });
  assert.deepEqual(seen.headers('x-a'), ['backend']);
  assert.deepEqual(seen.headers('x-b'), []);
  assert.deepEqual(seen.headers('x-c'), ['route', 'backend']);
});

test('values are literal, and what belongs to the connection cannot be removed', async (t) => {
  const requestHeaders = operations({
    set: { 'x-path': '%REQ(:PATH)%', authorization: 'Bearer secret' },
    remove: ['te', 'host', ':path', ':authority', 'content-length'],
  });
  const seen = await seenBy(t, { requestHeaders }, { 'content-length': '0' });
  assert.equal(seen.header('x-path'), '%REQ(:PATH)%');
  assert.equal(seen.header('authorization'), 'Bearer secret');
  assert.equal(seen.header('te'), 'trailers');
  assert.equal(seen.header(':path'), '/test.Echo/Unary');
  assert.equal(seen.header(':authority'), publicHost);
  assert.equal(seen.header('content-length'), '0');
});

test('no header of Envoy is added', async (t) => {
  const seen = await seenBy(t, { requestHeaders: operations({ set: { 'x-a': '1' } }) });
  for (const name of ['x-envoy-original-path', 'x-envoy-attempt-count', 'x-envoy-expected-rq-timeout-ms']) {
    assert.equal(seen.header(name), undefined, name);
  }
});

test('a timeout that the route removes is not sent on, one that it sets is sent as written', async (t) => {
  const removed = await seenBy(
    t,
    { requestHeaders: operations({ remove: ['grpc-timeout'] }) },
    { 'grpc-timeout': '20S' },
  );
  assert.equal(removed.header('grpc-timeout'), undefined);
  const set = await seenBy(
    t,
    { requestHeaders: operations({ set: { 'grpc-timeout': '7S' } }) },
    { 'grpc-timeout': '20S' },
  );
  assert.deepEqual(set.headers('grpc-timeout'), ['7S']);
  const kept = await seenBy(
    t,
    { requestHeaders: operations({ remove: ['x-first'], add: [['x-last', '1']] }) },
    { 'x-first': '1', 'grpc-timeout': '20S' },
  );
  assert.match(kept.header('grpc-timeout') ?? '', /^1\d{4}m$/);
});

test('a header that HTTP does not allow fails the route instead of being left out', async (t) => {
  const rows: readonly HeaderOperations[] = [
    operations({ set: { 'x-a': 'two\r\nlines' } }),
    operations({ add: [['x a', '1']] }),
    operations({ set: { host: 'other' } }),
    operations({ set: { connection: 'close' } }),
    operations({ set: { ':path': '/other' } }),
  ];
  const backend = await scripted(t, { onRequest: (request) => request.end(0) });
  for (const requestHeaders of rows) {
    const { grpc, line } = await actionGateway(t, { endpoints: [backend.address], route: { requestHeaders } });
    assert.equal((await grpc()).headers['grpc-status'], '14', JSON.stringify(requestHeaders));
    assert.match(await line(), / NC .*reason="HTTPRoute default\/echo httproute\.yaml:11 cannot serve this request/);
  }
  assert.equal(backend.requests, 0);
});

async function answered(
  t: TestContext,
  route: Partial<Route>,
  answer: (request: ScriptedRequest) => void,
): Promise<Awaited<ReturnType<ActionGateway['grpc']>>> {
  const backend = await scripted(t, { onRequest: () => undefined, onEnd: answer });
  const { grpc } = await actionGateway(t, { endpoints: [backend.address], route });
  return grpc();
}

const responseHeaders = operations({
  remove: ['x-gone'],
  set: { 'x-set': 'new' },
  add: [
    ['x-added', 'b'],
    ['x-added', 'c'],
  ],
});

test('response headers change in the first header section, trailers pass as they are', async (t) => {
  const { headers, trailers } = await answered(t, { responseHeaders }, (request) => {
    request.send(
      [
        [':status', '200'],
        ['content-type', 'application/grpc'],
        ['x-gone', '1'],
        ['x-set', 'old'],
        ['x-added', 'a'],
      ],
      false,
    );
    request.send(
      [
        ['grpc-status', '0'],
        ['x-gone', 'stays'],
      ],
      true,
    );
  });
  assert.equal(headers['x-gone'], undefined);
  assert.equal(headers['x-set'], 'new');
  assert.equal(headers['x-added'], 'a, b, c');
  assert.equal(trailers['x-gone'], 'stays');
  assert.equal(trailers['x-set'], undefined);
});

test('response headers change in a trailers-only response too, those of the backend last', async (t) => {
  const backend = { weight: 1, cluster: mainCluster, responseHeaders: operations({ set: { 'x-set': 'backend' } }) };
  const route = { responseHeaders, action: { type: 'forward', backends: [backend] } } as const;
  const { headers } = await answered(t, route, (request) => request.end(5));
  assert.equal(headers['grpc-status'], '5');
  assert.equal(headers['x-set'], 'backend');
  assert.equal(headers['x-added'], 'b, c');
});

test("the proxy's own errors are not changed", async (t) => {
  const { grpc } = await actionGateway(t, { endpoints: [], route: { responseHeaders } });
  const { headers } = await grpc();
  assert.equal(headers['grpc-status'], '14');
  assert.equal(headers['x-set'], undefined);
});

test('authority and path are rewritten', async (t) => {
  const seen = await seenBy(
    t,
    {
      rewrite: { origin, host: 'inner.example.org:81', path: { type: 'ReplacePrefixMatch', value: '/other.Service' } },
    },
    { 'grpc-timeout': '20S' },
  );
  assert.equal(seen.header(':authority'), 'inner.example.org:81');
  assert.equal(seen.path, '/other.Service/Unary');
  assert.match(seen.header('grpc-timeout') ?? '', /^1\d{4}m$/);
});

test('a request whose path is no gRPC path after its rewrite is not sent on', async (t) => {
  const backend = await scripted(t, { onRequest: (request) => request.end(0) });
  for (const value of ['/a/b', '/', '/other.Service?x=', '//other.Service', '/other.Service/..', '/oth er']) {
    const { grpc, line } = await actionGateway(t, {
      endpoints: [backend.address],
      route: { rewrite: { origin, path: { type: 'ReplacePrefixMatch', value } } },
    });
    const { headers } = await grpc();
    assert.equal(headers['grpc-status'], '14', value);
    const logged = await line();
    assert.match(logged, /details="rewritten_path_invalid"/);
    assert.match(logged, /HTTPRoute default\/echo httproute\.yaml:20 makes it /);
  }
  assert.equal(backend.requests, 0);
});
