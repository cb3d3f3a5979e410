import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { deadAddress } from '../../test/kit/dead-address.ts';
import { actionGateway, pushingBack, scripted, type ActionGatewaySpec } from '../../test/kit/action-gateway.ts';
import { proxyOrigin } from '../../test/kit/proxy-plan.ts';
import type { ScriptedRequest } from '../../test/kit/proxy-scripted.ts';
import { ErrorCode } from '../http2/index.ts';
import type { ConnectionPool, RetryCondition, RetryPolicy, Route } from '../plan/index.ts';
import type { Address } from './index.ts';

const never = 600_000;

function retrying(on: readonly RetryCondition[], changes: Partial<RetryPolicy> = {}): Partial<Route> {
  const origin = proxyOrigin('VirtualService', 'echo', 17);
  return { retry: { origin, attempts: 1, on, statusCodes: [], backoffMs: 1, avoidTried: true, ...changes } };
}

/** Ways in which an application can fail a request, by name. */
const failures: Readonly<Record<string, (request: ScriptedRequest) => void>> = {
  500: httpError(500),
  501: httpError(501),
  502: httpError(502),
  503: httpError(503),
  504: httpError(504),
  409: httpError(409),
  418: httpError(418),
  429: httpError(429),
  CANCELLED: (request) => request.end(1),
  UNKNOWN: (request) => request.end(2),
  DEADLINE_EXCEEDED: (request) => request.end(4),
  RESOURCE_EXHAUSTED: (request) => request.end(8),
  INTERNAL: (request) => request.end(13),
  UNAVAILABLE: (request) => request.end(14),
  reset: ({ connection, stream }) => connection.resetStream(stream, ErrorCode.INTERNAL_ERROR),
  refused: ({ connection, stream }) => connection.resetStream(stream, ErrorCode.REFUSED_STREAM),
  lost: (request) => request.kill(),
  malformed: (request) => request.send([['x-no-status', '1']], true),
};

function httpError(status: number): (request: ScriptedRequest) => void {
  return (request) =>
    request.send(
      [
        [':status', String(status)],
        ['content-type', 'text/plain'],
      ],
      true,
    );
}

const unanswered = ['reset', 'lost', 'malformed', 'refused'];
const retried: Readonly<Record<RetryCondition, readonly string[]>> = {
  '5xx': ['500', '501', '502', '503', '504', ...unanswered],
  'gateway-error': ['502', '503', '504', ...unanswered],
  reset: unanswered,
  'reset-before-request': [],
  'connect-failure': [],
  'retriable-4xx': ['409'],
  'refused-stream': ['refused'],
  'retriable-status-codes': ['418'],
  cancelled: ['CANCELLED'],
  'deadline-exceeded': ['DEADLINE_EXCEEDED'],
  internal: ['INTERNAL'],
  'resource-exhausted': ['RESOURCE_EXHAUSTED'],
  unavailable: ['UNAVAILABLE'],
};

async function gatewayTo(t: TestContext, endpoints: readonly Address[], spec: Partial<ActionGatewaySpec>) {
  return actionGateway(t, { endpoints, ...spec });
}

describe('each condition is met by its failures, and by no other', () => {
  for (const condition of Object.keys(retried) as RetryCondition[]) {
    test(condition, async (t) => {
      let left = 0;
      const backend = await scripted(t, {
        onRequest: () => undefined,
        onEnd: (request) => {
          const fail = failures[request.header('x-fail') ?? ''];
          if (left-- > 0 && fail !== undefined) fail(request);
          else request.end(0);
        },
      });
      const route = retrying([condition], { statusCodes: [418], attempts: 3 });
      const { grpc } = await gatewayTo(t, [backend.address], { route });
      for (const failure of Object.keys(failures)) {
        // A refused stream is sent again three times whatever the route says.
        const before = failure === 'refused' ? 3 : 1;
        left = before;
        const earlier = backend.requests;
        const { headers } = await grpc({ 'x-fail': failure });
        const expected = retried[condition].includes(failure);
        assert.equal(headers['grpc-status'] === '0', expected, `${failure} answered`);
        assert.equal(backend.requests - earlier, expected ? before + 1 : before, `${failure} attempts`);
      }
    });
  }

  test('a connection that cannot be made meets those that say so', async (t) => {
    const meets: readonly RetryCondition[] = [
      '5xx',
      'gateway-error',
      'reset',
      'reset-before-request',
      'connect-failure',
    ];
    const dead = await deadAddress();
    for (const condition of Object.keys(retried) as RetryCondition[]) {
      const { grpc, line } = await gatewayTo(t, [dead], { route: retrying([condition], { statusCodes: [503] }) });
      assert.equal((await grpc()).headers['grpc-status'], '14');
      const logged = await line();
      const flags = meets.includes(condition) ? 'UF,URX' : 'UF';
      assert.ok(logged.includes(` 200 14 ${flags} `), `${condition}: ${logged}`);
      assert.equal(logged.includes('attempts=2'), meets.includes(condition), logged);
    }
  });

  test('the time for one attempt meets those for no answer at all', async (t) => {
    const meets: readonly RetryCondition[] = ['5xx', 'gateway-error', 'reset'];
    const check = async (condition: RetryCondition): Promise<void> => {
      const backend = await scripted(t, {
        onRequest: () => undefined,
        onEnd: (request) => (request.requestIndex === 0 ? undefined : request.end(0)),
      });
      const route = retrying([condition], { perTryTimeoutMs: 1_000 });
      const { grpc, line } = await gatewayTo(t, [backend.address], { route });
      const { headers } = await grpc();
      assert.equal(headers['grpc-status'], meets.includes(condition) ? '0' : '4', condition);
      assert.equal(backend.requests, meets.includes(condition) ? 2 : 1);
      assert.match(await line(), meets.includes(condition) ? / 200 0 - / : / 200 4 UT .*upstream_per_try_timeout/);
      assert.deepEqual(backend.resets, [ErrorCode.CANCEL]);
    };
    await Promise.all((Object.keys(retried) as RetryCondition[]).map(check));
  });
});

describe('the number of attempts', () => {
  test('is what the route says, then the last answer is passed on with URX', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const route = retrying(['unavailable'], { attempts: 4 });
    const { grpc, line } = await gatewayTo(t, [backend.address], { route });
    assert.equal((await grpc()).headers['grpc-status'], '14');
    assert.equal(backend.requests, 5);
    const logged = await line();
    assert.match(
      logged,
      / 200 14 URX .*reason="4 retries, VirtualService default\/echo virtualservice\.yaml:17 asks for 4"/,
    );
    assert.match(logged, / attempts=5 /);
    assert.match(logged, /details="via_upstream"/);
  });

  test('is not exceeded by attempts that never got there and are made in any case (Envoy: 1 + num_retries)', async (t) => {
    const failing = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const endpoints = [await deadAddress(), failing.address, await deadAddress()];
    const route = retrying(['connect-failure', 'unavailable'], { attempts: 2 });
    const { grpc, line } = await gatewayTo(t, endpoints, { route });
    for (let call = 0; call < 6; call++) {
      assert.equal((await grpc()).headers['grpc-status'], '14');
      assert.match(await line(call), / attempts=3 /);
    }
  });

  test('is not made smaller either: a stream that was refused is sent again, whatever the route says (gRFC A6)', async (t) => {
    const backend = await scripted(t, { onRequest: failures['refused'] as (request: ScriptedRequest) => void });
    const { grpc, line } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable']) });
    assert.equal((await grpc()).headers['grpc-status'], '14');
    assert.match(await line(), / 200 14 UR .* attempts=3 /);
  });

  test('is not used up by answers that need none', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(5) });
    const { grpc, line } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable', '5xx', 'reset']) });
    assert.equal((await grpc()).headers['grpc-status'], '5');
    assert.equal(backend.requests, 1);
    assert.match(await line(), / 200 5 - /);
  });

  test('counts for attempts that ran out of time too', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined });
    const route = retrying(['5xx'], { attempts: 2, perTryTimeoutMs: 80 });
    const { grpc, line } = await gatewayTo(t, [backend.address], { route });
    assert.equal((await grpc()).headers['grpc-status'], '4');
    assert.equal(backend.requests, 3);
    assert.match(await line(), / 200 4 UT,URX .*80 ms for one attempt/);
  });
});

describe('what is sent again', () => {
  test('is the whole request, with what is left of the deadline', async (t) => {
    const timeouts: number[] = [];
    const backend = await scripted(t, {
      onRequest: (request) => timeouts.push(Number.parseInt(request.header('grpc-timeout') ?? '', 10)),
      onEnd: (request) => request.end(request.requestIndex === 0 ? 14 : 0),
    });
    const { client } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable'], { backoffMs: 20 }) });
    assert.equal((await client.unary(Buffer.alloc(10_000), { timeoutMs: 30_000 })).code, 0);
    assert.equal(backend.receivedBytes, 2 * 10_005);
    assert.ok((timeouts[1] ?? 0) < (timeouts[0] ?? 0), timeouts.join());
  });

  test('is nothing when the request was too long to be kept', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const { client, line } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable']) });
    assert.equal((await client.unary(Buffer.alloc(40_000))).code, 14);
    assert.equal(backend.requests, 1);
    assert.match(await line(), / 200 14 - .*reason="not tried again: the request is too long to be kept"/);
  });

  test('goes on with what comes while the next attempt is under way', async (t) => {
    const seconds = Promise.withResolvers<void>();
    const backend = await scripted(t, {
      onRequest: (request) => {
        if (request.requestIndex === 1) seconds.resolve();
      },
      onData: (request) => {
        if (request.requestIndex === 0) request.end(14);
        return true;
      },
      onEnd: (request) => request.end(5),
    });
    const { client } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable']) });
    const ended = Promise.withResolvers<number | undefined>();
    const stream = client.raw.ClientStream((error) => ended.resolve(error?.code));
    stream.write(Buffer.alloc(100));
    await seconds.promise;
    stream.write(Buffer.alloc(200));
    stream.end();
    assert.equal(await ended.promise, 5);
    assert.equal(backend.receivedBytes, 105 + 105 + 205);
  });
});

describe('nothing is sent again', () => {
  const late: Readonly<Record<string, (request: ScriptedRequest) => void>> = {
    'after response headers, when the stream is reset': (request) => {
      request.begin();
      request.connection.resetStream(request.stream, ErrorCode.INTERNAL_ERROR);
    },
    'after a message, when the status is one to be tried again': (request) => {
      request.begin();
      request.message(10);
      request.end(14);
    },
    'after response headers, when the connection is lost': (request) => {
      request.begin();
      setImmediate(() => setImmediate(() => request.kill()));
    },
  };
  for (const [name, fail] of Object.entries(late)) {
    test(name, async (t) => {
      const backend = await scripted(t, { onRequest: () => undefined, onEnd: fail });
      const route = retrying(['5xx', 'reset', 'unavailable', 'internal'], { attempts: 5 });
      const { client } = await gatewayTo(t, [backend.address], { route });
      assert.ok((await client.unary('x')).code > 0);
      assert.equal(backend.requests, 1);
    });
  }

  test('after response headers, when the time for one attempt is up', async (t) => {
    const backend = await scripted(t, { onRequest: (request) => request.begin() });
    const route = { ...retrying(['5xx'], { perTryTimeoutMs: 200 }), timeoutMs: 450 };
    const { grpc, line } = await gatewayTo(t, [backend.address], { route });
    assert.equal((await grpc()).trailers['grpc-status'], '4');
    assert.equal(backend.requests, 1);
    assert.match(await line(), / 200 4 UT .*details="response_timeout"/);
  });

  test('when the upstream asks not to (gRFC A6)', async (t) => {
    for (const [pushback, requests] of [
      ['-1', 1],
      ['soon', 1],
      ['', 1],
      ['999999999', 1],
      ['0', 2],
      ['5', 2],
    ] as const) {
      const backend = await pushingBack(t, pushback);
      const { grpc } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable']) });
      assert.equal((await grpc()).headers['grpc-status'], '14');
      assert.equal(backend.requests, requests, pushback);
    }
  });

  test('when the upstream limits the rate of requests', async (t) => {
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) =>
        request.send(
          [
            [':status', '503'],
            ['x-envoy-ratelimited', 'true'],
          ],
          true,
        ),
    });
    const { grpc } = await gatewayTo(t, [backend.address], { route: retrying(['5xx']) });
    assert.equal((await grpc()).status, 503);
    assert.equal(backend.requests, 1);
  });

  test('when the deadline ends the wait, and the client is told so', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const options = { random: () => 0.99 };
    const route = retrying(['unavailable'], { backoffMs: never });
    const { grpc, line } = await gatewayTo(t, [backend.address], { route, options });
    assert.equal((await grpc({ 'grpc-timeout': '50m' })).headers['grpc-status'], '4');
    assert.equal(backend.requests, 1);
    assert.match(await line(), / 200 4 UT /);
  });

  test('when the client goes away in the wait, and its place in the budget is free again', async (t) => {
    let status = 14;
    const first = Promise.withResolvers<void>();
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) => {
        request.end(status);
        first.resolve();
      },
    });
    const route = retrying(['unavailable'], { backoffMs: never, attempts: 1 });
    const { client, line, gateway } = await gatewayTo(t, [backend.address], {
      route,
      pool: { maxRetries: 1 },
      options: { random: () => 0.99 },
    });
    const { call, answer } = client.start('Unary');
    await first.promise;
    const cluster = () => gateway.proxy.snapshot().clusters[0];
    while (cluster()?.endpoints[0]?.activeRequests !== 0) await new Promise(setImmediate);
    assert.equal(cluster()?.activeRequests, 1, 'it keeps its place in the cluster');
    call.cancel();
    await answer;
    assert.match(await line(), / 0 - DC /);
    assert.equal(cluster()?.activeRequests, 0);
    assert.equal(backend.requests, 1);
    status = 0;
    assert.equal((await client.unary('x')).code, 0);
  });
});

describe('an attempt that was given up', () => {
  test('does not count as ended when the next one hangs: that one is cancelled with the request', async (t) => {
    const reset = Promise.withResolvers<number>();
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) => (request.requestIndex === 0 ? request.end(14) : undefined),
      onReset: (_request, code) => reset.resolve(code),
    });
    const { grpc } = await gatewayTo(t, [backend.address], { route: retrying(['unavailable']) });
    assert.equal((await grpc({ 'grpc-timeout': '300m' })).headers['grpc-status'], '4');
    assert.equal(backend.requests, 2);
    assert.equal(await reset.promise, ErrorCode.CANCEL);
  });

  test('leaves no timer that could act on a later request', async (t) => {
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) => (request.requestIndex === 0 ? request.end(14) : undefined),
    });
    const { client, grpc, gateway } = await gatewayTo(t, [backend.address], {
      route: retrying(['unavailable'], { backoffMs: 60 }),
      options: { random: () => 0.99 },
    });
    const { call, answer } = client.start('Unary');
    const endpoint = () => gateway.proxy.snapshot().clusters[0]?.endpoints[0];
    while (backend.requests === 0 || endpoint()?.activeRequests !== 0) await new Promise(setImmediate);
    call.cancel();
    await answer;
    // Its record is that of the first one.
    assert.equal((await grpc({ 'grpc-timeout': '200m' })).headers['grpc-status'], '4');
    assert.equal(backend.requests, 2);
  });
});

describe('the budget', () => {
  async function held(t: TestContext, pool: Partial<ConnectionPool>, count: number) {
    const waiting: ScriptedRequest[] = [];
    const allHere = Promise.withResolvers<void>();
    const failed = new Set<string>();
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) => {
        const call = request.header('x-call') ?? '';
        if (!failed.has(call)) {
          failed.add(call);
          request.end(14);
          return;
        }
        waiting.push(request);
        if (waiting.length === count) allHere.resolve();
      },
    });
    const gateway = await gatewayTo(t, [backend.address], {
      route: retrying(['unavailable']),
      pool,
    });
    const calls = Array.from({ length: count }, (_, i) => gateway.grpc({ 'x-call': `${i}` }));
    await allHere.promise;
    return { ...gateway, backend, waiting, calls };
  }

  for (const [name, pool, count] of [
    ['three retries at once while requests are few', {}, 3],
    ['maxRetries of the DestinationRule', { maxRetries: 1 }, 1],
    ['retryBudget of the DestinationRule: its least', { retryBudget: { percent: 0, minConcurrency: 2 } }, 2],
    ['retryBudget goes before maxRetries', { maxRetries: 9, retryBudget: { percent: 0, minConcurrency: 1 } }, 1],
  ] as const) {
    test(name, async (t) => {
      const { grpc, line, waiting, calls, backend } = await held(t, pool, count);
      assert.equal((await grpc({ 'x-call': 'over' })).headers['grpc-status'], '14');
      assert.match(
        await line(),
        / 200 14 UO .*reason="not tried again: \d requests to the cluster are being retried, \d may be"/,
      );
      assert.equal(backend.requests, 2 * count + 1);
      for (const request of waiting) request.end(0);
      for (const { headers } of await Promise.all(calls)) assert.equal(headers['grpc-status'], '0');
      const again = grpc({ 'x-call': 'again' });
      while (waiting.length === count) await new Promise(setImmediate);
      waiting.at(-1)?.end(0);
      assert.equal((await again).headers['grpc-status'], '0');
    });
  }

  test('retryBudget: its part of the requests under way', async (t) => {
    const firsts: ScriptedRequest[] = [];
    const retries: ScriptedRequest[] = [];
    const backend = await scripted(t, {
      onRequest: () => undefined,
      onEnd: (request) => void (request.requestIndex < 10 ? firsts : retries).push(request),
    });
    const { grpc } = await gatewayTo(t, [backend.address], {
      route: retrying(['unavailable']),
      pool: { retryBudget: { percent: 30, minConcurrency: 1 } },
    });
    const calls = Array.from({ length: 10 }, () => grpc());
    while (firsts.length < 10) await new Promise(setImmediate);
    for (const count of [1, 2, 3]) {
      firsts.shift()?.end(14);
      while (retries.length < count) await new Promise(setImmediate);
    }
    // Ten are under way, three of them retries: the fourth is one too many.
    firsts.shift()?.end(14);
    assert.equal((await Promise.race(calls)).headers['grpc-status'], '14');
    assert.equal(backend.requests, 13);
    for (const request of [...firsts, ...retries]) request.end(0);
    const ended = (await Promise.all(calls)).map(({ headers }) => headers['grpc-status']);
    assert.deepEqual(
      [ended.filter((status) => status === '0').length, ended.filter((status) => status === '14').length],
      [9, 1],
    );
  });

  test('maxRetries 0: none', async (t) => {
    const backend = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const { grpc } = await gatewayTo(t, [backend.address], {
      route: retrying(['unavailable']),
      pool: { maxRetries: 0 },
    });
    await grpc();
    assert.equal(backend.requests, 1);
  });
});

describe('the next endpoint', () => {
  async function two(t: TestContext, avoidTried: boolean) {
    const bad = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(14) });
    const good = await scripted(t, { onRequest: () => undefined, onEnd: (request) => request.end(0) });
    // The balancer always draws the first.
    const options = { random: () => 0 };
    const route = retrying(['unavailable'], { avoidTried });
    return { bad, ...(await gatewayTo(t, [bad.address, good.address], { route, options })) };
  }

  test('is another one, when the route prefers that', async (t) => {
    const { bad, grpc } = await two(t, true);
    assert.equal((await grpc()).headers['grpc-status'], '0');
    assert.equal(bad.requests, 1);
  });

  test('may be the same, when it does not', async (t) => {
    const { bad, grpc } = await two(t, false);
    assert.equal((await grpc()).headers['grpc-status'], '14');
    assert.equal(bad.requests, 2);
  });

  for (const { avoidTried, backends } of [
    { avoidTried: 'unless-hashed', backends: 1 },
    { avoidTried: true, backends: 2 },
  ] as const) {
    test(`of a hash: avoidTried ${avoidTried}`, async (t) => {
      const failing = { onRequest: () => undefined, onEnd: (request: ScriptedRequest) => request.end(14) };
      const both = [await scripted(t, failing), await scripted(t, failing)];
      const { grpc } = await gatewayTo(
        t,
        both.map(({ address }) => address),
        {
          route: retrying(['unavailable'], { avoidTried }),
          hash: {
            origin: proxyOrigin('DestinationRule', 'echo', 1),
            key: { type: 'header', name: 'x-key' },
            table: { type: 'ring', minimumSize: 1024 },
          },
        },
      );
      await grpc({ 'x-key': 'a' });
      assert.equal(both.filter(({ requests }) => requests > 0).length, backends);
      assert.equal(
        both.reduce((sum, { requests }) => sum + requests, 0),
        2,
      );
    });
  }
});

test('metrics count one request, however many attempts it took', async (t) => {
  const backend = await scripted(t, {
    onRequest: () => undefined,
    onEnd: (request) => request.end(request.requestIndex < 2 ? 14 : 0),
  });
  const { grpc, gateway, line } = await gatewayTo(t, [backend.address], {
    route: retrying(['unavailable'], { attempts: 2 }),
  });
  await grpc();
  assert.match(await line(), / 200 0 - .* attempts=3 /);
  const { series } = gateway.metrics.snapshot();
  assert.equal(series.length, 1);
  assert.equal(
    series[0]?.duration.slice(0, -1).reduce((sum, one) => sum + one, 0),
    1,
  );
});
