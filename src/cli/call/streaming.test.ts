import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startKitchen, type KitchenServer } from '../../../test/kit/kitchen-server.ts';
import { callWith, startCallCommand, type CallOutcome } from '../../../test/kit/run-call.ts';

let kitchen: KitchenServer;
before(async () => {
  kitchen = await startKitchen();
});
after(() => kitchen.stop());

function call(flags: readonly string[], method: string, stdin = ''): Promise<CallOutcome> {
  return callWith(['-plaintext', ...flags, kitchen.address, `kitchen.v1.Kitchen/${method}`], { stdin });
}

const counts = (...values: readonly number[]): string => values.map((value) => `{\n  "count": ${value}\n}\n`).join('');

test('server streaming', async () => {
  assert.equal((await call(['-d', '{"count": 3}'], 'Expand')).stdout, counts(1, 2, 3));
  const text = await call(['-format', 'text', '-d', 'count: 3'], 'Expand');
  assert.equal(text.stdout, 'count: 1\n\u001ecount: 2\n\u001ecount: 3\n');
});

test('client streaming', async () => {
  assert.equal((await call(['-d', '{"count":3}{"count":4} {"count": 5}'], 'Collect')).stdout, counts(12));
  assert.equal((await call([], 'Collect')).stdout, '{}\n');
  assert.equal(
    (await call(['-format', 'text', '-d', '@'], 'Collect', 'count: 3\u001ecount: 4')).stdout,
    counts(7)
      .replace(/[{}]\n/g, '')
      .replace(/ {2}"count"/, 'count'),
  );
});

test('bidirectional: each message goes out when its line comes in', async () => {
  const command = startCallCommand(['-plaintext', '-d', '@', kitchen.address, 'kitchen.v1.Kitchen/Chat']);
  command.stdin.write('{"count": 1}\n{"cou');
  await command.printed(counts(1));
  command.stdin.write('nt": 2}');
  await command.printed(counts(1, 2));
  command.stdin.end();
  assert.deepEqual(await command.outcome, { code: 0, stdout: counts(1, 2), stderr: '' });
});

test('ten thousand messages both ways', async () => {
  const input = Array.from({ length: 10_000 }, (_, index) => `{"count": ${index + 1}}`).join('\n');
  const outcome = await call(['-d', '@'], 'Chat', input);
  assert.equal(outcome.code, 0);
  assert.equal(outcome.stdout.match(/"count"/g)?.length, 10_000);
  assert.ok(outcome.stdout.endsWith(counts(10_000)));
});

test('-max-time ends a call with open input: 68, and the server hears of it', async () => {
  const command = startCallCommand([
    '-plaintext',
    '-max-time',
    '1.5',
    '-d',
    '@',
    kitchen.address,
    'kitchen.v1.Kitchen/Chat',
  ]);
  command.stdin.write('{"count": 1}');
  const outcome = await command.outcome;
  assert.deepEqual(outcome, {
    code: 68,
    stdout: counts(1),
    stderr: 'ERROR:\n  Code: DeadlineExceeded\n  Message: context deadline exceeded\n',
  });
  await kitchen.cancelled;
});

test('bad input in the middle of a stream cancels the call', async () => {
  const outcome = await call(['-d', '{"count": 1}{"nope": 2}'], 'Chat');
  assert.equal(outcome.code, 1);
  assert.match(
    outcome.stderr,
    /error getting request data: message type kitchen.v1.Count has no known field named nope/,
  );
});

test('a server that goes away in the middle of a call', async () => {
  const server = await startKitchen();
  const command = startCallCommand(['-plaintext', '-d', '@', server.address, 'kitchen.v1.Kitchen/Chat']);
  command.stdin.write('{"count": 1}');
  await command.printed(counts(1));
  server.stop();
  const outcome = await command.outcome;
  assert.match(outcome.stderr, /^ERROR:\n {2}Code: (Unavailable|Canceled)\n/);
  assert.ok([64 + 14, 64 + 1].includes(outcome.code));
});
