import { Server, ServerCredentials } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { Address } from '../../src/proxy/index.ts';

const text = { type: 'string', id: 1 };
const definition = fromJSON({
  nested: {
    test: {
      nested: {
        Text: { fields: { text } },
        Echo: { methods: { Unary: { requestType: 'Text', responseType: 'Text', comment: '' } } },
        Hidden: { methods: { Secret: { requestType: 'Text', responseType: 'Text', comment: '' } } },
      },
    },
  },
});

/** An application with reflection that serves `test.Echo` and `test.Hidden`. */
export async function reflectingApplication(): Promise<{ readonly address: Address; readonly close: () => void }> {
  const server = new Server();
  new ReflectionService(definition).addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: { host: '127.0.0.1', port }, close: () => server.forceShutdown() };
}
