/**
 * Runs every attack of test/attacks against a running Sallyport and measures what it costs.
 *
 *   node scripts/attacks.ts                  all of them, about 25 minutes
 *   node scripts/attacks.ts A01 A12          those whose name contains one of the words
 *   node scripts/attacks.ts --write          writes docs/attacks.md; with words, only their rows anew
 *   node scripts/attacks.ts --small-heap     with 64 MiB of heap for each process (A26); writes docs/attacks-small-heap.md
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { listAttacks, python, type Position } from '../test/attacks/arena/attacker.ts';
import { freePort } from '../test/attacks/arena/free-port.ts';
import { forkGoodClient } from '../test/attacks/arena/good-client-process.ts';
import { instrumentFlags } from '../test/attacks/arena/instrument.ts';
import { isGrowing, measure, type Measured } from '../test/attacks/arena/measure.ts';
import { giveProxiesAProcessor } from '../test/attacks/arena/processors.ts';
import { startAttackedMesh } from '../test/attacks/arena/mesh.ts';
import { addsMemory, isOverP99, renderReport, summarize } from '../test/attacks/arena/report.ts';

const root = dirname(import.meta.dirname);
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const hasSmallHeap = process.argv.includes('--small-heap');
const lastWordsCharacters = 4_000;
const smallHeapOption = '--max-old-space-size=64';

if (python.missing !== false) {
  process.stderr.write(`attacks skipped: ${python.missing}\n`);
  process.exit(0);
}
for (const flag of instrumentFlags) setFlagsFromString(flag);
if (hasSmallHeap) process.env['NODE_OPTIONS'] = smallHeapOption;

const placement = giveProxiesAProcessor();
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (isStopping = true));

const evilPort = await freePort();
const mesh = await startAttackedMesh({ evilAddress: `127.0.0.1:${evilPort}`, placement });
const good = forkGoodClient(mesh.gateway);
const results: Measured[] = [];
try {
  await settle();
  const chosen = Object.entries(listAttacks()).flatMap(([name, positions]) =>
    wanted.length === 0 || wanted.some((part) => name.includes(part))
      ? positions.map((position) => ({ name, position }))
      : [],
  );
  for (const [index, { name, position }] of chosen.entries()) {
    if (isStopping) break;
    showProgress(`${index + 1} of ${chosen.length}: ${name} ${position}`);
    try {
      const once = await run(name, position, 1);
      // The p99 of some hundred calls is the third or fourth longest: of three runs the one in the middle says more.
      if (isOverP99(once, results)) for (const _ of ['again', 'once more']) await run(name, position, 1);
      // Again if it seems too much: garbage that was not collected yet looks like memory that is held.
      if (isGrowing(name) && addsMemory(once, await run(name, position, 10))) await run(name, position, 10);
    } catch (error) {
      // One row that could not be measured costs no other; the page keeps what it had of it.
      process.exitCode = 1;
      process.stderr.write(`${name} ${position} was not measured: ${String(error)}\n`);
    }
  }
} catch (error) {
  process.stderr.write(`sallyport said last:\n${mesh.process.stderr.slice(-lastWordsCharacters)}\n`);
  throw error;
} finally {
  await good.stop();
  await mesh.stop();
}
if (process.argv.includes('--write') && !isStopping) {
  const file = join(root, 'docs', hasSmallHeap ? 'attacks-small-heap.md' : 'attacks.md');
  const heap = hasSmallHeap
    ? `every process with \`${smallHeapOption}\` (A26)`
    : 'every process with Node’s own heap limit';
  writeFileSync(
    file,
    renderReport({
      results,
      heap,
      placed: placement.told,
      previous: existsSync(file) ? readFileSync(file, 'utf8') : '',
    }),
  );
}

async function run(name: string, position: Position, scale: number): Promise<Measured> {
  const measured = await measure({ name, position, scale, mesh, good, evilPort, placement });
  results.push(measured);
  showProgress('');
  process.stdout.write(`${summarize(measured)}\n`);
  return measured;
}

/** One line that the next one replaces, for who watches. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

/** Code is compiled and heaps have grown before anything is measured. */
async function settle(): Promise<void> {
  for (const position of ['client', 'mesh'] as const) {
    await measure({ name: 'A01 rapid-reset', position, scale: 1, mesh, good, evilPort, placement });
  }
  for (const position of ['client', 'mesh', 'backend'] as const) {
    await measure({ name: 'A04 bomb-within-limits', position, scale: 1, mesh, good, evilPort, placement });
  }
}
