/**
 * Runs the tests with Node's own runner: all of them, or those whose path contains one of the arguments.
 *
 *   npm test                 the quick suite (under 3 minutes)
 *   npm test -- http2 call   only matching files
 *   npm test -- --twice      files that failed run once more, alone; what passes then is named and does not count
 *   SALLYPORT_LONG=1 npm test  with the long runs (whole vector sets, longer fuzzing)
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failedFiles, readRecords, testProcesses, unreachedFiles, type TestProcess } from './test-processes.ts';

const root = dirname(import.meta.dirname);
const words = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const twice = flags.includes('--twice');
const runnerOptions = flags.filter((flag) => flag !== '--twice');

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/{src,test}/**/*.test.ts'], { cwd: root })
  .filter((file) => words.length === 0 || words.some((part) => file.includes(part)))
  .sort();

if (files.length === 0) {
  process.stderr.write(`no test file matches ${words.join(' ')}\n`);
  process.exit(1);
}

/** A test that waits for what never comes fails with its name, instead of holding up everything; the longest takes 20 s. */
const testTimeoutMs = 120_000;

/**
 * A file whose failed test left a socket open never ends, and Node's own way out (`--test-force-exit`) loses reports of tests
 * that did run. So the whole run has a limit: ten times what it takes, for machines that are slow or busy.
 */
const runTimeoutMs = process.env['SALLYPORT_LONG'] === '1' ? 6 * 3_600_000 : 1_200_000;

const directory = mkdtempSync(join(tmpdir(), 'sallyport-test-'));

// Node's default leaves one core idle; many tests wait for other processes anyway.
const first = await run(testProcesses(files), availableParallelism());
const result = twice && first.failed.length > 0 ? await runAgain(first.failed) : first;
rmSync(directory, { recursive: true });
process.exit(result.code);

interface Result {
  /** The exit code of Node's test runner. */
  readonly code: number;
  readonly failed: readonly string[];
}

async function runAgain(failed: readonly string[]): Promise<Result> {
  process.stderr.write(`\nfailed, and run once more, one at a time: ${failed.join(' ')}\n\n`);
  const again = await run(
    failed.map((file) => ({ name: file, files: [file] })),
    1,
  );
  if (again.code === 0)
    process.stderr.write(`\npassed the second time, so it depends on timing and wants mending: ${failed.join(' ')}\n`);
  return again;
}

async function run(processes: readonly TestProcess[], concurrency: number): Promise<Result> {
  const recordFile = join(directory, 'record');
  const entries = processes.map((one) => ({ ...one, path: entryOf(one) }));
  const command = [
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(import.meta.dirname, 'test-record.ts')}`,
    `--test-reporter-destination=${recordFile}`,
    `--test-timeout=${testTimeoutMs}`,
    `--test-concurrency=${concurrency}`,
    ...runnerOptions,
    ...entries.map(({ path }) => path),
  ];
  const code = await runNode(command);
  const records = readRecords(readFileSync(recordFile, 'utf8'));
  const failed = entries.flatMap((one) => failedFiles(one, records.get(one.path)));
  const unreached = entries.flatMap((one) => unreachedFiles(one, records.get(one.path)));
  // With a pattern for names, files without such a test are not reported.
  if (unreached.length === 0 || runnerOptions.length > 0) return { code, failed: code === 0 ? [] : failed };
  process.stderr.write(`\ntheir process ended before it came to them: ${unreached.join(' ')}\n`);
  return { code: code === 0 ? 1 : code, failed };
}

/** Where the process begins: the file, or a program that runs several. */
function entryOf({ name, files: own }: TestProcess): string {
  if (own.length === 1) return join(root, own[0] as string);
  const path = join(directory, `${name.replaceAll('/', '-')}.mjs`);
  const module = pathToFileURL(join(import.meta.dirname, 'shared-process.ts')).href;
  writeFileSync(
    path,
    `import { runTogether } from ${JSON.stringify(module)};\n` +
      `runTogether(${JSON.stringify(root)}, ${JSON.stringify(own, null, 1)});\n`,
  );
  return path;
}

async function runNode(command: readonly string[]): Promise<number> {
  // A group of its own, so that files that hang end with it.
  const runner = spawn(process.execPath, command, {
    cwd: root,
    stdio: 'inherit',
    detached: true,
    env: keepingCompiledCode(),
  });
  const end = (signal: NodeJS.Signals): void => void (runner.pid !== undefined && process.kill(-runner.pid, signal));
  const timer = setTimeout(() => {
    process.stderr.write(`\nended after ${runTimeoutMs / 60_000} minutes: a test file does not end by itself\n`);
    end('SIGKILL');
  }, runTimeoutMs);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(signal));
  const status = await new Promise<number | null>((resolve) => runner.on('exit', resolve));
  clearTimeout(timer);
  return status ?? 1;
}

/** The processes have much code in common, and each would compile it anew. */
function keepingCompiledCode(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'sallyport') };
}
