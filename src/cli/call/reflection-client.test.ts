import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { GrpcStatus } from '../../grpc/index.ts';
import { ServerReflectionResponseSchema } from '../../protobuf/index.ts';
import type { GrpcCall } from './grpc-call.ts';
import { createReflectionClient } from './reflection-client.ts';

/** A server that answers one question, and ends its half of the stream when the client has ended its own, or never. */
function pretendCall({ endsInOrder }: { readonly endsInOrder: boolean }): { call: GrpcCall; seen: string[] } {
  const seen: string[] = [];
  const ended = Promise.withResolvers<void>();
  const answer = create(ServerReflectionResponseSchema, {
    messageResponse: { case: 'listServicesResponse', value: { service: [] } },
  });
  const call: GrpcCall = {
    send: async () => undefined,
    closeSend() {
      seen.push('end');
      if (endsInOrder) ended.resolve();
    },
    cancel() {
      seen.push('cancel');
      ended.resolve();
    },
    headers: Promise.resolve(new Map()),
    async *messages() {
      yield toBinary(ServerReflectionResponseSchema, answer);
      await ended.promise;
    },
    result: Promise.resolve({ code: GrpcStatus.OK, message: '', detailsBytes: undefined, trailers: new Map() }),
  };
  return { call, seen };
}

for (const { endsInOrder, expected } of [
  { endsInOrder: true, expected: ['end'] },
  { endsInOrder: false, expected: ['end', 'cancel'] },
]) {
  test(`a server that ${endsInOrder ? 'ends its half is not cancelled' : 'does not end its half is cancelled'}`, async () => {
    const { call, seen } = pretendCall({ endsInOrder });
    const client = createReflectionClient(() => call);
    await client.ask({ case: 'listServices', value: '' });
    await client.close();
    assert.deepEqual(seen, expected);
  });
}

test('nothing was asked: nothing to close', async () => {
  await createReflectionClient(() => assert.fail('no call is needed')).close();
});
