/** The application behind the proxies: a gRPC service without a schema, bytes in, bytes out. */
import { Metadata, Server, ServerCredentials, status, type ServiceDefinition } from '@grpc/grpc-js';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js';
import type { Address } from '../../src/proxy/index.ts';

const bytes = (value: Buffer): Buffer => value;

function method(path: string, requestStream: boolean, responseStream: boolean): ServiceDefinition[string] {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}

export const echoService: ServiceDefinition = {
  Unary: method('/test.Echo/Unary', false, false),
  ServerStream: method('/test.Echo/ServerStream', false, true),
  ClientStream: method('/test.Echo/ClientStream', true, false),
  Bidi: method('/test.Echo/Bidi', true, true),
  Fail: method('/test.Echo/Fail', false, false),
  Hang: method('/test.Echo/Hang', false, false),
};

export interface EchoBackend {
  readonly address: Address;
  /** Requests of each method begun. */
  readonly calls: Map<string, number>;
  /** Metadata of each request, newest last. */
  readonly metadata: Metadata[];
  readonly cancelled: string[];
  /** `host:port` of each peer seen. */
  readonly peers: Set<string>;
  /** Resolves at the next cancelled call. */
  nextCancel(): Promise<string>;
  /** Resolves at the next request of `Hang`. */
  nextHang(): Promise<void>;
  close(): void;
}

/**
 * - `Unary` echoes; with metadata `x-reply-bytes: N` it answers N bytes and echoes `x-echo-*` in header and trailer.
 * - `ServerStream`: request `<count> <size>` gets that many messages; `ClientStream` answers how many it got;
 *   `Bidi` echoes each message; `Fail` ends with the status given; `Hang` never answers.
 */
export async function startEchoBackend(security = ServerCredentials.createInsecure()): Promise<EchoBackend> {
  const server = new Server();
  const calls = new Map<string, number>();
  const metadata: Metadata[] = [];
  const cancelled: string[] = [];
  const peers = new Set<string>();
  const cancelWaiters: ((name: string) => void)[] = [];
  const hangWaiters: (() => void)[] = [];
  const begin = (
    name: string,
    call: { metadata: Metadata; getPeer(): string; on(event: 'cancelled', listener: () => void): unknown },
  ): void => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    metadata.push(call.metadata);
    peers.add(call.getPeer());
    call.on('cancelled', () => {
      cancelled.push(name);
      for (const waiter of cancelWaiters.splice(0)) waiter(name);
    });
  };
  const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    begin('Unary', call);
    const [size] = call.metadata.get('x-reply-bytes');
    const trailer = new Metadata();
    for (const [name, value] of Object.entries(call.metadata.getMap())) {
      if (name.startsWith('x-echo-')) trailer.set(name, value);
    }
    done(null, size === undefined ? call.request : Buffer.alloc(Number(size), 0x61), trailer);
  };
  const serverStream: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    begin('ServerStream', call);
    const [count = 0, size = 0] = call.request.toString().split(' ').map(Number);
    let sent = 0;
    const push = (): void => {
      while (sent < count) {
        const message = Buffer.alloc(size, sent % 251);
        sent++;
        if (!call.write(message)) {
          call.once('drain', push);
          return;
        }
      }
      call.end();
    };
    push();
  };
  const clientStream: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
    begin('ClientStream', call);
    let count = 0;
    call.on('data', () => count++);
    call.on('end', () => done(null, Buffer.from(String(count))));
  };
  const bidi: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    begin('Bidi', call);
    call.on('data', (message: Buffer) => {
      if (!call.write(message)) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => call.end());
  };
  server.addService(echoService, {
    Unary: unary,
    ServerStream: serverStream,
    ClientStream: clientStream,
    Bidi: bidi,
    Fail: ((call, done) => {
      begin('Fail', call);
      done({ code: status.FAILED_PRECONDITION, details: 'not now: 100 % ü' });
    }) satisfies handleUnaryCall<Buffer, Buffer>,
    Hang: ((call) => {
      begin('Hang', call);
      for (const waiter of hangWaiters.splice(0)) waiter();
    }) satisfies handleUnaryCall<Buffer, Buffer>,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', security, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    address: { host: '127.0.0.1', port },
    calls,
    metadata,
    cancelled,
    peers,
    nextCancel: () => new Promise((resolve) => cancelWaiters.push(resolve)),
    nextHang: () => new Promise((resolve) => hangWaiters.push(resolve)),
    close: () => server.forceShutdown(),
  };
}
