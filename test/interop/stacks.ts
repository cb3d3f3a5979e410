/** The gRPC implementations of the matrix: each as a server, each as a client, or why it cannot take part here. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cases, type CaseName } from './cases.ts';
import { serverName, type InteropClient, type Target } from './clients/client.ts';
import { connectClient } from './clients/connect.ts';
import { grpcJsClient } from './clients/grpc-js.ts';
import { nghttp2Client } from './clients/nghttp2.ts';
import { findGrpcGo, findPython, runToEnd, startProgram } from './executables.ts';
import { descriptorSet } from './schema.ts';
import { startConnectServer } from './servers/connect.ts';
import { startGrpcJsServer } from './servers/grpc-js.ts';
import { startNghttp2Server } from './servers/nghttp2.ts';
import type { RunningServer } from './servers/running.ts';

export const stackNames = ['grpc-js', 'connect', 'nghttp2', 'c-core', 'grpc-go'] as const;
export type StackName = (typeof stackNames)[number];

export interface RunSettings {
  readonly soakIterations: number;
  readonly concurrentCalls: number;
}

/** What a case came to: undefined when it passed, else why not. */
export type CaseResults = ReadonlyMap<CaseName, string | undefined>;

export interface Stack {
  /** Why the stack cannot run on this machine; undefined when it can. */
  readonly missing: string | undefined;
  start(): Promise<RunningServer>;
  runCases(names: readonly CaseName[], target: Target, settings: RunSettings): Promise<CaseResults>;
}

/** No case takes nearly as long, so what does hangs. */
const caseLimitMs = 60_000;

const python = findPython();
const goClient = findGrpcGo('client');
const goServer = findGrpcGo('server');

export const stacks: Readonly<Record<StackName, Stack>> = {
  'grpc-js': scriptStack(startGrpcJsServer, grpcJsClient),
  connect: scriptStack(startConnectServer, connectClient),
  nghttp2: scriptStack(startNghttp2Server, nghttp2Client),
  'c-core': {
    missing: python === undefined ? 'no Python with grpcio (Debian: python3-grpcio)' : undefined,
    start: () => startProgram(python ?? '', [script('server.py'), descriptorFile()], { port: /^(\d+)$/m }),
    runCases: runPythonCases,
  },
  'grpc-go': {
    missing:
      goClient === undefined || goServer === undefined
        ? 'grpc-go’s interop programs are not in .ci/bin (node scripts/interop.ts --install builds them)'
        : undefined,
    start: () => startProgram(goServer ?? '', [], { port: /listening on \S*:(\d+)/ }),
    runCases: runGoCases,
  },
};

function scriptStack(start: () => Promise<RunningServer>, connect: (target: Target) => InteropClient): Stack {
  return {
    missing: undefined,
    start,
    runCases: async (names, target, settings) => {
      const results = new Map<CaseName, string | undefined>();
      const newClient = () => connect(target);
      const client = newClient();
      for (const name of names) {
        const run = cases[name](client, { ...settings, newClient });
        results.set(name, await failureOf(run));
      }
      client.close();
      return results;
    },
  };
}

async function failureOf(run: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${caseLimitMs} ms`)), caseLimitMs);
  });
  try {
    await Promise.race([run, limit]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

async function runPythonCases(
  names: readonly CaseName[],
  { port, caPem }: Target,
  settings: RunSettings,
): Promise<CaseResults> {
  const args = [script('client.py'), descriptorFile(), port, settings.soakIterations, settings.concurrentCalls];
  const ca = caPem === undefined ? '-' : scratchFile('ca.pem', caPem);
  const { stdout, stderr } = await runToEnd(python ?? '', [...args.map(String), ca, ...names], {
    timeoutMs: caseLimitMs * 2,
  });
  const told = new Map(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly case: string; readonly error: string | null })
      .map((line) => [line.case, line.error ?? undefined]),
  );
  return new Map(names.map((name) => [name, told.has(name) ? told.get(name) : `no result: ${stderr}`]));
}

async function runGoCases(
  names: readonly CaseName[],
  { port, caPem }: Target,
  settings: RunSettings,
): Promise<CaseResults> {
  const results = new Map<CaseName, string | undefined>();
  const tls =
    caPem === undefined
      ? []
      : ['-use_tls', '-use_test_ca', '-ca_file', scratchFile('ca.pem', caPem), '-server_host_override', serverName];
  const common = ['-server_host', '127.0.0.1', '-server_port', String(port), ...tls];
  for (const name of names) {
    const soak = ['-soak_iterations', String(settings.soakIterations), '-soak_overall_timeout_seconds', '60'];
    const { code, stderr } = await runToEnd(goClient ?? '', [...common, '-test_case', name, ...soak], {
      timeoutMs: caseLimitMs,
    });
    results.set(name, code === 0 ? undefined : stderr.trim().split('\n').at(-1));
  }
  return results;
}

function script(name: string): string {
  return join(import.meta.dirname, 'python', name);
}

let scratch: string | undefined;

function scratchFile(name: string, content: string | Uint8Array): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'sallyport-interop-'));
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

function descriptorFile(): string {
  return scratchFile('descriptors.binpb', descriptorSet());
}
