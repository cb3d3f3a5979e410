/**
 * What the deciders cost per request, in nanoseconds and bytes: `node --expose-gc benchmarks/micro/decide.ts`.
 *
 * Rows to compare: route look-up over 10 and over 10,000 routes (must be alike), from the cache and past it; authorization
 * by path, and by path and header; the gRPC path check; recording a request.
 */
import {
  bindAuthorization,
  compileProxy,
  decideAuthorization,
  decideRoute,
  isGrpcPath,
  type CompiledPort,
} from '../../src/decide/index.ts';
import { countMessages, newMessageCounter, parseGrpcTimeout } from '../../src/grpc/index.ts';
import { RequestMetrics, unknownService, unknownWorkload } from '../../src/telemetry/index.ts';
import { buildPlan, testPolicy, testPortId, testProxyId } from '../../test/kit/plan-kit.ts';
import { testConnection, testRequest } from '../../test/kit/request-facts.ts';

const rounds = 5;

/** Takes every result, so that V8 cannot leave the work out. */
const sink: { value: unknown } = { value: undefined };

/** Best of `rounds`, after a warm-up of the same length. */
function measure(name: string, operations: number, run: (index: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let round = 0; round <= rounds; round++) {
    globalThis.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    const start = performance.now();
    for (let index = 0; index < operations; index++) sink.value = run(index);
    const elapsed = performance.now() - start;
    if (round > 0 && elapsed < best) {
      best = elapsed;
      bytes = process.memoryUsage().heapUsed - heapBefore;
    }
  }
  const nanoseconds = ((best * 1e6) / operations).toFixed(1).padStart(8);
  process.stdout.write(`${name.padEnd(52)} ${nanoseconds} ns/op ${(bytes / operations).toFixed(1).padStart(8)} B/op\n`);
}

function portWith(routeCount: number): CompiledPort {
  const routes = Array.from({ length: routeCount }, (_, index) => ({
    match: { path: { type: 'PathPrefix', value: `/p${index}.Service` } as const, headers: [] },
  }));
  const plan = buildPlan({ listeners: [{ virtualHosts: [{ hostname: 'sit-gateway.example.com', routes }] }] });
  return compileProxy(plan, testProxyId).ports.get(testPortId) as CompiledPort;
}

for (const count of [10, 1_000, 10_000]) {
  const port = portWith(count);
  const hot = testRequest({ path: `/p${count - 1}.Service/Method` });
  measure(`route, ${count} routes, from the cache`, 500_000, () => decideRoute(port, hot));
  const requests = Array.from({ length: 50_000 }, (_, index) =>
    testRequest({ path: `/p${index % count}.Service/M${index}` }),
  );
  measure(`route, ${count} routes, every path new`, requests.length, (index) =>
    decideRoute(port, requests[index] ?? hot),
  );
}

const operations = [{ paths: [{ type: 'prefix', value: '/asset.AssetService/' } as const] }];
const when = [{ key: 'request.headers[x-tenant]', values: [{ type: 'exact', value: 'a' } as const], notValues: [] }];
const request = testRequest({ headers: [['x-tenant', 'a']] });
for (const [name, rule] of [
  ['path', { to: operations }],
  ['path and header', { to: operations, when }],
] as const) {
  const rules = [
    ...Array.from({ length: 99 }, () => ({ to: [{ paths: [{ type: 'exact', value: '/no' } as const] }] })),
    rule,
  ];
  const proxy = compileProxy(buildPlan({ policies: [testPolicy('p', { action: 'ALLOW', rules })] }), testProxyId);
  const port = proxy.ports.get(testPortId) as CompiledPort;
  const bound = bindAuthorization(proxy, { port, connection: testConnection() });
  measure(`authorization by ${name}, 100 rules, from the cache`, 500_000, () => decideAuthorization(bound, request));
}

measure('isGrpcPath', 500_000, () => isGrpcPath('/asset.AssetService/GetAsset'));
measure('parseGrpcTimeout', 500_000, () => parseGrpcTimeout('1500m'));

const counter = newMessageCounter();
const chunk = Buffer.concat(Array.from({ length: 10 }, () => Buffer.from([0, 0, 0, 0, 64, ...Buffer.alloc(64)])));
measure('countMessages, 10 messages of 64 bytes', 500_000, () => countMessages(counter, chunk, 0, chunk.length));

const metrics = new RequestMetrics();
const labels = {
  reporter: 'source',
  source: unknownWorkload,
  destination: unknownWorkload,
  service: unknownService,
  security: 'unknown',
} as const;
measure('metrics: pairFor, seriesFor, record', 500_000, () => {
  const pair = metrics.pairFor(labels);
  metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 1.5, 64, 120);
});
const pair = metrics.pairFor(labels);
measure('metrics: seriesFor, record, addMessages', 500_000, () => {
  metrics.record(metrics.seriesFor(pair, true, 200, 0, '-'), 1.5, 64, 120);
  metrics.addMessages(pair, 1, 1);
});
