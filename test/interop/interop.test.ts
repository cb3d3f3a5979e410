/** gRPC interoperability through gateway, mesh hop and sidecar; `node scripts/interop.ts` runs the whole matrix. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { caseNames, type CaseName } from './cases.ts';
import { buf, runToEnd } from './executables.ts';
import { runPairing, surprises } from './matrix.ts';
import { protoDir } from './schema.ts';
import type { RunningServer } from './servers/running.ts';
import { stackNames, stacks, type StackName } from './stacks.ts';
import { startWholePath, type Transport, type WholePath } from './whole-path.ts';

const settings = { soakIterations: 5, concurrentCalls: 50 };
/** One of each kind of call, both directions of metadata, each way to end. */
const representative: readonly CaseName[] = [
  'large_unary',
  'empty_stream',
  'ping_pong',
  'client_streaming',
  'custom_metadata',
  'special_status_message',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
];

let path: WholePath;
const servers = new Map<StackName, RunningServer>();

before(async () => {
  for (const name of stackNames.filter((one) => stacks[one].missing === undefined))
    servers.set(name, await stacks[name].start());
  path = await startWholePath(Object.fromEntries([...servers].map(([name, { port }]) => [name, port])));
});

after(async () => {
  await path?.close();
  for (const server of servers.values()) await server.close();
});

interface Row {
  readonly client: StackName;
  readonly server: StackName;
  readonly transport: Transport;
  readonly names: readonly CaseName[];
}

const rows: readonly Row[] = [
  { client: 'grpc-js', server: 'grpc-js', transport: 'plaintext', names: caseNames },
  // nghttp2 by hand is the pairing that sees what is on the wire, so it has all cases too.
  { client: 'nghttp2', server: 'nghttp2', transport: 'tls', names: caseNames },
  { client: 'grpc-js', server: 'c-core', transport: 'tls', names: representative },
  { client: 'c-core', server: 'grpc-go', transport: 'plaintext', names: representative },
  { client: 'grpc-go', server: 'connect', transport: 'tls', names: representative },
  { client: 'connect', server: 'nghttp2', transport: 'plaintext', names: representative },
];

for (const { client, server, transport, names } of rows) {
  const missing = [client, server].flatMap((one) => stacks[one].missing ?? []);
  describe(`${client} → ${server}, ${transport}, mesh`, { skip: missing.length > 0 && missing.join('; ') }, () => {
    for (const name of names)
      test(name, async (t) => {
        const results = await runPairing(path, { client, server, transport }, { names: [name], settings });
        const [result] = results;
        if (result?.verdict === 'not-applicable') return t.skip(result.detail);
        assert.deepEqual(surprises(results), []);
      });
  });
}

describe('buf curl (connect-go) → grpc-js, plaintext, mesh', () => {
  const call = (method: string, data: string) => {
    const url = `http://127.0.0.1:${path.target('grpc-js', 'plaintext').port}/grpc.testing.TestService/${method}`;
    const options = ['--protocol', 'grpc', '--http2-prior-knowledge', '--schema', protoDir, '-d', data];
    return runToEnd(buf, ['curl', ...options, url], { timeoutMs: 20_000 });
  };

  test('a unary call', async () => {
    const { code, stdout, stderr } = await call('UnaryCall', '{"responseSize": 6}');
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { payload: { body: 'AAAAAAAA' } });
  });

  test('a status', async () => {
    const { code, stderr } = await call('UnaryCall', '{"responseStatus": {"code": 9, "message": "not now"}}');
    assert.notEqual(code, 0);
    assert.match(stderr, /failed_precondition[^]*not now/);
  });
});
