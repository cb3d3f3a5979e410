/**
 * Measures the documented two-hop path through each contender, in alternating rounds on one machine, and prints medians.
 *
 *   node benchmarks/run.ts                       all rows, three rounds
 *   node benchmarks/run.ts --rows 10x100,1x1 --rounds 5 --only Sallyport,HAProxy
 *
 * CPU is user + system time of both hops, from /proc, divided by the calls of the run. Absolute figures drift with the
 * machine; the ratio to HAProxy in the same run is what holds.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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
const rows: Readonly<Record<string, LoadShape>> = {
  '1x1': { connections: 1, streams: 1, requests: 8_000, ...small },
  '10x10': { connections: 10, streams: 10, requests: 100_000, ...small },
  '10x100': { connections: 10, streams: 100, requests: 200_000, ...small },
  '100x4': { connections: 100, streams: 4, requests: 100_000, ...small },
  '100x1': { connections: 100, streams: 1, requests: 60_000, ...small },
  '400x1': { connections: 400, streams: 1, requests: 60_000, ...small },
  '1MB': { connections: 4, streams: 8, requests: 800, requestBytes: 64, responseBytes: 1_000_000 },
};

interface Sample extends LoadResult {
  readonly cpuMicrosecondsPerCall: number;
  readonly hopCpu: Readonly<Record<string, number>>;
  readonly peakMebibytes: number;
}

const { values } = parseArgs({
  options: { rows: { type: 'string' }, rounds: { type: 'string', default: '3' }, only: { type: 'string' } },
});
const wantedRows = values.rows?.split(',') ?? Object.keys(rows);
const contenders = [direct, sallyport, sallyportLogging, sallyportCycling, haproxy, envoy, nginx, nodeHttp2].filter(
  ({ name }) => values.only === undefined || values.only.split(',').includes(name),
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
  process.stdout.write(report());
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
      await runLoad(running.port, { ...shape, requests: Math.ceil(shape.requests / 5) }, directory);
      const sample = await measure(running, shape);
      results.set(`${contender.name} ${name}`, [...(results.get(`${contender.name} ${name}`) ?? []), sample]);
      process.stderr.write(
        `round ${round} ${contender.name} ${name}: ${sample.requestsPerSecond.toFixed(0)}/s, ${sample.cpuMicrosecondsPerCall.toFixed(1)} µs/call ${JSON.stringify(sample.hopCpu)}, p99 ${sample.p99Ms.toFixed(2)} ms, ${sample.failed} failed\n`,
      );
    } finally {
      await running.stop();
    }
  }
}

async function measure(running: Running, shape: LoadShape): Promise<Sample> {
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

function report(): string {
  const lines = [
    '| load | contender | requests/s | CPU µs/call (both hops) | ratio to HAProxy | p50 ms | p99 ms | p99.9 ms | peak MiB (larger hop) | failed |',
    '|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const row of wantedRows) {
    const base = median(results.get(`${haproxy.name} ${row}`) ?? [], (sample) => sample.cpuMicrosecondsPerCall);
    for (const { name } of contenders) {
      const samples = results.get(`${name} ${row}`);
      if (samples === undefined) continue;
      const of = (pick: (sample: Sample) => number) => median(samples, pick);
      const cpu = of((sample) => sample.cpuMicrosecondsPerCall);
      lines.push(
        `| ${row} | ${name} | ${of((s) => s.requestsPerSecond).toFixed(0)} | ${cpu.toFixed(1)} | ${Number.isFinite(base) && cpu > 0 ? (cpu / base).toFixed(2) : '–'} | ${of((s) => s.p50Ms).toFixed(2)} | ${of((s) => s.p99Ms).toFixed(2)} | ${of((s) => s.p999Ms).toFixed(2)} | ${of((s) => s.peakMebibytes).toFixed(0)} | ${samples.reduce((sum, s) => sum + s.failed, 0)} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function median(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const sorted = samples.map(pick).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
