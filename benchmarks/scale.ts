/**
 * Many routes: `node benchmarks/scale.ts [ROUTES] [--out DIRECTORY]`, 10,000 HTTPRoutes in 100 namespaces unless told, a file for
 * each namespace.
 * Prints how long they take to load, what the control process holds, how long a changed route takes to be in effect
 * after its file was written, and what finding a route costs. Asserts nothing. `--out` also writes the table to `scale.md` there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { compileProxy, decideRoute, type CompiledPort } from '../src/decide/index.ts';
import { assetClient, startAssetBackend } from '../test/kit/asset-service.ts';
import { compileText } from '../test/kit/compile-kit.ts';
import { testRequest } from '../test/kit/request-facts.ts';
import { SallyportProcess } from '../test/kit/sallyport-process.ts';
import { cpuMicroseconds, memoryMebibytes } from './process-usage.ts';

const namespaces = 100;
const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const routeCount = Number(positionals[0] ?? 10_000);
const changes = 20;
const startTimeoutMs = 120_000;
const pauseMs = 2;

/** What is measured, what came of it, and for 10,000 routes what is aimed at. */
const rows: [string, string, string][] = [];

async function measureMesh(count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-scale-'));
  const backend = await startAssetBackend();
  mkdirSync(join(folder, 'k8s'));
  const write = (namespace: number, revision: number): void =>
    writeFileSync(join(folder, 'k8s', `${teamName(namespace)}.yaml`), team(namespace, count / namespaces, revision));
  writeFileSync(join(folder, 'k8s', 'gateway.yaml'), shared);
  for (let namespace = 0; namespace < namespaces; namespace++) write(namespace, 0);

  const startedMs = performance.now();
  const mesh = new SallyportProcess(['run', '-f', join(folder, 'k8s'), '--workload', `shop/web=${backend.address}`], {
    readyTimeoutMs: startTimeoutMs,
  });
  try {
    await mesh.ready();
    add(
      `${count} routes: ready after the start of the process`,
      `${Math.round(performance.now() - startedMs)} ms`,
      '3,000 ms',
    );
    const address = mesh.listener('gateway/edge');
    const loaded = memoryMebibytes(mesh.run.pid);
    add(
      'control process, loaded',
      `${Math.round(loaded.resident)} MiB, at most ${Math.round(loaded.peak)} MiB`,
      '300 MB',
    );
    const gateway = mesh.run.proxies.find(({ id }) => id.startsWith('gateway/'))?.pid ?? mesh.run.pid;
    const cpuBefore = [mesh.run.pid, gateway].map(cpuMicroseconds);
    const times: number[] = [];
    for (let revision = 1; revision <= changes; revision++) {
      const authority = hostname(revision, 0, revision);
      write(revision, revision);
      const writtenMs = performance.now();
      await untilServed(address, authority);
      times.push(performance.now() - writtenMs);
    }
    times.sort((a, b) => a - b);
    const [median, worst] = [times[Math.floor(changes / 2)], times.at(-1)];
    add(
      'a changed route in effect after its file was written',
      `${Math.round(median ?? 0)} ms, at most ${Math.round(worst ?? 0)} ms`,
      '50 ms',
    );
    const cpuAfter = [mesh.run.pid, gateway].map(cpuMicroseconds);
    const [control, proxy] = cpuAfter.map((after, index) => (after - (cpuBefore[index] ?? 0)) / changes / 1000);
    add(
      'CPU time of a change, until it is seen',
      `control ${Math.round(control ?? 0)} ms, gateway ${Math.round(proxy ?? 0)} ms`,
    );
    const { resident, peak } = memoryMebibytes(mesh.run.pid);
    add('control process, changed', `${Math.round(resident)} MiB, at most ${Math.round(peak)} MiB`, '300 MB');
    for (const { id, pid } of mesh.run.proxies) add(`proxy ${id}`, `${Math.round(memoryMebibytes(pid).resident)} MiB`);
  } finally {
    await mesh.stop();
    backend.close();
    rmSync(folder, { recursive: true });
  }
}

/** Calls until one is answered, with a pause: what looks on must not take the processor from what is looked at. */
async function untilServed(address: string, authority: string): Promise<void> {
  const client = assetClient(address, { authority });
  try {
    for (;;) {
      const served = await client.unary('GetAsset', { asset_id: authority }).then(
        () => true,
        () => false,
      );
      if (served) return;
      await setTimeout(pauseMs);
    }
  } finally {
    client.close();
  }
}

function measureLookup(count: number): void {
  const perNamespace = Math.ceil(count / namespaces);
  const teams = Array.from({ length: Math.min(namespaces, count) }, (_, namespace) => team(namespace, perNamespace, 0));
  const { plan } = compileText([shared, ...teams].join('---\n'));
  const gateway = Object.keys(plan.proxies).find((id) => id.startsWith('gateway/')) ?? '';
  const port = [...compileProxy(plan, gateway).ports.values()][0] as CompiledPort;
  const requests = Array.from({ length: 50_000 }, (_, index) =>
    testRequest({
      authority: hostname(index % Math.min(namespaces, count), index % perNamespace, 0),
      path: `/asset.AssetService/M${index}`,
    }),
  );
  let found = 0;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (const request of requests) if (decideRoute(port, request).type === 'route') found++;
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  const share = Math.round((100 * found) / (5 * requests.length));
  add(
    `finding a route among ${count}, every path new`,
    `${Math.round((bestMs * 1e6) / requests.length)} ns (${share} % found)`,
  );
}

function add(name: string, value: string, target = ''): void {
  rows.push([name, value, target]);
}

/** Columns as wide as their widest cell, as a formatter would make them. */
function formatRows(): string {
  const all = [['', 'measured', 'target'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lines = all.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n');
}

function page(table: string): string {
  const [cpu] = cpus();
  return `<!-- Written by \`node benchmarks/scale.ts --out\`. -->
# Many routes

${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpu?.model ?? 'unknown'}), Node ${process.versions.node}. ${routeCount} HTTPRoutes of ${namespaces} namespaces,
two rules each, a file for each namespace; ${changes} changes of one route, each in a file of ${routeCount / namespaces} routes, of which the median and the worst
are shown. From writing the file to the first call that is answered by the changed route.

${table}
`;
}

function teamName(namespace: number): string {
  return `team-${namespace}`;
}

function hostname(namespace: number, route: number, revision: number): string {
  return `route-${route}-${revision}.${teamName(namespace)}.example`;
}

/** The routes of a namespace; the first one's hostname changes with the revision. */
function team(namespace: number, routes: number, revision: number): string {
  return Array.from(
    { length: routes },
    (_, route) => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: route-${route}, namespace: ${teamName(namespace)} }
spec:
  parentRefs: [{ name: edge, namespace: gateway }]
  hostnames: [${hostname(namespace, route, route === 0 ? revision : 0)}]
  rules:
    - matches:
        - path: { type: PathPrefix, value: /asset.AssetService }
      backendRefs: [{ name: web, namespace: shop, port: 8080 }]
    - matches:
        - path: { type: PathPrefix, value: /asset.Other }
          headers: [{ name: x-version, value: v1 }]
      backendRefs: [{ name: web, namespace: shop, port: 8080 }]
`,
  ).join('---\n');
}

const grants = Array.from(
  { length: namespaces },
  (_, namespace) => `---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: ${teamName(namespace)}, namespace: shop }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${teamName(namespace)} }]
  to: [{ group: "", kind: Service }]
`,
);

const shared = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: gateway }
spec:
  gatewayClassName: istio
  listeners:
    - { name: http, port: 8080, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: grpc, port: 8080 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web
          ports: [{ containerPort: 8080 }]
${grants.join('')}`;

await measureMesh(routeCount);
for (const count of [10, routeCount]) measureLookup(count);
const table = formatRows();
process.stdout.write(`${table}\n`);
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'scale.md'), page(table));
}
