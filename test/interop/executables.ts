/** Finding and running foreign programs. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(dirname(import.meta.dirname));

/** The compiler of schemas, also a gRPC client on Go's own HTTP/2. */
export const buf = join(root, 'node_modules', '.bin', 'buf');
/** Where `.ci/run` and `scripts/interop.ts` put what they build. */
export const toolDirectory = join(root, '.ci', 'bin');
/** The Go module of the interop server. */
export const goServerDirectory = join(import.meta.dirname, 'go');
/** grpc-go at this version is what the suite was last run with. */
export const grpcGoVersion = 'v1.76.0';

/** A Python with grpcio and protobuf: Debian's packages are for the system's own, which need not be first on PATH. */
export function findPython(): string | undefined {
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(python, ['-c', 'import grpc, google.protobuf'], { stdio: 'ignore' });
      return python;
    } catch {
      // Absent, or without the modules: the next one.
    }
  }
  return undefined;
}

export function findGrpcGo(role: 'client' | 'server'): string | undefined {
  const path = join(toolDirectory, `grpc-go-interop-${role}`);
  return existsSync(path) ? path : undefined;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function runToEnd(
  file: string,
  args: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr: error?.killed === true ? `${stderr}\nstopped after ${timeoutMs} ms` : stderr });
    });
  });
}

/** Starts a server and waits for the port in its output. */
export async function startProgram(
  file: string,
  args: readonly string[],
  { port: pattern, env = {} }: { readonly port: RegExp; readonly env?: Readonly<Record<string, string>> },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const port = await new Promise<number>((resolve, reject) => {
    let seen = '';
    const look = (text: Buffer): void => {
      seen += text.toString();
      const found = pattern.exec(seen);
      if (found !== null) resolve(Number(found[1]));
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${file} ended with ${code}: ${seen}`)));
  });
  return { port, close: () => stopped(child) };
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.on('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
