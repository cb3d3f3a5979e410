/**
 * Runs the tests for Stryker, as its plugin: many mutants in one process, which takes a tenth of what a process for each takes.
 *
 * What many share must not be believed where it can be wrong. A mutant counts as noticed if the test that failed passes again
 * without it; what remains of others (caches, tables filled once) hides a mutant as well. So one that no test noticed, or not for
 * sure, is tried again in a process of its own, with all tests.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { TestOrder, TestOutcome } from './mutation-tests.ts';

interface MutantRunOptions {
  readonly activeMutant: { readonly id: string };
  readonly testFilter?: readonly string[];
  readonly hitLimit?: number;
  readonly mutantActivation: 'static' | 'runtime';
}

class MutationRunner {
  static readonly inject = ['options'] as const;
  readonly #files: readonly string[];
  #shared: ChildProcess | undefined;

  constructor(options: { readonly mutationTests: readonly string[] }) {
    this.#files = options.mutationTests;
  }

  capabilities(): object {
    return { reloadEnvironment: true };
  }

  async dryRun(): Promise<object> {
    const outcome = await this.#askShared({ mutant: undefined, only: undefined, hitLimit: undefined });
    if (outcome === undefined) return { status: 'error', errorMessage: 'the tests cannot be loaded, or do not end' };
    const { ran, failure, coverage } = outcome;
    const tests = ran.map(({ id, timeSpentMs }, index) => {
      const isFailed = failure !== undefined && index === ran.length - 1;
      return { id, name: id, timeSpentMs, status: isFailed ? 1 : 0, failureMessage: failure };
    });
    return { status: 'complete', tests, mutantCoverage: coverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit, mutantActivation }: MutantRunOptions): Promise<object> {
    const mutant = activeMutant.id;
    if (mutantActivation === 'runtime') {
      const outcome = await this.#askShared({ mutant, only: testFilter, hitLimit });
      if (outcome?.failure !== undefined && outcome.isClean) return resultOf(outcome);
      if (outcome?.isClean !== true) this.dispose();
    }
    const alone = startProcess();
    const outcome = await this.#ask(alone, { mutant, only: undefined, hitLimit });
    alone.kill('SIGKILL');
    return outcome === undefined
      ? { status: 'timeout', reason: 'cannot be loaded, or does not end' }
      : resultOf(outcome);
  }

  dispose(): void {
    this.#shared?.kill('SIGKILL');
    this.#shared = undefined;
  }

  async #askShared(order: Omit<TestOrder, 'files'>): Promise<TestOutcome | undefined> {
    return this.#ask((this.#shared ??= startProcess()), order);
  }

  /** Undefined if the process ended instead, by its own watch or because the code cannot even be loaded. */
  #ask(child: ChildProcess, order: Omit<TestOrder, 'files'>): Promise<TestOutcome | undefined> {
    return new Promise((resolve) => {
      child.removeAllListeners();
      child.once('message', (outcome) => resolve(outcome as TestOutcome));
      child.once('exit', () => resolve(undefined));
      child.send({ ...order, files: this.#files });
    });
  }
}

function startProcess(): ChildProcess {
  return fork(join(process.cwd(), 'scripts', 'mutation-tests.ts'), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

function resultOf(outcome: TestOutcome | undefined): object {
  if (outcome === undefined) return { status: 'timeout', reason: 'cannot be loaded, or does not end' };
  const { ran, failure, isHitLimitReached } = outcome;
  if (isHitLimitReached) return { status: 'timeout', reason: 'does not end' };
  if (failure === undefined) return { status: 'survived', nrOfTests: ran.length };
  return { status: 'killed', killedBy: [ran.at(-1)?.id], failureMessage: failure, nrOfTests: ran.length };
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'mutation-runner', injectableClass: MutationRunner }];
