import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startKitchen, type KitchenServer } from '../../../test/kit/kitchen-server.ts';
import { callWith, type CallOutcome } from '../../../test/kit/run-call.ts';

const grpcurl = process.env['GRPCURL'] ?? 'grpcurl';
const skip = spawnSync(grpcurl, ['-version']).status === 0 ? false : 'grpcurl is neither on PATH nor named by GRPCURL';

let kitchen: KitchenServer;
before(async () => {
  kitchen = await startKitchen();
});
after(() => kitchen.stop());

function runGrpcurl(argv: readonly string[]): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const child = execFile(grpcurl, argv, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** What differs by nature: the clock, and the name of the program. */
function comparable(outcome: CallOutcome): CallOutcome {
  return {
    code: outcome.code,
    stdout: outcome.stdout.replace(/^date: .*$/gm, 'date: …'),
    stderr: outcome.stderr.replace(/^Try '.* -help' for more details\.$/m, "Try '…'"),
  };
}

const sink = JSON.stringify({
  name: 'a<b>&"é\u2028',
  small: -5,
  big: '9007199254740993',
  huge: '18446744073709551615',
  half: 0.1,
  whole: 1234567.5,
  theBlob: 'AQL/',
  kind: 'KIND_HOT',
  inners: [{ id: 'y', depth: 3 }, {}],
  by_name: { b: { id: '1' }, a: {} },
  byNumber: { 10: 'ten', 9: 'nine' },
  maybe: 0,
  text: '',
  at: '2024-01-02T03:04:05.5Z',
  took: '1.5s',
  mask: { paths: ['a.b_c', 'd'] },
  struct: { z: 1, a: [1, 'x', null, true, { b: 1.5e30 }] },
  value: { k: 12345678 },
  list: [1, 2],
  any: { '@type': 'type.googleapis.com/kitchen.v1.Sink.Inner', id: 'in any', depth: 4 },
  wrapped: 'w',
  wrappedDouble: 1e-7,
  nothing: {},
  price: { currency: 'EUR', units: '5' },
  kinds: ['KIND_COLD', 5],
  doubles: [1e6, 1e-5, 0.0001, 1e21, 1.5],
  floats: [3.4028235e38, 16777216, 0.3],
  byTruth: { true: 'KIND_COLD', false: 0 },
  sink: { name: 'in' },
});

const symbols = [
  'kitchen.v1.Kitchen',
  'kitchen.v1.Kitchen.Http',
  'kitchen.v1.Sink',
  '.kitchen.v1.Sink',
  'kitchen.v1.Sink.Kind',
  'kitchen.v1.Sink.KIND_HOT',
  'kitchen.v1.Sink.choice',
  'kitchen.v1.Sink.price',
  'kitchen.v1.Sink.by_name',
  'kitchen.v1.Sink.ByNameEntry',
  'kitchen.v1.hint',
  'kitchen.v1.Nope',
  'legacy.Old',
  'legacy.Color',
  'legacy.nickname',
  'legacy.Old.Extra',
  'legacy.Old.extra',
  'google.protobuf.Timestamp',
];

const lines: readonly (readonly string[])[] = [
  ['ADDRESS', 'list'],
  ['ADDRESS', 'list', 'kitchen.v1.Kitchen'],
  ['ADDRESS', 'list', 'kitchen.v1.Nope'],
  ['ADDRESS', 'describe'],
  ...symbols.map((symbol) => ['ADDRESS', 'describe', symbol]),
  ['-msg-template', 'ADDRESS', 'describe', 'kitchen.v1.Sink'],
  ['-msg-template', '-format', 'text', 'ADDRESS', 'describe', 'kitchen.v1.Sink'],
  ['-msg-template', 'ADDRESS', 'describe', 'legacy.Old'],
  ['-d', sink, 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-emit-defaults', '-d', sink, 'ADDRESS', 'kitchen.v1.Kitchen.Echo'],
  ['-emit-defaults', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  [
    '-format',
    'text',
    '-d',
    'name: "x\\t" inner { id: "q" } by_name { key: "a" value {} } at { nanos: 5 } struct {} half: 1e10',
    'ADDRESS',
    'kitchen.v1.Kitchen/Echo',
  ],
  ['-v', '-H', 'x-in: 1', '-rpc-header', 'b-bin: AQID', '-d', '{"name":"q"}', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-d', '{"count":3}', 'ADDRESS', 'kitchen.v1.Kitchen/Expand'],
  ['-v', '-format', 'text', '-d', 'count:3', 'ADDRESS', 'kitchen.v1.Kitchen/Expand'],
  ['-v', '-d', '{"count":3}{"count":4}', 'ADDRESS', 'kitchen.v1.Kitchen/Collect'],
  ['-v', '-d', '{"count":3}', 'ADDRESS', 'kitchen.v1.Kitchen/Chat'],
  ['-d', '{}{}', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-d', '{"code":7,"message":"größe %"}', 'ADDRESS', 'kitchen.v1.Kitchen/Fail'],
  ['-v', '-d', '{"code":5}', 'ADDRESS', 'kitchen.v1.Kitchen/Fail'],
  ['-format-error', '-d', '{"code":7,"message":"m"}', 'ADDRESS', 'kitchen.v1.Kitchen/Fail'],
  ['ADDRESS', 'kitchen.v1.Nope/Echo'],
  ['ADDRESS', 'kitchen.v1.Kitchen/Nope'],
  ['ADDRESS', 'Nope'],
  ['-d', '{"nope":1}', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-d', '{"name":', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-allow-unknown-fields', '-d', '{"nope":1}', 'ADDRESS', 'kitchen.v1.Kitchen/Echo'],
  ['-d', '{"id":"1","[legacy.nickname]":"nick","extra":{"note":"n"}}', 'ADDRESS', 'legacy.Attic/Keep'],
  ['-emit-defaults', '-d', '{"id":"1"}', 'ADDRESS', 'legacy.Attic/Keep'],
  ['-max-time', '5', 'ADDRESS', 'kitchen.v1.Kitchen/Collect'],
  ['-d', '{}', '-rpc-header', 'a:b', 'ADDRESS', 'list'],
  ['-insecure', 'ADDRESS', 'list'],
  ['-format', 'xml', 'ADDRESS', 'list'],
  ['-use-reflection=false', 'ADDRESS', 'list'],
  ['ADDRESS', 'list', 'a', 'b'],
  ['ADDRESS'],
];

test('the same command line gives the same output and exit code as grpcurl', { skip }, async (t) => {
  for (const line of lines) {
    await t.test(line.join(' ').slice(0, 100), async () => {
      const argv = ['-plaintext', ...line.map((word) => (word === 'ADDRESS' ? kitchen.address : word))];
      assert.deepEqual(comparable(await callWith(argv)), comparable(await runGrpcurl(argv)));
    });
  }
});
