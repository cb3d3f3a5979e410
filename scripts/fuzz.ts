/**
 * Fuzzing guided by coverage, as long as you like. A crash is printed as hex, made as small as it goes, with its error.
 *
 *   node scripts/fuzz.ts                             each target for 10 seconds
 *   node scripts/fuzz.ts --seconds 600 hpack         one target
 *   node scripts/fuzz.ts --seconds 60 --save grpc    inputs that reach something new go into test/fuzz/corpus
 *   node scripts/fuzz.ts --input 8286 hpack          one input, with the whole error
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { addToCorpus, fuzzGuided } from '../test/fuzz/loop.ts';
import type { FuzzTarget } from '../test/fuzz/target.ts';
import { targets } from '../test/fuzz/targets.ts';

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    input: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const wanted = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (wanted.length === 0) throw new Error(`targets: ${targets.map(({ name }) => name).join(', ')}`);
const seed = values.seed === undefined ? Date.now() : Number(values.seed);
const seconds = Number(values.seconds);

// Each in a process of its own: what one target warmed up would not be counted for the next.
if (wanted.length > 1) {
  for (const { name } of wanted) {
    const { status } = spawnSync(process.execPath, [...process.argv.slice(1), name], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
} else {
  for (const target of wanted) fuzz(target);
}

function fuzz(target: FuzzTarget): void {
  if (values.input !== undefined) return target.run(Buffer.from(values.input, 'hex'));
  const endMs = performance.now() + seconds * 1000;
  const { runs, reached, found, crash } = fuzzGuided(target, { seed, isOver: () => performance.now() >= endMs });
  process.stdout.write(
    `${target.name}: seed ${seed}, ${runs} inputs, ${reached} characters of code reached, ${found.length} new inputs\n`,
  );
  if (values.save) addToCorpus(target, found);
  if (crash === undefined) return;
  process.stdout.write(
    `crash: ${crash.input.toString('hex')}\n${String((crash.error as Error).stack ?? crash.error)}\n`,
  );
  process.exitCode = 1;
}
