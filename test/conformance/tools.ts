/** Finding h2spec and h2specd, and running them. */
import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { CaseResult } from './declared.ts';

const root = dirname(dirname(import.meta.dirname));

/** Where `.ci/run` and `scripts/conformance.ts --install` put what they build. */
export const toolDirectory = join(root, '.ci', 'bin');

/** The program named by the variable, else in `.ci/bin`, else on PATH. */
export function findTool(name: 'h2spec' | 'h2specd'): string | undefined {
  const named = process.env[name.toUpperCase()];
  const places = [toolDirectory, ...(process.env['PATH'] ?? '').split(delimiter)].map((place) => join(place, name));
  return [...(named === undefined ? [] : [named]), ...places].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Seconds until a case counts as unanswered. Nothing here waits: all cases of a good run take a fraction of one. */
const CASE_TIMEOUT_SECONDS = 2;

/** All cases with `-S` against an address. */
export async function runH2spec(
  tool: string,
  { port, tls }: { readonly port: number; readonly tls: boolean },
): Promise<CaseResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'h2spec-'));
  try {
    const report = join(directory, 'report.xml');
    const args = ['-S', '-p', String(port), '-o', String(CASE_TIMEOUT_SECONDS), '-j', report];
    // Its exit code says no more than the report does.
    await new Promise<void>((resolve) => execFile(tool, tls ? [...args, '-t', '-k'] : args, () => resolve()));
    return readReport(readFileSync(report, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function readReport(xml: string): CaseResult[] {
  const pattern = /<testcase package="([^"]*)" classname="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g;
  return [...xml.matchAll(pattern)].map(([, section = '', title = '', body = '']) => ({
    name: unescapeText(`${section} ${title}`),
    passed: body.trim() === '',
    detail: unescapeText(body.replaceAll(/<[^>]*>/g, ' ').trim()),
  }));
}

function unescapeText(text: string): string {
  return text
    .replaceAll(/&#(?:x([0-9A-Fa-f]+)|(\d+));/g, (_all, hex?: string, decimal?: string) =>
      String.fromCharCode(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
    )
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

export interface ClientSpec {
  /** One for each case, in the tool's order. */
  readonly ports: readonly number[];
  /** Resolves when every case has been judged. */
  results(): Promise<CaseResult[]>;
  close(): void;
}

const attempts = 10;
/** Below the ports that systems give to outgoing connections. */
const lowestPort = 10_000;
const highestPort = 30_000;

/** Starts h2specd: it listens at a port for each of its cases and judges whoever connects. */
export async function startH2specd(
  tool: string,
  {
    cases,
    identity,
  }: { readonly cases: number; readonly identity?: { readonly certificate: string; readonly key: string } },
): Promise<ClientSpec> {
  const directory = mkdtempSync(join(tmpdir(), 'h2specd-'));
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') };
  if (identity !== undefined) {
    writeFileSync(files.certificate, identity.certificate);
    writeFileSync(files.key, identity.key, { mode: 0o600 });
  }
  const tls = identity === undefined ? [] : ['-t', '-c', files.certificate, '-k', files.key];
  for (let attempt = 0; ; attempt++) {
    const first = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort - cases - 1));
    const started = await start(tool, { first, cases, tls });
    if (started === undefined && attempt < attempts) continue;
    if (started === undefined) throw new Error('h2specd found no free ports');
    return {
      ...started,
      close: () => {
        started.close();
        rmSync(directory, { recursive: true });
      },
    };
  }
}

/** Undefined when one of the ports is taken. */
function start(
  tool: string,
  { first, cases, tls }: { readonly first: number; readonly cases: number; readonly tls: readonly string[] },
): Promise<ClientSpec | undefined> {
  const reportPort = first + cases;
  const args = ['-f', String(first), '-p', String(reportPort), '-o', String(CASE_TIMEOUT_SECONDS), ...tls];
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  const printed = (predicate: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const watcher = (): void => {
        if (!predicate()) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
    });
  const spec: ClientSpec = {
    ports: Array.from({ length: cases }, (_, index) => first + index),
    results: async () => {
      await printed(() => (output.match(/[✔×] /g) ?? []).length >= cases);
      const report = await fetch(`http://127.0.0.1:${reportPort}/report`);
      return readClientReport(await report.text());
    },
    close: () => child.kill('SIGKILL'),
  };
  return Promise.race([
    printed(() => output.includes('Report server is listened')).then(() => spec),
    new Promise<undefined>((resolve) => child.on('exit', () => resolve(undefined))),
  ]);
}

/** Its page is a list of headings and cases; a case that was not judged has neither mark. */
function readClientReport(html: string): CaseResult[] {
  const pattern = /<div>(?:(\d[\d.]*)\. [^<]*|<span[^>]*>([^<]*)<\/span><a[^>]*>[^<]*<\/a>(.*?))<\/div>/g;
  const results: CaseResult[] = [];
  let section = '';
  for (const [, heading, mark = '', title = ''] of html.matchAll(pattern)) {
    if (heading !== undefined) section = heading;
    else results.push({ name: `client/${section} ${unescapeText(title)}`, passed: mark === '✔', detail: mark });
  }
  return results;
}
