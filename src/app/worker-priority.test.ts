import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const script = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { letHelpersGiveWay } from ${JSON.stringify(join(import.meta.dirname, 'worker-priority.ts'))};
  letHelpersGiveWay();
  const nice = {};
  for (const thread of readdirSync('/proc/self/task')) {
    const [comm, rest] = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(/ \\(|\\) /).slice(1);
    (nice[comm] ??= []).push(Number(rest.split(' ')[16]));
  }
  console.log(JSON.stringify(nice));
`;

test(
  "V8's helpers give way, nobody else",
  { skip: hasNamedHelpers() ? false : 'needs /proc and threads named V8Worker' },
  () => {
    const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    const own = Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[16]);
    for (const [name, values] of Object.entries(JSON.parse(text) as Record<string, number[]>)) {
      const expected = name.endsWith('V8Worker') ? 10 : own;
      for (const value of values) assert.equal(value, expected, name);
    }
  },
);

function hasNamedHelpers(): boolean {
  try {
    return readdirSync('/proc/self/task').some((thread) =>
      readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim().endsWith('V8Worker'),
    );
  } catch {
    return false;
  }
}
