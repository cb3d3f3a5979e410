import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { startKitchen, type KitchenServer } from '../../../test/kit/kitchen-server.ts';
import { callWith, type CallOutcome } from '../../../test/kit/run-call.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../protobuf/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../protobuf/index.ts';

// The texts in this file are grpcurl 1.9.4's, taken from it, but for the details of errors, which it does not decode.

let kitchen: KitchenServer;
before(async () => {
  kitchen = await startKitchen();
});
after(() => kitchen.stop());

function call(flags: readonly string[], method: string): Promise<CallOutcome> {
  return callWith(['-plaintext', ...flags, kitchen.address, method]);
}

async function echo(request: string, ...flags: readonly string[]): Promise<string> {
  const outcome = await call([...flags, '-d', request], 'kitchen.v1.Kitchen/Echo');
  assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
  return outcome.stdout;
}

test('a unary call with every kind of field', async () => {
  const text = await echo(`{"name":"a<b>&\\"é\\u2028","small":-5,"big":9007199254740993,"half":0.1,"whole":1234567.5,
    "theBlob":"AQL/","kind":"KIND_HOT","by_name":{"b":{"id":"1"},"a":{}},"byNumber":{"10":"ten","9":"nine"},"maybe":0,
    "text":"","at":"2024-01-02T03:04:05.5Z","took":"1.5s","mask":{"paths":["a.b_c"]},"struct":{"z":1,"a":[1.5e30,null]},
    "any":{"@type":"type.googleapis.com/kitchen.v1.Sink.Inner","id":"in","depth":4},"wrappedBig":"12","nothing":{},
    "kinds":["KIND_COLD",5],"doubles":[1e6,1e-5,100000,1e21,-0.0],"byTruth":{"true":1,"false":0}}`);
  assert.equal(
    text,
    `{
  "name": "a\\u003cb\\u003e\\u0026\\"é\\u2028",
  "small": -5,
  "big": "9007199254740993",
  "half": 0.1,
  "whole": 1.2345675e+06,
  "theBlob": "AQL/",
  "kind": "KIND_HOT",
  "byName": {
    "a": {},
    "b": {
      "id": "1"
    }
  },
  "byNumber": {
    "9": "nine",
    "10": "ten"
  },
  "maybe": 0,
  "text": "",
  "at": "2024-01-02T03:04:05.500Z",
  "took": "1.500s",
  "mask": {
    "paths": [
      "a.bC"
    ]
  },
  "struct": {
    "a": [
      1.5e+30,
      null
    ],
    "z": 1
  },
  "any": {
    "@type": "type.googleapis.com/kitchen.v1.Sink.Inner",
    "depth": 4,
    "id": "in"
  },
  "wrappedBig": "12",
  "nothing": {},
  "kinds": [
    "KIND_COLD",
    5
  ],
  "doubles": [
    1e+06,
    1e-05,
    100000,
    1e+21,
    -0
  ],
  "byTruth": {
    "false": "KIND_UNSPECIFIED",
    "true": "KIND_COLD"
  }
}
`.replace('a.bC', 'a.b_c'),
  );
});

test('no data is one empty message; -emit-defaults shows what is not there', async () => {
  assert.equal(await echo(''), '{}\n');
  const outcome = await call(['-emit-defaults'], 'kitchen.v1.Kitchen.Http');
  assert.equal(outcome.stdout, '{\n  "count": 0,\n  "note": ""\n}\n');
});

test('the text format in both directions', async () => {
  const request =
    'name: "x\\303\\251" inner { id: "q" } by_name { key: "a" value { id: "z" } } half: 0.1 kinds: 9 at { seconds: 5 } sink {}';
  assert.equal(
    await echo(request, '-format', 'text'),
    `name: "x\\303\\251"
half: 0.1
inner: <
  id: "q"
>
by_name: <
  key: "a"
  value: <
    id: "z"
  >
>
at: <
  seconds:5${' '}
>
kinds: 9
sink: <
${'  '}
>
`,
  );
});

test('extensions and groups of proto2', async () => {
  const outcome = await call(['-d', '{"id":"1","[legacy.nickname]":"nick","extra":{"note":"n"}}'], 'legacy.Attic/Keep');
  assert.equal(
    outcome.stdout,
    '{\n  "id": "1",\n  "extra": {\n    "note": "n"\n  },\n  "[legacy.nickname]": "nick"\n}\n',
  );
});

test('-v shows the method, both kinds of metadata and the counts', async () => {
  const flags = ['-v', '-H', 'X-Both: 1', '-rpc-header', 'b-bin: AQID', '-reflect-header', 'only-reflection: 1'];
  const outcome = await call([...flags, '-d', '{"name": "q"}'], 'kitchen.v1.Kitchen/Echo');
  assert.equal(
    outcome.stdout.replace(/^date: .*$/m, 'date: …'),
    `
Resolved method descriptor:
rpc Echo ( .kitchen.v1.Sink ) returns ( .kitchen.v1.Sink );

Request metadata to send:
b-bin: AQID
x-both: 1

Response headers received:
content-type: application/grpc+proto
date: …
grpc-accept-encoding: identity,deflate,gzip
x-greeting: hello

Response contents:
{
  "name": "q"
}

Response trailers received:
x-farewell: bye
x-sum-bin: AQL/
Sent 1 request and received 1 response
`,
  );
  const seen = kitchen.seen.at(-1);
  assert.deepEqual(seen?.metadata.get('x-both'), ['1']);
  assert.deepEqual(seen?.metadata.get('b-bin'), [Buffer.from([1, 2, 3])]);
  assert.deepEqual(seen?.metadata.get('only-reflection'), []);
});

test('headers from the environment, authority and user agent reach the server', async () => {
  const flags = [
    '-expand-headers',
    '-H',
    'token: Bearer ${TOKEN}',
    '-authority',
    'shop.example',
    '-user-agent',
    'mine/1',
  ];
  const outcome = await callWith(['-plaintext', ...flags, kitchen.address, 'kitchen.v1.Kitchen/Echo'], {
    env: { TOKEN: 's3' },
  });
  assert.equal(outcome.code, 0);
  const seen = kitchen.seen.at(-1);
  assert.equal(seen?.authority, 'shop.example');
  assert.deepEqual(seen.metadata.get('token'), ['Bearer s3']);
  assert.match(String(seen.metadata.get('user-agent')), /^mine\/1 sallyport-call\//);
  const missing = await call(['-expand-headers', '-H', 'a: ${NOPE}'], 'kitchen.v1.Kitchen/Echo');
  assert.deepEqual(
    [missing.code, missing.stderr],
    [1, 'Failed to expand additional headers: header "a: ${NOPE}" refers to missing environment variable "NOPE"\n'],
  );
});

test('a failed call: code, message, exit code 64 + code', async () => {
  for (const [code, name] of [
    [1, 'Canceled'],
    [4, 'DeadlineExceeded'],
    [7, 'PermissionDenied'],
    [12, 'Unimplemented'],
    [16, 'Unauthenticated'],
  ] as const) {
    const outcome = await call(['-d', `{"code": ${code}, "message": "größe 100%"}`], 'kitchen.v1.Kitchen/Fail');
    assert.deepEqual(outcome, {
      code: 64 + code,
      stdout: '',
      stderr: `ERROR:\n  Code: ${name}\n  Message: größe 100%\n`,
    });
  }
});

const details = Buffer.from(
  toBinary(
    StatusSchema,
    create(StatusSchema, {
      code: 3,
      message: 'bad',
      details: [
        anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: 'EMPTY', metadata: { b: '2', a: '1' } })),
        anyPack(
          BadRequestSchema,
          create(BadRequestSchema, { fieldViolations: [{ field: 'id', description: 'is empty' }] }),
        ),
        { typeUrl: 'type.googleapis.com/x.Unknown', value: Uint8Array.of(1, 2, 3) },
      ],
    }),
  ),
).toString('base64');

test('details are decoded without help of the server, unknown ones shown as base64', async () => {
  const outcome = await call(
    ['-d', `{"code": 3, "message": "bad", "details": "${details}"}`],
    'kitchen.v1.Kitchen/Fail',
  );
  assert.deepEqual(outcome, {
    code: 67,
    stdout: '',
    stderr: `ERROR:
  Code: InvalidArgument
  Message: bad
  Details:
  1)\t{
    \t  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    \t  "reason": "EMPTY",
    \t  "metadata": {
    \t    "a": "1",
    \t    "b": "2"
    \t  }
    \t}
  2)\t{
    \t  "@type": "type.googleapis.com/google.rpc.BadRequest",
    \t  "fieldViolations": [
    \t    {
    \t      "field": "id",
    \t      "description": "is empty"
    \t    }
    \t  ]
    \t}
  3)\t{
    \t  "@error": "x.Unknown is not recognized; see @value for raw binary message data",
    \t  "@type": "type.googleapis.com/x.Unknown",
    \t  "@value": "AQID"
    \t}
`,
  });
});

test('-format-error prints the status in the format of messages', async () => {
  const flags = ['-format-error', '-d', '{"code": 5, "message": "none"}'];
  const outcome = await call(flags, 'kitchen.v1.Kitchen/Fail');
  assert.deepEqual(outcome, { code: 69, stdout: '', stderr: '{\n  "code": 5,\n  "message": "none"\n}' });
});

test("failures before the call: exit code 1 and grpcurl's words", async () => {
  const cases: readonly (readonly [flags: readonly string[], method: string, text: string])[] = [
    [[], 'no.Such/Echo', 'target server does not expose service "no.Such"'],
    [[], 'kitchen.v1.Sink/Echo', 'target server does not expose service "kitchen.v1.Sink"'],
    [[], 'kitchen.v1.Kitchen/Nope', 'service "kitchen.v1.Kitchen" does not include a method named "Nope"'],
    [[], 'Nope', "given method name \"Nope\" is not in expected format: 'service/method' or 'service.method'"],
    [
      ['-d', '{}{}'],
      'kitchen.v1.Kitchen/Echo',
      'method "kitchen.v1.Kitchen.Echo" is a unary RPC, but request data contained more than 1 message',
    ],
    [
      ['-d', '{}{}'],
      'kitchen.v1.Kitchen/Expand',
      'method "kitchen.v1.Kitchen.Expand" is a server-streaming RPC, but request data contained more than 1 message',
    ],
    [
      ['-d', '{"nope": 1}'],
      'kitchen.v1.Kitchen/Echo',
      'error getting request data: message type kitchen.v1.Sink has no known field named nope',
    ],
    [['-d', '{"name":'], 'kitchen.v1.Kitchen/Echo', 'error getting request data: unexpected EOF'],
    [
      ['-d', 'xyz'],
      'kitchen.v1.Kitchen/Echo',
      "error getting request data: invalid character 'x' looking for beginning of value",
    ],
    [
      ['-d', '{"count": 1} }'],
      'kitchen.v1.Kitchen/Chat',
      "error getting request data: invalid character '}' looking for beginning of value",
    ],
  ];
  for (const [flags, method, text] of cases) {
    const outcome = await call(flags, method);
    assert.deepEqual([outcome.code, outcome.stderr], [1, `Error invoking method "${method}": ${text}\n`]);
  }
});

test('unknown fields can be allowed', async () => {
  assert.equal(await echo('{"nope": {"x": [1]}, "name": "n"}', '-allow-unknown-fields'), '{\n  "name": "n"\n}\n');
});

test('a response over the limit fails the call', async () => {
  const outcome = await call(
    ['-max-msg-sz', '30000', '-d', `{"name": "${'x'.repeat(30_001)}"}`],
    'kitchen.v1.Kitchen/Echo',
  );
  assert.equal(outcome.code, 72);
  assert.match(outcome.stderr, /^ERROR:\n {2}Code: ResourceExhausted\n {2}Message: .*30000/);
});
