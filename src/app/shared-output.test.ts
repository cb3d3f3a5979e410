import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { sharedOutput, wholeWriteBytes } from './shared-output.ts';

/** The writes that come of one text, and the error it ended with. */
async function write(lines: string, failAt = Number.POSITIVE_INFINITY) {
  const writes: string[] = [];
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(chunk.toString());
      done(writes.length > failAt ? new Error('EPIPE') : undefined);
    },
  });
  output.on('error', () => undefined);
  const error = await new Promise((resolve) => sharedOutput(output).write(lines, resolve));
  return { writes, error: error instanceof Error ? error.message : undefined };
}

test('what fits leaves in one write, more in whole lines', async () => {
  const line = `${'x'.repeat(1_023)}\n`;
  assert.deepEqual((await write(line.repeat(4))).writes, [line.repeat(4)]);
  assert.deepEqual((await write(line.repeat(9))).writes, [line.repeat(4), line.repeat(4), line]);
  assert.deepEqual((await write(`x${line.repeat(4)}`)).writes, [`x${line.repeat(3)}`, line]);
  const long = `${'é'.repeat(wholeWriteBytes)}\n`;
  assert.deepEqual((await write(line + long + line)).writes, [line, long, line]);
  assert.deepEqual((await write(`${long}x`)).writes, [long, 'x']);
});

test('the first write that fails is the last', async () => {
  const line = `${'x'.repeat(4_000)}\n`;
  const { writes, error } = await write(line.repeat(3), 1);
  assert.deepEqual([writes.length, error], [2, 'EPIPE']);
});

test('lines of several processes on one pipe stay whole', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'shared-output.ts'));
  const program = `const { sharedOutput } = await import(${module});
    const line = process.argv[1].repeat(300) + '\\n';
    sharedOutput(process.stdout).write(line.repeat(5000), () => undefined);`;
  const writer = (letter: string): string => `"$0" --input-type=module -e "$1" ${letter}`;
  const shell = spawn('sh', ['-c', `${writer('a')} & ${writer('b')} & wait`, process.execPath, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [written] = await Promise.all([text(shell.stdout), once(shell, 'close')]);
  const lines = written.trimEnd().split('\n');
  assert.equal(lines.length, 10_000);
  assert.deepEqual([...new Set(lines)].toSorted(), ['a'.repeat(300), 'b'.repeat(300)]);
});
