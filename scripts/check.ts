/**
 * Everything that must hold before a change lands, in the order in which it fails fastest: types, lint, format, dead
 * code, tests (the layers and what is generated among them). Prints one line per step; the tests print themselves.
 *
 *   node scripts/check.ts --without-tests   what needs no foreign peer
 */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);

const steps: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'format', command: ['npm', 'run', '--silent', 'format:check'] },
  { name: 'dead code', command: ['npm', 'run', '--silent', 'deadcode'] },
  { name: 'tests', command: ['npm', 'test', '--silent', '--', '--twice'] },
];

const chosen = process.argv.includes('--without-tests') ? steps.filter(({ name }) => name !== 'tests') : steps;

for (const { name, command } of chosen) {
  const [program = '', ...args] = command;
  const startedMs = performance.now();
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`${status === 0 ? '✔' : '✘'} ${name} (${seconds} s)\n`);
  if (status !== 0) process.exit(status ?? 1);
}
