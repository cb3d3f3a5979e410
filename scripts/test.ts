/**
 * Runs the tests with Node's own runner: all of them, or those whose path contains one of the arguments.
 *
 *   npm test                 the quick suite (under 3 minutes)
 *   npm test -- http2 call   only matching files
 *   SALLYPORT_LONG=1 npm test  with the long runs (whole vector sets, longer fuzzing)
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const runnerOptions = process.argv.slice(2).filter((argument) => argument.startsWith('--'));

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/{src,test}/**/*.test.ts'], { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}

/** A test that waits for what never comes fails with its name, instead of holding up everything; the longest takes 20 s. */
const testTimeoutMs = 120_000;

const options = [
  '--test',
  '--test-reporter=spec',
  `--test-timeout=${testTimeoutMs}`,
  // A test that failed may have left a socket open; without this its file, and with it the whole run, would never end.
  '--test-force-exit',
  // The default leaves one core idle; many tests wait for other processes anyway.
  `--test-concurrency=${availableParallelism()}`,
];
const runner = spawn(process.execPath, [...options, ...runnerOptions, ...files], { cwd: root, stdio: 'inherit' });
runner.on('exit', (code) => process.exit(code ?? 1));
