/**
 * HTTP/2 conformance by h2spec (servers) and h2specd (clients) at every position of test/conformance/features.json. Prints
 * a table; fails on a failure that test/conformance/known-failures.json does not declare, on a declared one that passes, and
 * on a case that did not run.
 *
 *   node scripts/conformance.ts            what is on this machine: H2SPEC, H2SPECD, .ci/bin, PATH
 *   node scripts/conformance.ts --install  build both into .ci/bin first (needs Go)
 *   node scripts/conformance.ts --runs 20  repeat, to find what fails only sometimes
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { features, h2specVersion, positionNames, surprises } from '../test/conformance/declared.ts';
import { runAt } from '../test/conformance/positions.ts';
import { findTool, toolDirectory } from '../test/conformance/tools.ts';

if (process.argv.includes('--install')) install();
const runsAt = process.argv.indexOf('--runs');
const runs = runsAt < 0 ? 1 : Number(process.argv[runsAt + 1]);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs needs a number');

const problems: string[] = [];
print(`position       tool     cases  passed in ${runs} runs  seconds per run`);
for (const position of positionNames) {
  const { tool: name, cases } = features[position];
  const tool = findTool(name);
  if (tool === undefined) {
    print(`${position.padEnd(13)}  skipped: ${name} is not here; --install builds it`);
    continue;
  }
  const startedMs = performance.now();
  let passed = 0;
  for (let run = 0; run < runs; run++) {
    const results = await runAt(position, tool);
    passed += results.filter((result) => result.passed).length;
    problems.push(...surprises(position, results).map((problem) => `${position}, run ${run + 1}: ${problem}`));
  }
  const seconds = ((performance.now() - startedMs) / 1000 / runs).toFixed(1);
  const share = `${passed}/${cases * runs}`;
  print(
    `${position.padEnd(13)}  ${name.padEnd(7)}  ${String(cases).padStart(5)}  ${share.padStart(17)}  ${seconds.padStart(15)}`,
  );
}
for (const problem of problems) print(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function install(): void {
  mkdirSync(toolDirectory, { recursive: true });
  for (const name of ['h2spec', 'h2specd']) {
    execFileSync('go', ['install', `github.com/summerwind/h2spec/cmd/${name}@${h2specVersion}+incompatible`], {
      env: { ...process.env, GOBIN: toolDirectory, GOFLAGS: '-mod=mod' },
      stdio: 'inherit',
    });
  }
}
