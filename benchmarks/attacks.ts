/**
 * The attacks of test/attacks, from a client, against each contender in turn: what an honest client beside them notices.
 *
 *   node benchmarks/attacks.ts                            all but the slow ones (A17), about half an hour
 *   node benchmarks/attacks.ts A12 A13 --rounds 3         those whose name contains one of the words
 *   node benchmarks/attacks.ts --only Sallyport,Envoy --out benchmarks/results   also writes the table there
 *
 * Placement, honest client, application, attackers and Sallyport's manifests are those of `scripts/attacks.ts`; the other
 * contenders' configurations are those of `run.ts`. Both hops have one processor, whoever they are.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startApplication } from '../test/attacks/arena/application.ts';
import { listAttacks, python } from '../test/attacks/arena/attacker.ts';
import type { Quality } from '../test/attacks/arena/good-client.ts';
import { forkGoodClient } from '../test/attacks/arena/good-client-process.ts';
import { measure, type Measured } from '../test/attacks/arena/measure.ts';
import { startAttackedMesh } from '../test/attacks/arena/mesh.ts';
import { giveProxiesAProcessor } from '../test/attacks/arena/processors.ts';
import { kibPerConnection, median } from '../test/attacks/arena/report.ts';
import type { AttackTarget } from '../test/attacks/arena/target.ts';
import type { Contender } from './contender.ts';
import { envoy } from './contenders/envoy.ts';
import { haproxy } from './contenders/haproxy.ts';
import { nginx } from './contenders/nginx.ts';
import { makeCredentials } from './credentials.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, rounds: { type: 'string', default: '1' }, only: { type: 'string' } },
});
if (python.missing !== false) throw new Error(`cannot attack: ${python.missing}`);
const all = Object.entries(listAttacks()).flatMap(([name, positions]) => (positions.includes('client') ? [name] : []));
const attacks = all.filter((name) =>
  positionals.length === 0 ? !name.startsWith('A17') : positionals.some((word) => name.includes(word)),
);
const peers = [haproxy, envoy, nginx].filter((peer) => isWanted(peer.name) && isAvailable(peer));
/** Who is attacked, and how that is started. */
const contenders: readonly { readonly name: string; readonly start: () => Promise<Attacked> }[] = [
  ...(isWanted('Sallyport') ? [{ name: 'Sallyport', start: startSallyport }] : []),
  ...peers.map((peer) => ({ name: peer.name, start: () => startPeer(peer) })),
];
const placement = giveProxiesAProcessor();
const directory = mkdtempSync(join(tmpdir(), 'sallyport-attacked-'));
const credentials = makeCredentials(join(directory, 'pki'));
/** Runs of each contender by attack. */
const results = new Map<string, Measured[]>();
try {
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const contender of contenders) await attack(contender);
  }
  const table = renderTable();
  process.stdout.write(table);
  if (values.out !== undefined) {
    mkdirSync(values.out, { recursive: true });
    writeFileSync(join(values.out, 'attacks.md'), `${header()}\n${table}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function isWanted(name: string): boolean {
  return values.only === undefined || values.only.split(',').includes(name);
}

function isAvailable(contender: Contender): boolean {
  const reason = contender.unavailable();
  if (reason !== undefined) process.stderr.write(`${contender.name}: left out, ${reason}\n`);
  return reason === undefined;
}

interface Attacked extends AttackTarget {
  stop(): Promise<void>;
}

/** With its own manifests: the application here answers no health checks, which those of `run.ts` ask for. */
function startSallyport(): Promise<Attacked> {
  return startAttackedMesh({ placement });
}

async function startPeer(peer: Contender): Promise<Attacked> {
  const application = await startApplication();
  const running = await peer.start({ backendPort: application.port, credentials, directory });
  placement.isolate(running.hops.map(({ pid }) => pid));
  return {
    gateway: `127.0.0.1:${running.port}`,
    sidecar: '',
    pids: Object.fromEntries(running.hops.map(({ name, pid }) => [name, pid])),
    certFile: '',
    keyFile: '',
    log: () => '',
    backendCounts: application.counts,
    limitsActed: () => Promise.resolve({}),
    stop: async () => {
      await running.stop();
      application.stop();
    },
  };
}

/** Every attack once; who ended is started anew. */
async function attack({ name: contender, start }: (typeof contenders)[number]): Promise<void> {
  const left = [...attacks];
  while (left.length > 0) {
    const mesh = await start();
    const good = forkGoodClient(mesh.gateway);
    const run = (name: string): Promise<Measured> =>
      measure({ name, position: 'client', scale: 1, mesh, good, evilPort: 0, placement });
    try {
      // Code is compiled and heaps have grown before anything is measured.
      for (const name of ['A01 rapid-reset', 'A04 bomb-within-limits', 'A01 rapid-reset']) await run(name);
      let isUp = true;
      for (let name = left.shift(); name !== undefined; name = isUp ? left.shift() : undefined) {
        const measured = await run(name);
        isUp = !measured.crashed;
        const key = `${contender} ${name}`;
        results.set(key, [...(results.get(key) ?? []), measured]);
        process.stderr.write(`${key}: ${describe([measured])} ${measured.during.firstFailure}\n`);
      }
    } finally {
      await good.stop();
      await mesh.stop();
    }
  }
}

/** p99 before and during, honest calls that failed, memory for each attacking connection. */
function describe(runs: readonly Measured[]): string {
  const { quiet, during } = inTheMiddle(runs);
  const kib = median(runs.map(kibPerConnection));
  return [
    ...(runs.some(({ crashed }) => crashed) ? ['**a hop ended**'] : []),
    `${milliseconds(quiet)} → ${milliseconds(during)} ms`,
    ...(failed(runs) === 0 ? [] : [`**${failed(runs)} failed**`]),
    ...(kib < 1_024 ? [] : [`${(kib / 1_024).toFixed(1)} MiB each`]),
  ].join(', ');
}

/** No call, no p99. */
function milliseconds({ calls, failures, p99Ms }: Quality): string {
  return calls > failures ? p99Ms.toFixed(1) : '–';
}

/** Honest calls and streams. */
function failed(runs: readonly Measured[]): number {
  return runs.reduce((sum, { quiet, during, after }) => sum + quiet.failures + during.failures + after.failures, 0);
}

/** The run whose p99 is the median. */
function inTheMiddle(runs: readonly Measured[]): Measured {
  const sorted = runs.toSorted((a, b) => a.during.p99Ms - b.during.p99Ms);
  return sorted[Math.floor(sorted.length / 2)] as Measured;
}

function renderTable(): string {
  const rows = attacks.map((name) => [
    name,
    ...contenders.map((contender) => describe(results.get(`${contender.name} ${name}`) ?? [])),
  ]);
  const sums = contenders.map(({ name }) => {
    const quietMs = quietP99Ms(name);
    const runs = attacks.map((one) => results.get(`${name} ${one}`) ?? []);
    const slow = runs.filter((of) => inTheMiddle(of).during.p99Ms > Math.max(5, 2 * quietMs)).length;
    const failing = runs.filter((of) => failed(of) > 0).length;
    return `${failing} of ${runs.length} cost calls, ${slow} over twice the quiet p99 (${quietMs.toFixed(1)} ms)`;
  });
  const lines = [
    ['attack', ...contenders.map(({ name }) => name)],
    ['---', ...contenders.map(() => '---')],
    ...rows,
    ['all', ...sums],
  ];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

/** The median of a contender's quiet windows. */
function quietP99Ms(contender: string): number {
  return median(attacks.flatMap((name) => results.get(`${contender} ${name}`) ?? []).map(({ quiet }) => quiet.p99Ms));
}

function header(): string {
  return `<!-- Written by \`node benchmarks/attacks.ts --out\`. -->
# Attacked side by side

${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}, rounds: ${values.rounds}. ${attacks.length} of the ${all.length} attacks
of \`test/attacks\` from a client, one after the other, against two hops of each contender: Sallyport with the manifests of docs/attacks.md, the others with
the configurations of \`contenders/\`. p99 of those calls of an honest client (200 a second, and four streams) that succeeded in the 1.5 s before an
attack and during it, how many failed from then until 0.8 s after it, and memory for each attacking connection (ten; 300 with A24) where that was
over 1 MiB. Where the time before is long or many calls fail, an earlier attack is still at work: what it has left on the connection
between the hops, which all clients share. A stream that an attack has stopped fails once in 5 s. The application resets a stream that brings it more
than 3,200 tiny frames. Nobody has limits of its own set here; what each recommends for a gateway that faces the internet (Envoy's edge
settings, HAProxy's stick tables) would change some rows. ${placement.told}.
`;
}
