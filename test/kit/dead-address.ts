import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

/**
 * An address on which nobody listens, and nobody can: its port belongs to the calling end of a connection. A port that was only free a
 * moment ago is soon somebody else's.
 */
export async function deadAddress(): Promise<{ readonly host: string; readonly port: number }> {
  const server = createServer((socket) => socket.unref()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const caller = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(caller, 'connect');
  server.unref();
  caller.unref();
  return { host: '127.0.0.1', port: caller.localPort as number };
}
