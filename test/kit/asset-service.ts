/**
 * The example's AssetService without its database: an in-memory server and a client on grpc-js, for tests of what stands
 * between them. Messages are those of examples/asset-management/proto/asset.proto.
 */
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { addHealthService, type HealthService } from './health-service.ts';

const protoDir = join(dirname(dirname(import.meta.dirname)), 'examples', 'asset-management', 'proto');
const packageDefinition = loadSync('asset.proto', {
  includeDirs: [protoDir],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

const assetService = packageDefinition['asset.AssetService'] as grpc.ServiceDefinition;

/** Any message: the tests look at the few fields they need. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Message = any;

export interface AssetBackend {
  readonly address: string;
  readonly port: number;
  /** Metadata of the calls so far, newest last. */
  readonly calls: grpc.Metadata[];
  /** Calls whose client went away. */
  readonly cancelled: number;
  /** Distinct connections that calls came in on. */
  readonly peers: ReadonlySet<string>;
  /** SERVING to begin with, as a whole and by its name. */
  readonly health: HealthService;
  close(): void;
}

export interface AssetBackendOptions {
  readonly port?: number;
  /** Called for each unary call; answers by itself when it returns true. */
  readonly onGet?: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>) => boolean;
}

/** Starts an AssetService on loopback. WatchAssets sends as many events as `resume_token` says, then ends. */
export async function startAssetBackend({ port = 0, onGet }: AssetBackendOptions = {}): Promise<AssetBackend> {
  const calls: grpc.Metadata[] = [];
  const peers = new Set<string>();
  let cancelled = 0;
  const seen = (call: { metadata: grpc.Metadata; getPeer(): string }) => {
    calls.push(call.metadata);
    peers.add(call.getPeer());
  };
  const implementation: grpc.UntypedServiceImplementation = {
    GetAsset: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>) => {
      seen(call);
      if (onGet?.(call, done) === true) return;
      done(null, { asset_id: call.request.asset_id || 'first', display_name: 'A thing' });
    },
    ListAssets: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>) => {
      seen(call);
      done(null, { assets: [{ asset_id: 'a' }, { asset_id: 'b' }] });
    },
    WatchAssets: async (call: grpc.ServerWritableStream<Message, Message>) => {
      seen(call);
      call.on('cancelled', () => (cancelled += 1));
      const count = Number(call.request.resume_token || 0);
      for (let index = 0; index < count && !call.cancelled; index += 1)
        if (!call.write({ type: 'UPDATED', asset: { asset_id: `asset-${index}`, display_name: 'x'.repeat(100) } }))
          await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
      call.end();
    },
    ImportAssets: (call: grpc.ServerReadableStream<Message, Message>, done: grpc.sendUnaryData<Message>) => {
      seen(call);
      let received = 0;
      call.on('cancelled', () => (cancelled += 1));
      call.on('data', () => (received += 1));
      call.on('end', () => done(null, { received_count: received }));
    },
    ReconcileAssets: (call: grpc.ServerDuplexStream<Message, Message>) => {
      seen(call);
      let index = 0;
      call.on('cancelled', () => (cancelled += 1));
      call.on('data', (scan: Message) => {
        if (!call.write({ scan_index: index++, verdict: 'MATCH', asset_id: scan.asset_id })) {
          call.pause();
          call.once('drain', () => call.resume());
        }
      });
      call.on('end', () => call.end());
    },
    CreateAsset: unimplemented,
    UpdateAsset: unimplemented,
    DeleteAsset: unimplemented,
  };
  const server = new grpc.Server();
  server.addService(assetService, implementation);
  new ReflectionService(packageDefinition).addToServer(server);
  const health = addHealthService(
    server,
    new Map([
      ['', 'SERVING'],
      ['asset.AssetService', 'SERVING'],
    ]),
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, number) =>
      error === null ? resolve(number) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${bound}`,
    port: bound,
    calls,
    peers,
    health,
    get cancelled() {
      return cancelled;
    },
    close: () => server.forceShutdown(),
  };
}

function unimplemented(_call: unknown, done: grpc.sendUnaryData<Message>): void {
  done({ code: grpc.status.UNIMPLEMENTED, details: 'not in this backend' });
}

export interface AssetClient {
  /** A unary call; rejects with grpc-js's ServiceError. */
  unary(method: string, request: Message, options?: grpc.CallOptions & { metadata?: grpc.Metadata }): Promise<Message>;
  /** A unary call with an empty message to any path. */
  raw(path: string): Promise<unknown>;
  watch(request: Message, options?: grpc.CallOptions): grpc.ClientReadableStream<Message>;
  import(done: (error: grpc.ServiceError | null, response?: Message) => void): grpc.ClientWritableStream<Message>;
  reconcile(options?: grpc.CallOptions): grpc.ClientDuplexStream<Message, Message>;
  close(): void;
}

export interface AssetClientOptions {
  readonly authority?: string;
  readonly credentials?: grpc.ChannelCredentials;
  readonly channel?: grpc.ChannelOptions;
}

/** A client with a channel of its own. */
export function assetClient(
  address: string,
  { authority, credentials, channel }: AssetClientOptions = {},
): AssetClient {
  const Client = grpc.makeGenericClientConstructor(assetService, 'AssetService');
  const client = new Client(address, credentials ?? grpc.credentials.createInsecure(), {
    ...(authority === undefined ? {} : { 'grpc.default_authority': authority }),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    ...(credentials === undefined ? {} : { 'grpc.ssl_target_name_override': 'workload' }),
    ...channel,
  }) as Message;
  return {
    unary: (method, request, { metadata = new grpc.Metadata(), ...options } = {}) =>
      new Promise((resolve, reject) => {
        client[method](request, metadata, options, (error: grpc.ServiceError | null, response: Message) =>
          error === null ? resolve(response) : reject(error),
        );
      }),
    raw: (path) =>
      new Promise((resolve, reject) => {
        const same = (bytes: Buffer) => bytes;
        client.makeUnaryRequest(
          path,
          same,
          same,
          Buffer.alloc(0),
          (error: grpc.ServiceError | null, response: unknown) => (error === null ? resolve(response) : reject(error)),
        );
      }),
    watch: (request, options = {}) => client.WatchAssets(request, options),
    import: (done) => client.ImportAssets(done),
    reconcile: (options = {}) => client.ReconcileAssets(options),
    close: () => client.close(),
  };
}

/** The gRPC error of a promise that must reject. */
export async function refused(call: Promise<unknown>): Promise<grpc.ServiceError> {
  try {
    await call;
  } catch (error) {
    return error as grpc.ServiceError;
  }
  throw new Error('the call succeeded');
}
