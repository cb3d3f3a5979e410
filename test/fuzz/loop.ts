/** The loop: inputs that reach something new are kept and changed further. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Coverage } from './coverage.ts';
import { mutate, Random } from './random.ts';
import type { FuzzTarget } from './target.ts';

export interface Crash {
  readonly input: Buffer;
  readonly error: unknown;
}

/** Reading the coverage costs as much as some dozen runs, so it is read for a batch first. */
const BATCH = 32;

/** Longer inputs reach little that shorter ones do not. */
const MAX_KEPT_BYTES = 1024;

function corpusFile({ name }: FuzzTarget): string {
  return join(import.meta.dirname, 'corpus', `${name}.hex`);
}

/** Inputs of earlier runs that reached something new, one line of hex each. */
function readCorpus(target: FuzzTarget): Buffer[] {
  const lines = readFileSync(corpusFile(target), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'));
}

export function addToCorpus(target: FuzzTarget, inputs: readonly Buffer[]): void {
  const kept = inputs.filter(({ length }) => length <= MAX_KEPT_BYTES).map((input) => `${input.toString('hex')}\n`);
  appendFileSync(corpusFile(target), kept.join(''));
}

/** Runs one input; the crash it makes, if any, made as small as it goes. */
function crashOf(target: FuzzTarget, input: Buffer): Crash | undefined {
  const error = errorOf(target, input);
  return error === undefined ? undefined : shrink(target, { input, error });
}

function errorOf(target: FuzzTarget, input: Buffer): unknown {
  try {
    target.run(input);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Leaves out pieces as long as it still crashes. */
function shrink(target: FuzzTarget, crash: Crash): Crash {
  let best = crash;
  for (let size = best.input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.input.length;) {
      const shorter = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const error = errorOf(target, shorter);
      if (error === undefined) at += size;
      else best = { input: shorter, error };
    }
  }
  return best;
}

/** Without coverage: changes of seeds and corpus from a seed, so that every run of it is the same. */
export function fuzzFixed(
  target: FuzzTarget,
  { runs, seed }: { readonly runs: number; readonly seed: number },
): Crash | undefined {
  const random = new Random(seed);
  const inputs = [...target.seeds, ...readCorpus(target)];
  for (const input of inputs) {
    const crash = crashOf(target, input);
    if (crash !== undefined) return crash;
  }
  for (let run = 0; run < runs; run++) {
    const input = mutate(random.pick(inputs), random, { others: inputs, tokens: target.tokens });
    const crash = crashOf(target, input);
    if (crash !== undefined) return crash;
  }
  return undefined;
}

export interface FuzzReport {
  readonly runs: number;
  /** Characters of code that any input reached. */
  readonly reached: number;
  /** Inputs that reached something that the corpus does not. */
  readonly found: readonly Buffer[];
  readonly crash: Crash | undefined;
}

/** With coverage, until `isOver`. */
export function fuzzGuided(
  target: FuzzTarget,
  { seed, isOver }: { readonly seed: number; readonly isOver: () => boolean },
): FuzzReport {
  const random = new Random(seed);
  const known = [...target.seeds, ...readCorpus(target)];
  const inputs = [...known];
  const coverage = new Coverage(target.covers);
  let runs = 0;
  /** Runs one input; whether it reached code that none before it did. */
  const reachesNew = (input: Buffer): boolean => {
    errorOf(target, input);
    const reach = coverage.take();
    const isNew = coverage.isNew(reach);
    if (isNew) coverage.remember(reach);
    return isNew;
  };
  const report = (crash?: Crash): FuzzReport => ({
    runs,
    reached: coverage.reached,
    found: inputs.slice(known.length),
    crash,
  });
  try {
    for (const input of known) reachesNew(input);
    while (!isOver()) {
      const batch = Array.from({ length: BATCH }, () =>
        mutate(random.pick(inputs), random, { others: inputs, tokens: target.tokens }),
      );
      for (const input of batch) {
        runs++;
        const crash = crashOf(target, input);
        if (crash !== undefined) return report(crash);
      }
      const reach = coverage.take();
      if (!coverage.isNew(reach)) continue;
      inputs.push(...batch.filter(reachesNew));
      // What does not come again depends on what the process did before, and is not worth waiting for.
      coverage.remember(reach);
    }
  } finally {
    coverage.close();
  }
  return report();
}
