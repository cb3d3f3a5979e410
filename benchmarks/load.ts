import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientLoad, ClientResult } from './client.ts';
import { authority, path } from './contender.ts';

/** One shape of load: that many connections, each with that many calls at once, until so many calls are done. */
export interface LoadShape {
  readonly connections: number;
  readonly streams: number;
  readonly requests: number;
  /** Bytes of the request's and the response's message. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Made by `client.ts` in place of h2load, and these are what differs there; `requests` counts messages then. */
  readonly own?: { readonly uniqueHeaders: boolean; readonly messages: number };
}

export interface LoadResult {
  readonly succeeded: number;
  readonly failed: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Runs h2load once. The response size is asked for by a header that the backend reads. */
export async function runLoad(port: number, shape: LoadShape, directory: string): Promise<LoadResult> {
  if (shape.own !== undefined) return runOwnLoad(port, shape, shape.own);
  const bodyFile = join(directory, 'request.bin');
  const logFile = join(directory, 'h2load.log');
  writeFileSync(bodyFile, grpcMessage(shape.requestBytes));
  rmSync(logFile, { force: true });
  const args = [
    '-c',
    String(shape.connections),
    '-m',
    String(shape.streams),
    '-n',
    String(shape.requests),
    '-t',
    '1',
    '-d',
    bodyFile,
    '-H',
    'content-type: application/grpc',
    '-H',
    'te: trailers',
    '-H',
    `:authority: ${authority}`,
    '-H',
    `x-response-bytes: ${shape.responseBytes}`,
    '--log-file',
    logFile,
    `http://127.0.0.1:${port}${path}`,
  ];
  const text = await output('h2load', args);
  const rate = Number(/([\d.]+) req\/s/.exec(text)?.[1] ?? 0);
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text);
  const dataBytes = /\((\d+)\) data/.exec(text)?.[1];
  if (counts === null || dataBytes === undefined) throw new Error(`h2load said:\n${text}`);
  // h2load looks at the HTTP status alone, which a gRPC error leaves at 200: what has succeeded has brought its message.
  const succeeded = Math.min(Number(counts[1]), Math.floor(Number(dataBytes) / (5 + shape.responseBytes)));
  const durations = readDurations(logFile);
  return {
    succeeded,
    failed: shape.requests - succeeded,
    requestsPerSecond: rate,
    p50Ms: percentile(durations, 0.5),
    p99Ms: percentile(durations, 0.99),
    p999Ms: percentile(durations, 0.999),
  };
}

async function runOwnLoad(
  port: number,
  { connections, streams, requests, requestBytes }: LoadShape,
  { uniqueHeaders, messages }: NonNullable<LoadShape['own']>,
): Promise<LoadResult> {
  const perCall = Math.max(1, messages);
  const calls = Math.ceil(requests / perCall);
  const load: ClientLoad = { port, connections, streams, calls, requestBytes, uniqueHeaders, messages };
  const text = await output(process.execPath, [join(import.meta.dirname, 'client.ts'), JSON.stringify(load)]);
  const { succeeded, elapsedMs, durationsMs } = JSON.parse(text) as ClientResult;
  const durations = Float64Array.from(durationsMs);
  return {
    succeeded: succeeded * perCall,
    failed: (calls - succeeded) * perCall,
    requestsPerSecond: (calls * perCall * 1000) / elapsedMs,
    p50Ms: percentile(durations, 0.5),
    p99Ms: percentile(durations, 0.99),
    p999Ms: percentile(durations, 0.999),
  };
}

function grpcMessage(bytes: number): Buffer {
  const frame = Buffer.alloc(5 + bytes, 0x61);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(bytes, 1);
  return frame;
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

/** Milliseconds, ascending; h2load writes start, status and duration in microseconds. */
function readDurations(file: string): Float64Array {
  const lines = readFileSync(file, 'utf8').split('\n');
  const durations = new Float64Array(lines.length);
  let count = 0;
  for (const line of lines) {
    const duration = Number(line.split('\t')[2]);
    if (line !== '' && Number.isFinite(duration)) durations[count++] = duration / 1000;
  }
  return durations.subarray(0, count).sort();
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
