/**
 * A process that runs tests with mutants, for `mutation-runner.ts`: loads the test files once, with a stand-in for `node:test`, and
 * runs their tests again for each mutant, to the first that fails.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';

export interface TestOrder {
  readonly files: readonly string[];
  /** The mutant that is active from the start of the process, or from now; none: the tests as they are, coverage taken. */
  readonly mutant: string | undefined;
  /** Ids of the tests to run; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly hitLimit: number | undefined;
}

export interface TestOutcome {
  /** Tests that ran, in order; only the last one can have failed. */
  readonly ran: readonly { readonly id: string; readonly timeSpentMs: number }[];
  /** Why the last one failed. */
  readonly failure: string | undefined;
  readonly isHitLimitReached: boolean;
  /** The test that failed passes again without the mutant: nothing was left behind that would fail others. */
  readonly isClean: boolean;
  readonly coverage: unknown;
}

/** What instrumented code looks at. */
interface StrykerNamespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: unknown;
}

/** What tests use of their context. */
interface Context {
  readonly mock: typeof realTests.mock;
}

type Run = (context: Context) => void | Promise<void>;

/** Past the stand-in. */
const realTests = process.getBuiltinModule('node:test');

/** All tests of an area take some seconds; processor time, since a busy machine must not look like a loop that never ends. */
const MAX_CPU_SECONDS = 8;

const namespace: StrykerNamespace = ((globalThis as { __stryker__?: StrykerNamespace }).__stryker__ ??= {});
const startedAt = new Float64Array(new SharedArrayBuffer(8));
const tests = new Map<string, Run>();

export function test(name: string, run: Run): void {
  let id = name;
  for (let copy = 2; tests.has(id); copy++) id = `${name} (${copy})`;
  tests.set(id, run);
}

export function describe(_name: string, run: () => void): void {
  run();
}

if (process.send !== undefined) {
  // A mutant is noticed; the smallest input that notices it is nobody's concern.
  fc.configureGlobal({ endOnFailure: true });
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'node:test' ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
  });
  watchCpu();
  let isLoaded = false;
  process.on('message', (order: TestOrder) => {
    void (async () => {
      startedAt[0] = cpuSeconds();
      namespace.activeMutant = order.mutant;
      if (!isLoaded) for (const file of order.files) await import(join(process.cwd(), file));
      isLoaded = true;
      process.send?.(await runTests(order));
    })();
  });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function watchCpu(): void {
  const watch = `const { workerData: startedAt } = require('node:worker_threads');
    setInterval(() => {
      const { user, system } = process.cpuUsage();
      if ((user + system) / 1e6 - startedAt[0] > ${MAX_CPU_SECONDS}) process.kill(process.pid, 'SIGKILL');
    }, 500)`;
  new Worker(watch, { eval: true, execArgv: [], workerData: startedAt }).unref();
}

async function runTests({ mutant, only, hitLimit }: TestOrder): Promise<TestOutcome> {
  const ran: { id: string; timeSpentMs: number }[] = [];
  namespace.hitCount = hitLimit === undefined ? undefined : 0;
  namespace.hitLimit = hitLimit;
  for (const id of only ?? tests.keys()) {
    const startMs = performance.now();
    const failure = await failureOf(id);
    ran.push({ id, timeSpentMs: performance.now() - startMs });
    if (failure === undefined) continue;
    const isHitLimitReached = hitLimit !== undefined && (namespace.hitCount ?? 0) > hitLimit;
    namespace.activeMutant = undefined;
    namespace.hitCount = undefined;
    const isClean = mutant !== undefined && (await failureOf(id)) === undefined;
    return { ran, failure, isHitLimitReached, isClean, coverage: undefined };
  }
  const coverage = mutant === undefined ? namespace.mutantCoverage : undefined;
  return { ran, failure: undefined, isHitLimitReached: false, isClean: true, coverage };
}

async function failureOf(id: string): Promise<string | undefined> {
  namespace.currentTestId = id;
  try {
    const running = tests.get(id)?.({ mock: realTests.mock });
    if (running !== undefined) await running;
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    realTests.mock.restoreAll();
    namespace.currentTestId = undefined;
  }
}
