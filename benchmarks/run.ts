/**
 * Measures the documented two-hop path through each contender, in alternating rounds on one machine, and prints medians.
 *
 *   node benchmarks/run.ts                       all rows, three rounds
 *   node benchmarks/run.ts --out benchmarks/results   also writes the table and a chart there
 *   node benchmarks/run.ts --rows 10x100,1x1 --rounds 5 --only Sallyport,HAProxy
 *
 * CPU is user + system time of both hops, from /proc, divided by the calls of the run. Absolute figures drift with the
 * machine; the ratio to HAProxy in the same run is what holds.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { barChart } from './chart.ts';
import { end, freePort, listening, type Contender, type Running } from './contender.ts';
import { direct } from './contenders/direct.ts';
import { envoy } from './contenders/envoy.ts';
import { haproxy } from './contenders/haproxy.ts';
import { nginx } from './contenders/nginx.ts';
import { nodeHttp2 } from './contenders/node-http2.ts';
import { sallyport, sallyportCycling, sallyportLogging } from './contenders/sallyport.ts';
import { makeCredentials } from './credentials.ts';
import { runLoad, type LoadResult, type LoadShape } from './load.ts';
import { cpuMicroseconds, memoryMebibytes } from './process-usage.ts';

const small = { requestBytes: 64, responseBytes: 120 };
const tens = { connections: 10, streams: 10, ...small };
const rows: Readonly<Record<string, LoadShape>> = {
  '1x1': { connections: 1, streams: 1, requests: 8_000, ...small },
  '10x10': { connections: 10, streams: 10, requests: 100_000, ...small },
  '10x100': { connections: 10, streams: 100, requests: 200_000, ...small },
  '100x4': { connections: 100, streams: 4, requests: 100_000, ...small },
  '100x1': { connections: 100, streams: 1, requests: 60_000, ...small },
  '400x1': { connections: 400, streams: 1, requests: 60_000, ...small },
  '1MB responses': { connections: 4, streams: 8, requests: 800, requestBytes: 64, responseBytes: 1_000_000 },
  '1MB requests': { connections: 4, streams: 8, requests: 800, requestBytes: 1_000_000, responseBytes: 120 },
  // The next two by the same load generator, so that they can be compared; long, because it is compiled while it runs.
  'same headers': { ...tens, requests: 200_000, own: { uniqueHeaders: false, messages: 0 } },
  'unique headers': { ...tens, requests: 200_000, own: { uniqueHeaders: true, messages: 0 } },
  'bidi messages': { ...tens, requests: 200_000, own: { uniqueHeaders: false, messages: 100 } },
};

/** Before each row, for every contender: long runs are compared, not starts. */
const warmUp: LoadShape = { connections: 10, streams: 10, requests: 30_000, ...small };

interface Sample extends LoadResult {
  readonly cpuMicrosecondsPerCall: number;
  readonly hopCpu: Readonly<Record<string, number>>;
  readonly idleMebibytes: number;
  readonly peakMebibytes: number;
}

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    rows: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});
const wantedRows = values.rows?.split(',') ?? Object.keys(rows);
const contenders = [direct, sallyport, sallyportLogging, sallyportCycling, haproxy, envoy, nginx, nodeHttp2].filter(
  ({ name }) => values.only === undefined || values.only.split(/,(?! )/).includes(name),
);

const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const credentials = makeCredentials(join(directory, 'pki'));
const backendPort = await freePort();
const backend = spawn(process.execPath, [join(import.meta.dirname, 'backend.ts'), String(backendPort)], {
  stdio: 'inherit',
});
await listening(backendPort, () => (backend.exitCode === null ? undefined : 'the backend ended'));

const results = new Map<string, Sample[]>();
try {
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const contender of contenders) {
      const reason = contender.unavailable();
      if (reason !== undefined) {
        if (round === 1) process.stderr.write(`${contender.name}: left out, ${reason}\n`);
        continue;
      }
      await measureContender(contender, round);
    }
  }
  writeReport();
} finally {
  await end(backend);
  rmSync(directory, { recursive: true, force: true });
}

async function measureContender(contender: Contender, round: number): Promise<void> {
  for (const name of wantedRows) {
    const shape = rows[name];
    if (shape === undefined) throw new Error(`no row ${name}; rows: ${Object.keys(rows).join(', ')}`);
    // A fresh start for each row, so that peak memory belongs to the row.
    const running = await contender.start({ backendPort, credentials, directory });
    try {
      const idleMebibytes = Math.max(0, ...running.hops.map(({ pid }) => memoryMebibytes(pid).resident));
      await runLoad(running.port, warmUp, directory);
      await runLoad(running.port, { ...shape, requests: Math.ceil(shape.requests / 5) }, directory);
      const sample = { ...(await measure(running, shape)), idleMebibytes };
      results.set(`${contender.name} ${name}`, [...(results.get(`${contender.name} ${name}`) ?? []), sample]);
      process.stderr.write(
        `round ${round} ${contender.name} ${name}: ${sample.requestsPerSecond.toFixed(0)}/s, ${sample.cpuMicrosecondsPerCall.toFixed(1)} µs/call ${JSON.stringify(sample.hopCpu)}, p99 ${sample.p99Ms.toFixed(2)} ms, ${sample.failed} failed\n`,
      );
    } finally {
      await running.stop();
    }
  }
}

async function measure(running: Running, shape: LoadShape): Promise<Omit<Sample, 'idleMebibytes'>> {
  const before = running.hops.map(({ pid }) => cpuMicroseconds(pid));
  const load = await runLoad(running.port, shape, directory);
  const perCall = running.hops.map(({ pid }, index) => (cpuMicroseconds(pid) - (before[index] ?? 0)) / shape.requests);
  return {
    ...load,
    cpuMicrosecondsPerCall: perCall.reduce((sum, value) => sum + value, 0),
    hopCpu: Object.fromEntries(running.hops.map(({ name }, index) => [name, Number((perCall[index] ?? 0).toFixed(1))])),
    peakMebibytes: Math.max(0, ...running.hops.map(({ pid }) => memoryMebibytes(pid).peak)),
  };
}

function writeReport(): void {
  const present = contenders.filter(({ name }) => wantedRows.some((row) => results.has(`${name} ${row}`)));
  const of = (contender: string, row: string, pick: (sample: Sample) => number) =>
    median(results.get(`${contender} ${row}`) ?? [], pick);
  const lines = [
    '| load | contender | requests/s | CPU µs/call | ratio to HAProxy | p50 ms | p99 ms | p99.9 ms | idle MiB | peak MiB | failed |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of wantedRows) {
    const base = of(haproxy.name, row, (sample) => sample.cpuMicrosecondsPerCall);
    for (const { name } of present) {
      const samples = results.get(`${name} ${row}`);
      if (samples === undefined) continue;
      const cpu = of(name, row, (sample) => sample.cpuMicrosecondsPerCall);
      const cells = [
        row,
        name,
        of(name, row, (sample) => sample.requestsPerSecond).toFixed(0),
        `${cpu.toFixed(1)} (${spread(samples.map((sample) => sample.cpuMicrosecondsPerCall))})`,
        Number.isFinite(base) && cpu > 0 ? (cpu / base).toFixed(2) : '–',
        of(name, row, (sample) => sample.p50Ms).toFixed(2),
        of(name, row, (sample) => sample.p99Ms).toFixed(2),
        of(name, row, (sample) => sample.p999Ms).toFixed(2),
        of(name, row, (sample) => sample.idleMebibytes).toFixed(0),
        of(name, row, (sample) => sample.peakMebibytes).toFixed(0),
        String(samples.reduce((sum, sample) => sum + sample.failed, 0)),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  const groups = wantedRows.map((row) => ({
    title: row,
    bars: present
      .filter(({ name }) => name !== direct.name && results.has(`${name} ${row}`))
      .map(({ name }) => ({ label: name, value: of(name, row, (sample) => sample.cpuMicrosecondsPerCall) })),
  }));
  const table = `${lines.join('\n')}\n`;
  process.stdout.write(table);
  if (values.out === undefined) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'results.md'), `${header()}\n${table}`);
  const title = 'CPU time per call, both hops together (less is better)';
  writeFileSync(join(values.out, 'cpu.svg'), barChart({ title, unit: 'µs', groups }));
}

function header(): string {
  const [cpu] = cpus();
  return `<!-- Written by \`node benchmarks/run.ts --out\`. -->
# Measured side by side

${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpu?.model ?? 'unknown'}), Node ${process.versions.node}, ${values.rounds} alternating rounds,
medians; lowest and highest in brackets. Two hops: plaintext HTTP/2 in, mutual TLS 1.3 between the hops, plaintext HTTP/2 to the
backend. Load generator, both hops and the backend share the cores. CPU is user and system time of both hops; memory is that of
the larger hop. Rows are connections × calls at once on each; 64-byte requests, 120-byte responses unless named otherwise. 1 MB rows are 4x8, those
with names 10x10: the same headers in each call, or besides them a trace context, token and deadline of its own; streams of 100 messages
back and forth, where a request is one message.

![CPU time per call](cpu.svg)
`;
}

function spread(numbers: readonly number[]): string {
  return `${Math.min(...numbers).toFixed(1)}–${Math.max(...numbers).toFixed(1)}`;
}

function median(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const sorted = samples.map(pick).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
