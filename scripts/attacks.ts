/**
 * Runs every attack of test/attacks against a running Sallyport, measures what it costs, and writes docs/attacks.md.
 *
 *   node scripts/attacks.ts                       all of them (about 15 minutes)
 *   node scripts/attacks.ts A01 A12               only those whose name contains one of the words; writes nothing
 *   node scripts/attacks.ts --small-heap          with a heap of 64 MiB for each proxy (A26)
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listAttacks, python } from '../test/attacks/arena/attacker.ts';
import { freePort } from '../test/attacks/arena/free-port.ts';
import { startGoodClient } from '../test/attacks/arena/good-client.ts';
import { startAttackedMesh } from '../test/attacks/arena/mesh.ts';
import { isSustained, measure, type Measured } from '../test/attacks/arena/measure.ts';
import { renderReport, summarize } from '../test/attacks/arena/report.ts';

const root = dirname(import.meta.dirname);
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const hasSmallHeap = process.argv.includes('--small-heap');
const smallHeapOption = '--max-old-space-size=64';

if (python.missing !== false) {
  process.stderr.write(`attacks skipped: ${python.missing}\n`);
  process.exit(0);
}
if (hasSmallHeap) process.env['NODE_OPTIONS'] = smallHeapOption;

const evilPort = await freePort();
const mesh = await startAttackedMesh({ evilAddress: `127.0.0.1:${evilPort}` });
const good = startGoodClient(mesh.gateway);
const results: Measured[] = [];
try {
  const runs = Object.entries(listAttacks())
    .filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .flatMap(([name, positions]) => positions.map((position) => ({ name, position })));
  await settle();
  for (const run of runs) {
    const first = await measure({ ...run, scale: 1, mesh, good, evilPort });
    report(first);
    if (!isSustained(run.name)) continue;
    report(await measure({ ...run, scale: 10, mesh, good, evilPort }));
  }
} finally {
  await good.stop();
  await mesh.stop();
}
if (wanted.length === 0) {
  const file = join(root, 'docs', 'attacks.md');
  const title = hasSmallHeap ? `each proxy with \`${smallHeapOption}\`` : 'each proxy with Node’s own heap limit';
  writeFileSync(file, renderReport({ results, heap: title }));
}

function report(measured: Measured): void {
  results.push(measured);
  process.stdout.write(`${summarize(measured)}\n`);
}

/** Code is compiled and heaps have grown before anything is measured. */
async function settle(): Promise<void> {
  for (const name of ['A01 rapid-reset', 'A12 unread-responses', 'A13 unread-upload', 'A04 bomb-within-limits']) {
    for (const position of ['client', 'mesh'] as const) {
      await measure({ name, position, scale: 1, mesh, good, evilPort });
    }
  }
}
