/** The cases of the gRPC interoperability test descriptions that need no cloud, for clients written in TypeScript. */
import assert from 'node:assert/strict';
import type { ClientCall, CallOptions, InteropClient, Outcome } from './clients/client.ts';
import { absentMethod, methodOfAbsentService, methods, payload, type TestMessage, type TestMethod } from './schema.ts';
import { echoInitial, echoTrailing, type Received } from './test-service.ts';

const requestBytes = 271_828;
const responseBytes = 314_159;
const streamRequestSizes = [27_182, 8, 1_828, 45_904] as const;
const streamResponseSizes = [31_415, 9, 2_653, 58_979] as const;
const specialMessage = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const cancelledCode = 1;
const unknownCode = 2;
const invalidArgument = 3;
const deadlineExceeded = 4;
const unimplemented = 12;

export interface CaseOptions {
  /** Iterations of the soak cases; the document leaves the number open. */
  readonly soakIterations: number;
  /** Calls at once; the document says 1,000. */
  readonly concurrentCalls: number;
  /** Another client of the same stack, for `channel_soak`. */
  readonly newClient: () => InteropClient;
}

type Case = (client: InteropClient, options: CaseOptions) => Promise<void>;

export const cases = {
  empty_unary: async (client) => {
    const { responses } = await run(client, methods.EmptyCall, [{}]);
    assert.equal(responses.length, 1);
  },

  large_unary: (client) => largeUnary(client),

  client_compressed_unary: async (client) => {
    const request = (expect: boolean): TestMessage => ({
      expect_compressed: { value: expect },
      response_size: responseBytes,
      payload: payload(requestBytes),
    });
    // A server that cannot see the flag must not be given this case: it would pass by not looking.
    await run(client, methods.UnaryCall, [request(true)], { code: invalidArgument });
    for (const compress of [true, false]) {
      const { responses } = await run(client, methods.UnaryCall, [request(compress)], { options: { compress } });
      assert.equal(bodyLength(responses[0]), responseBytes);
    }
  },

  server_compressed_unary: async (client) => {
    for (const compressed of [true, false]) {
      const request = {
        response_compressed: { value: compressed },
        response_size: responseBytes,
        payload: payload(requestBytes),
      };
      const { responses } = await run(client, methods.UnaryCall, [request]);
      assert.equal(bodyLength(responses[0]), responseBytes);
      assertFlag(responses[0], compressed);
    }
  },

  client_streaming: async (client) => {
    const requests = streamRequestSizes.map((size) => ({ payload: payload(size) }));
    const { responses } = await run(client, methods.StreamingInputCall, requests);
    assert.equal(responses[0]?.message.aggregated_payload_size, 74_922);
  },

  client_compressed_streaming: async (client) => {
    const first = { expect_compressed: { value: true }, payload: payload(27_182) };
    const second = { expect_compressed: { value: false }, payload: payload(45_904) };
    await run(client, methods.StreamingInputCall, [first], { code: invalidArgument });
    const call = client.call(methods.StreamingInputCall, { compress: true });
    call.send(first, { compress: true });
    call.send(second, { compress: false });
    call.end();
    const response = await call.next();
    assert.equal(response?.message.aggregated_payload_size, 73_086);
    assert.equal((await call.outcome).code, 0);
  },

  server_streaming: async (client) => {
    const request = { response_parameters: streamResponseSizes.map((size) => ({ size })) };
    const { responses } = await run(client, methods.StreamingOutputCall, [request]);
    assert.deepEqual(responses.map(bodyLength), [...streamResponseSizes]);
  },

  server_compressed_streaming: async (client) => {
    const parameters = [
      { compressed: { value: true }, size: 31_415 },
      { compressed: { value: false }, size: 92_653 },
    ];
    const { responses } = await run(client, methods.StreamingOutputCall, [{ response_parameters: parameters }]);
    assert.deepEqual(responses.map(bodyLength), [31_415, 92_653]);
    parameters.forEach(({ compressed }, index) => assertFlag(responses[index], compressed.value));
  },

  ping_pong: async (client) => {
    const call = client.call(methods.FullDuplexCall);
    for (const [index, size] of streamResponseSizes.entries()) {
      call.send({ response_parameters: [{ size }], payload: payload(streamRequestSizes[index] ?? 0) });
      assert.equal(bodyLength(await call.next()), size);
    }
    call.end();
    assert.equal(await call.next(), undefined);
    assert.equal((await call.outcome).code, 0);
  },

  empty_stream: async (client) => {
    const { responses } = await run(client, methods.FullDuplexCall, []);
    assert.equal(responses.length, 0);
  },

  custom_metadata: async (client) => {
    const trailing = Buffer.from('ababab', 'hex');
    const metadata = { [echoInitial]: ['test_initial_metadata_value'], [echoTrailing]: [trailing] };
    const request = { response_size: responseBytes, payload: payload(requestBytes) };
    const streamed = { response_parameters: [{ size: responseBytes }], payload: payload(requestBytes) };
    for (const { outcome } of [
      await run(client, methods.UnaryCall, [request], { options: { metadata } }),
      await run(client, methods.FullDuplexCall, [streamed], { options: { metadata } }),
    ]) {
      assert.deepEqual(outcome.headers[echoInitial], ['test_initial_metadata_value']);
      assert.deepEqual(outcome.trailers[echoTrailing], [trailing]);
    }
  },

  status_code_and_message: async (client) => {
    const request = { response_status: { code: unknownCode, message: 'test status message' } };
    for (const method of [methods.UnaryCall, methods.FullDuplexCall]) {
      const { outcome } = await run(client, method, [request], { code: unknownCode });
      assert.equal(outcome.message, 'test status message');
    }
  },

  special_status_message: async (client) => {
    const request = { response_status: { code: unknownCode, message: specialMessage } };
    const { outcome } = await run(client, methods.UnaryCall, [request], { code: unknownCode });
    assert.equal(outcome.message, specialMessage);
  },

  unimplemented_method: async (client) => {
    await run(client, absentMethod, [{}], { code: unimplemented });
  },

  unimplemented_service: async (client) => {
    await run(client, methodOfAbsentService, [{}], { code: unimplemented });
  },

  cancel_after_begin: async (client) => {
    const call = client.call(methods.StreamingInputCall);
    call.cancel();
    assert.equal((await call.outcome).code, cancelledCode);
  },

  cancel_after_first_response: async (client) => {
    const call = client.call(methods.FullDuplexCall);
    call.send({ response_parameters: [{ size: 31_415 }], payload: payload(27_182) });
    assert.equal(bodyLength(await call.next()), 31_415);
    call.cancel();
    assert.equal((await call.outcome).code, cancelledCode);
  },

  timeout_on_sleeping_server: async (client) => {
    const call = client.call(methods.FullDuplexCall, { timeoutMs: 1 });
    call.send({ payload: payload(27_182) });
    assert.equal((await call.outcome).code, deadlineExceeded);
  },

  concurrent_large_unary: async (client, { concurrentCalls }) => {
    await Promise.all(Array.from({ length: concurrentCalls }, () => largeUnary(client)));
  },

  rpc_soak: async (client, { soakIterations }) => {
    for (let iteration = 0; iteration < soakIterations; iteration++) await largeUnary(client);
  },

  channel_soak: async (_client, { soakIterations, newClient }) => {
    for (let iteration = 0; iteration < soakIterations; iteration++) {
      const fresh = newClient();
      try {
        await largeUnary(fresh);
      } finally {
        fresh.close();
      }
    }
  },
} as const satisfies Readonly<Record<string, Case>>;

export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as readonly CaseName[];

interface Answer {
  readonly responses: readonly Received[];
  readonly outcome: Outcome;
}

/** Sends all requests, reads all responses, and expects a status; without a failure there must be no message left out. */
async function run(
  client: InteropClient,
  method: TestMethod,
  requests: readonly TestMessage[],
  { code = 0, options = {} }: { readonly code?: number; readonly options?: CallOptions } = {},
): Promise<Answer> {
  const call = client.call(method, options);
  for (const request of requests) call.send(request);
  call.end();
  const responses = await all(call);
  const outcome = await call.outcome;
  assert.equal(outcome.code, code, outcome.message);
  return { responses, outcome };
}

async function all(call: ClientCall): Promise<Received[]> {
  const received: Received[] = [];
  for (let next = await call.next(); next !== undefined; next = await call.next()) received.push(next);
  return received;
}

async function largeUnary(client: InteropClient): Promise<void> {
  const request = { response_size: responseBytes, payload: payload(requestBytes) };
  const { responses } = await run(client, methods.UnaryCall, [request]);
  assert.equal(bodyLength(responses[0]), responseBytes);
}

function bodyLength(received: Received | undefined): number | undefined {
  return received?.message.payload?.body.length;
}

function assertFlag(received: Received | undefined, expected: boolean): void {
  if (received?.compressed !== undefined) assert.equal(received.compressed, expected, 'the compressed flag');
}
