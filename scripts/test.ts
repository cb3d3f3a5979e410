/**
 * Runs the tests with Node's own runner: all of them, or those whose path contains one of the arguments.
 *
 *   npm test                 the quick suite (under 3 minutes)
 *   npm test -- http2 call   only matching files
 *   npm test -- --twice      files that failed run once more, alone; what passes then is named and does not count
 *   SALLYPORT_LONG=1 npm test  with the long runs (whole vector sets, longer fuzzing)
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = dirname(import.meta.dirname);
const words = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const twice = flags.includes('--twice');

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
 * that did run. So the whole run has a limit; three times what it takes on a slow machine.
 */
const runTimeoutMs = process.env['SALLYPORT_LONG'] === '1' ? 6 * 3_600_000 : 600_000;

const directory = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
const failedList = join(directory, 'failed');

// The default leaves one core idle; many tests wait for other processes anyway.
let code = await run(files, availableParallelism());
const failed = readFileSync(failedList, 'utf8')
  .split('\n')
  .filter((file) => file !== '')
  .map((file) => relative(root, file));
if (twice && code !== 0 && failed.length > 0) {
  process.stderr.write(`\nfailed, and run once more, one at a time: ${failed.join(' ')}\n\n`);
  code = await run(failed, 1);
  if (code === 0) {
    process.stderr.write(`\npassed the second time, so it depends on timing and wants mending: ${failed.join(' ')}\n`);
  }
}
rmSync(directory, { recursive: true });
process.exit(code);

/** Each of hundreds of test files is a process; with compiled code kept between them they take half the time. */
function keepingCompiledCode(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'sallyport') };
}

/** The exit code of Node's test runner. */
async function run(chosen: readonly string[], concurrency: number): Promise<number> {
  const options = [
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(import.meta.dirname, 'failed-files.ts')}`,
    `--test-reporter-destination=${failedList}`,
    `--test-timeout=${testTimeoutMs}`,
    `--test-concurrency=${concurrency}`,
  ];
  const runnerOptions = flags.filter((flag) => flag !== '--twice');
  const command = [...options, ...runnerOptions, ...chosen];
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
