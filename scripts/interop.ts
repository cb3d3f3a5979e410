/**
 * gRPC interoperability, the whole matrix: each client stack against each server stack in each case, over plaintext and
 * TLS listeners, always through gateway, mesh hop and sidecar. Prints a table; fails on anything not declared in
 * test/interop/known-failures.json.
 *
 *   node scripts/interop.ts             what is on this machine
 *   node scripts/interop.ts --install   only build grpc-go's interop programs into .ci/bin (wants Go)
 *   node scripts/interop.ts --full      1,000 calls at once and 100 soak iterations, as the description says
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grpcGoVersion, goServerDirectory, toolDirectory } from '../test/interop/executables.ts';

if (process.argv.includes('--install')) {
  installGrpcGo();
  process.exit();
}

// Which programs exist is looked at when the stacks are loaded.
const { caseNames } = await import('../test/interop/cases.ts');
const { runPairing, surprises } = await import('../test/interop/matrix.ts');
const { stackNames, stacks } = await import('../test/interop/stacks.ts');
const { startWholePath } = await import('../test/interop/whole-path.ts');

const isFull = process.argv.includes('--full');
const settings = isFull ? { soakIterations: 100, concurrentCalls: 1000 } : { soakIterations: 10, concurrentCalls: 100 };
const present = stackNames.filter((name) => stacks[name].missing === undefined);
const marks = {
  passed: '✔',
  failed: '✘',
  'known-failure': 'k',
  'unexpected-pass': '!',
  'not-applicable': '·',
} as const;

const servers = await Promise.all(present.map(async (name) => ({ name, server: await stacks[name].start() })));
const path = await startWholePath(Object.fromEntries(servers.map(({ name, server }) => [name, server.port])));
const problems: string[] = [];
const counts = { passed: 0, run: 0 };

for (const transport of ['plaintext', 'tls'] as const) {
  const cells = new Map<string, string>();
  for (const client of present)
    for (const server of present) {
      const results = await runPairing(path, { client, server, transport }, { names: caseNames, settings });
      for (const { name, verdict } of results) {
        const key = `${client} ${name}`;
        cells.set(key, (cells.get(key) ?? '') + marks[verdict]);
        if (verdict !== 'not-applicable') counts.run += 1;
        if (verdict === 'passed') counts.passed += 1;
      }
      for (const { name, verdict, detail } of surprises(results))
        problems.push(`${transport} ${client} → ${server} ${name}: ${verdict}: ${detail}`);
    }
  printTable(transport, cells);
}

await path.close();
for (const { server } of servers) await server.close();
for (const name of stackNames) {
  const { missing } = stacks[name];
  if (missing !== undefined) print(`skipped ${name}: ${missing}`);
}
print(`${counts.passed} of ${counts.run} passed`);
for (const problem of problems) print(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

/** One row for each case, one column for each client; in a cell one mark for each server. */
function printTable(transport: string, cells: ReadonlyMap<string, string>): void {
  const width = Math.max(...present.map((name) => name.length), present.length);
  const first = Math.max(...caseNames.map((name) => name.length));
  print(`\n${transport} → gateway → mesh → sidecar. Marks, in this order, for the servers ${present.join(', ')}:`);
  print(`✔ passed  ✘ failed  k known failure  ! passes though declared to fail  · not applicable\n`);
  print([''.padEnd(first), ...present.map((name) => name.padEnd(width))].join('  ').trimEnd());
  for (const name of caseNames)
    print(
      [name.padEnd(first), ...present.map((client) => (cells.get(`${client} ${name}`) ?? '').padEnd(width))]
        .join('  ')
        .trimEnd(),
    );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function installGrpcGo(): void {
  const built = mkdtempSync(join(tmpdir(), 'sallyport-go-'));
  mkdirSync(toolDirectory, { recursive: true });
  const program = (role: string): string => join(toolDirectory, `grpc-go-interop-${role}`);
  execFileSync('go', ['install', `google.golang.org/grpc/interop/client@${grpcGoVersion}`], {
    env: { ...process.env, GOBIN: built, GOFLAGS: '-mod=mod' },
    stdio: 'inherit',
  });
  // Not a rename: the scratch directory may be on another file system.
  cpSync(join(built, 'client'), program('client'));
  // grpc-go's own server program listens on all interfaces; this one serves the same service on loopback.
  execFileSync('go', ['build', '-o', program('server'), '.'], { cwd: goServerDirectory, stdio: 'inherit' });
  rmSync(built, { recursive: true });
}
