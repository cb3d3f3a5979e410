import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { buildKitchenSet, startKitchen, type KitchenServer } from '../../../test/kit/kitchen-server.ts';
import { callWith } from '../../../test/kit/run-call.ts';

// The texts in this file are grpcurl 1.9.4's, taken from it.

let kitchen: KitchenServer;
let directory: string;
before(async () => {
  kitchen = await startKitchen();
  directory = mkdtempSync(join(tmpdir(), 'describe-'));
});
after(() => {
  kitchen.stop();
  rmSync(directory, { recursive: true });
});

/** Runs a successful command against the kitchen; answers what it printed. */
async function printed(flags: readonly string[], ...words: readonly string[]): Promise<string> {
  const outcome = await callWith(['-plaintext', ...flags, kitchen.address, ...words]);
  assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
  return outcome.stdout;
}

test('list: services, and the methods of one', async () => {
  assert.equal(await printed([], 'list'), 'kitchen.v1.Kitchen\nkitchen.v1.Pantry\nlegacy.Attic\n');
  assert.equal(
    await printed([], 'list', 'kitchen.v1.Kitchen'),
    ['Chat', 'Collect', 'Echo', 'Expand', 'Fail', 'Http'].map((name) => `kitchen.v1.Kitchen.${name}\n`).join(''),
  );
});

test('describe a service', async () => {
  assert.equal(
    await printed([], 'describe', 'kitchen.v1.Kitchen'),
    `kitchen.v1.Kitchen is a service:
service Kitchen {
  rpc Chat ( stream .kitchen.v1.Count ) returns ( stream .kitchen.v1.Count );
  rpc Collect ( stream .kitchen.v1.Count ) returns ( .kitchen.v1.Count );
  rpc Echo ( .kitchen.v1.Sink ) returns ( .kitchen.v1.Sink );
  rpc Expand ( .kitchen.v1.Count ) returns ( stream .kitchen.v1.Count );
  rpc Fail ( .kitchen.v1.Failure ) returns ( .google.protobuf.Empty );
  rpc Http ( .kitchen.v1.Count ) returns ( .kitchen.v1.Count ) {
    option deprecated = true;
    option (.kitchen.v1.http) = {
      get: "/v1/count/{count}",
      body: "*",
      more: [ { get: "/v1/other" } ]
    };
  }
}
`,
  );
});

test('describe without a symbol describes every service', async () => {
  const text = await printed([], 'describe');
  assert.deepEqual(text.match(/^\S+ is a service:$/gm), [
    'kitchen.v1.Kitchen is a service:',
    'kitchen.v1.Pantry is a service:',
    'legacy.Attic is a service:',
  ]);
});

test('describe messages: options, oneofs, maps, reserved ranges, groups, defaults', async () => {
  const sink = await printed([], 'describe', '.kitchen.v1.Sink');
  assert.ok(
    sink.startsWith('kitchen.v1.Sink is a message:\nmessage Sink {\n  option deprecated = true;\n  string name = 1;\n'),
  );
  for (const part of [
    '  bytes blob = 8 [\n    json_name = "theBlob",\n    (.kitchen.v1.hint) = "anything goes"\n  ];\n',
    '  map<string, .kitchen.v1.Sink.Inner> by_name = 13;\n',
    '  optional int32 maybe = 15;\n  oneof choice {\n    string text = 16;\n    .kitchen.v1.Sink.Inner other = 17;\n  }\n',
    '  enum Kind {\n    KIND_UNSPECIFIED = 0;\n    KIND_COLD = 1;\n    KIND_HOT = 2;\n    reserved 7, 9 to 11;\n    reserved "KIND_OLD";\n  }\n',
    '  reserved 90, 92 to 95, 100 to max;\n  reserved "old", "older";\n}\n',
  ]) {
    assert.ok(sink.includes(part), part);
  }
  assert.equal(
    await printed([], 'describe', 'legacy.Old'),
    `legacy.Old is a message:
message Old {
  required string id = 1;
  optional int32 size = 2 [default = 42];
  optional string label = 3 [default = "a \\"b\\""];
  repeated int32 packed = 4 [packed = true];
  optional group Extra = 5 {
    optional string note = 6;
  }
  optional double ratio = 7 [default = 1.500000];
  optional .legacy.Color color = 8 [default = GREEN];
  extensions 100 to 199, 500 to max;
}
`,
  );
});

test('describe every other kind of element', async () => {
  const cases: readonly (readonly [symbol: string, text: string])[] = [
    [
      'kitchen.v1.Kitchen.Echo',
      'kitchen.v1.Kitchen.Echo is a method:\nrpc Echo ( .kitchen.v1.Sink ) returns ( .kitchen.v1.Sink );\n',
    ],
    ['kitchen.v1.Sink.KIND_HOT', 'kitchen.v1.Sink.Kind.KIND_HOT is an enum value:\nKIND_HOT = 2;\n'],
    ['kitchen.v1.Sink.maybe', 'kitchen.v1.Sink.maybe is a field:\noptional int32 maybe = 15;\n'],
    [
      'kitchen.v1.Sink.choice',
      'kitchen.v1.Sink.choice is a one-of:\noneof choice {\n  string text = 16;\n  .kitchen.v1.Sink.Inner other = 17;\n}\n',
    ],
    [
      'kitchen.v1.Sink.ByNameEntry',
      'kitchen.v1.Sink.ByNameEntry is the entry type for a map field:\nmap<string, .kitchen.v1.Sink.Inner> by_name = 13;\n',
    ],
    ['legacy.Color', 'legacy.Color is an enum:\nenum Color {\n  RED = 1;\n  GREEN = 2;\n}\n'],
    [
      'legacy.nickname',
      'legacy.nickname is an extension:\nextend .legacy.Old {\n  optional string nickname = 100;\n}\n',
    ],
    [
      'legacy.Old.Extra',
      'legacy.Old.Extra is the type of a group field:\noptional group Extra = 5 {\n  optional string note = 6;\n}\n',
    ],
    [
      'legacy.Old.extra',
      'legacy.Old.extra is a group field:\noptional group Extra = 5 {\n  optional string note = 6;\n}\n',
    ],
    [
      'google.protobuf.Timestamp',
      'google.protobuf.Timestamp is a message:\nmessage Timestamp {\n  int64 seconds = 1;\n  int32 nanos = 2;\n}\n',
    ],
  ];
  for (const [symbol, text] of cases) assert.equal(await printed([], 'describe', symbol), text);
});

test('a message template shows every field', async () => {
  assert.equal(
    await printed(['-msg-template'], 'describe', 'kitchen.v1.Failure'),
    'kitchen.v1.Failure is a message:\nmessage Failure {\n  int32 code = 1;\n  string message = 2;\n  bytes details = 3;\n}\n' +
      '\nMessage template:\n{\n  "code": 0,\n  "message": "",\n  "details": ""\n}\n',
  );
  const sink = await printed(['-msg-template'], 'describe', 'kitchen.v1.Sink');
  const template: unknown = JSON.parse(sink.slice(sink.indexOf('Message template:\n') + 18));
  assert.deepEqual(
    Object.fromEntries(Object.entries(template ?? {}).filter(([name]) => /^(by|any|value|kinds|sink$)/.test(name))),
    {
      byName: { '': { id: '', depth: 0 } },
      byNumber: { 0: '' },
      value: { 'google.protobuf.Value': 'supports arbitrary JSON' },
      any: { '@type': 'type.googleapis.com/google.protobuf.Empty', value: {} },
      kinds: ['KIND_UNSPECIFIED'],
      byTruth: { false: 'KIND_UNSPECIFIED' },
      sink: JSON.parse(
        '{"name":"","small":0,"big":"0","huge":"0","yes":false,"half":0,"whole":0,"theBlob":"","kind":"KIND_UNSPECIFIED","inner":null,"inners":[],"numbers":[],"byName":{},"byNumber":{},"at":null,"took":null,"mask":null,"struct":null,"value":null,"list":null,"any":null,"wrapped":null,"wrappedBig":null,"wrappedDouble":null,"nothing":null,"price":null,"zigzag":0,"fixed":"0","kinds":[],"doubles":[],"floats":[],"byTruth":{},"sink":null}',
      ),
    },
  );
});

test('-protoset replaces the server and brings its comments', async () => {
  const set = join(directory, 'kitchen.binpb');
  writeFileSync(set, buildKitchenSet());
  const list = await callWith(['-protoset', set, 'list']);
  assert.deepEqual([list.code, list.stdout], [0, 'kitchen.v1.Kitchen\nkitchen.v1.Pantry\nlegacy.Attic\n']);
  const method = await callWith(['-protoset', set, 'describe', 'kitchen.v1.Kitchen.Echo']);
  assert.equal(
    method.stdout,
    'kitchen.v1.Kitchen.Echo is a method:\n// Sends the request back.\nrpc Echo ( .kitchen.v1.Sink ) returns ( .kitchen.v1.Sink );\n',
  );
  const unknown = await callWith(['-protoset', set, 'describe', 'no.Such']);
  assert.deepEqual(
    [unknown.code, unknown.stderr],
    [1, 'Failed to resolve symbol "no.Such": Symbol not found: no.Such\n'],
  );
});

test('-protoset-out writes what was described with all imports, fit for -protoset', async () => {
  const set = join(directory, 'out.binpb');
  await printed(['-protoset-out', set], 'describe', 'kitchen.v1.Pantry');
  const names = fromBinary(FileDescriptorSetSchema, readFileSync(set)).file.map((file) => file.name);
  assert.equal(names.at(-1), 'kitchen.proto');
  assert.ok(names.includes('money.proto') && names.includes('google/protobuf/any.proto'));
  const call = await callWith([
    '-plaintext',
    '-protoset',
    set,
    '-d',
    '{"count": 3}',
    kitchen.address,
    'kitchen.v1.Pantry/Open',
  ]);
  assert.deepEqual([call.code, call.stdout], [0, '{\n  "count": 3\n}\n']);
});

test('what is not there', async () => {
  const cases: readonly (readonly [words: readonly string[], text: string])[] = [
    [['list', 'no.Such'], 'Failed to list methods for service "no.Such": Symbol not found: no.Such\n'],
    [
      ['list', 'kitchen.v1.Sink'],
      'Failed to list methods for service "kitchen.v1.Sink": Service not found: kitchen.v1.Sink\n',
    ],
    [['describe', 'no.Such'], 'Failed to resolve symbol "no.Such": Symbol not found: no.Such\n'],
  ];
  for (const [words, text] of cases) {
    const outcome = await callWith(['-plaintext', kitchen.address, ...words]);
    assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [1, '', text]);
  }
});

test('reflection falls back to v1alpha, and says when there is none', async () => {
  const old = await startKitchen({ reflection: ['v1alpha'] });
  const none = await startKitchen({ reflection: [] });
  try {
    const listed = await callWith(['-plaintext', old.address, 'list', 'legacy.Attic']);
    assert.deepEqual([listed.code, listed.stdout], [0, 'legacy.Attic.Keep\n']);
    const failed = await callWith(['-plaintext', none.address, 'list']);
    assert.deepEqual(
      [failed.code, failed.stderr],
      [1, 'Failed to list services: server does not support the reflection API\n'],
    );
  } finally {
    old.stop();
    none.stop();
  }
});
