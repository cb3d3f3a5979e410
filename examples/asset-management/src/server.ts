import { randomUUID } from 'node:crypto';
import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { toMessage } from './assets/asset.ts';
import { ChangeFeed } from './assets/change-feed.ts';
import { latestRevision, readRegisterId, RETAINED_CHANGES } from './assets/changes.ts';
import { getAsset, listAssetPage } from './assets/read.ts';
import type { Register } from './assets/register.ts';
import { createAsset, deleteAsset, updateAsset } from './assets/write.ts';
import type { OpenDatabase } from './database/open.ts';
import type * as messages from './messages.ts';
import { ASSET_SERVICE_NAME, assetService, reflectionPackage } from './proto.ts';
import { bidiStreaming, clientStreaming, serverStreaming, unary } from './rpc/handlers.ts';
import { importAssets } from './rpc/import.ts';
import { reconcileAssets } from './rpc/reconcile.ts';
import { watchAssets } from './rpc/watch.ts';

/** How late a watch may learn of what another process has written to a shared database. */
const POLL_INTERVAL_MS = 1000;
/** How long calls may go on after `stop`; below the 30 s that Kubernetes gives a pod by default. */
const STOP_LIMIT_MS = 10_000;

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Watches that are waiting for changes at the moment. */
  readonly waitingWatches: number;
  /** Ends watches, lets other calls finish for at most `limitMs`, then cuts them. The database stays open. */
  stop(options?: { limitMs?: number }): Promise<void>;
  /** Cuts everything at once. */
  kill(): void;
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly retainedChanges?: bigint;
  readonly pollIntervalMs?: number;
  readonly now?: () => Date;
}

/** Serves the asset register of an open database: the AssetService, health and reflection. */
export async function startServer(
  { database, shared }: Pick<OpenDatabase, 'database' | 'shared'>,
  {
    host,
    port,
    retainedChanges = RETAINED_CHANGES,
    pollIntervalMs = POLL_INTERVAL_MS,
    now = () => new Date(),
  }: ServerOptions,
): Promise<RunningServer> {
  const poll = { latest: () => latestRevision(database), intervalMs: pollIntervalMs };
  const register: Register = {
    database,
    feed: new ChangeFeed(shared ? { poll } : {}),
    registerId: await readRegisterId(database),
    retainedChanges,
    now,
    newAssetId: () => `a-${randomUUID()}`,
  };
  const stopping = new AbortController();
  const health = new HealthImplementation({ '': 'SERVING', [ASSET_SERVICE_NAME]: 'SERVING' });
  const server = new Server();
  server.addService(assetService, implementation(register, stopping.signal));
  health.addToServer(server);
  new ReflectionService(reflectionPackage()).addToServer(server);
  const boundPort = await bind(server, `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return {
    host,
    port: boundPort,
    get waitingWatches() {
      return register.feed.waiting;
    },
    stop: async ({ limitMs = STOP_LIMIT_MS } = {}) => {
      health.setStatus('', 'NOT_SERVING');
      health.setStatus(ASSET_SERVICE_NAME, 'NOT_SERVING');
      stopping.abort();
      await shutDown(server, limitMs);
    },
    kill: () => server.forceShutdown(),
  };
}

function implementation(register: Register, stopping: AbortSignal): UntypedServiceImplementation {
  return {
    GetAsset: unary(async (request: messages.GetAssetRequest) => toMessage(await getAsset(register, request))),
    ListAssets: unary(async (request: messages.ListAssetsRequest): Promise<messages.ListAssetsResponse> => {
      const { assets, nextPageToken } = await listAssetPage(register, request);
      return { assets: assets.map(toMessage), next_page_token: nextPageToken };
    }),
    CreateAsset: unary(async (request: messages.CreateAssetRequest) => toMessage(await createAsset(register, request))),
    UpdateAsset: unary(async (request: messages.UpdateAssetRequest) => toMessage(await updateAsset(register, request))),
    DeleteAsset: unary(async (request: messages.DeleteAssetRequest) => {
      await deleteAsset(register, request);
      return {};
    }),
    WatchAssets: serverStreaming<messages.WatchAssetsRequest, messages.WatchAssetsResponse>((call) =>
      watchAssets(call, { register, stopping }),
    ),
    ImportAssets: clientStreaming<messages.ImportAssetsRequest, messages.ImportAssetsResponse>((call) =>
      importAssets(call, register),
    ),
    ReconcileAssets: bidiStreaming<messages.InventoryScan, messages.ReconcileFinding>((call) =>
      reconcileAssets(call, register),
    ),
  };
}

async function bind(server: Server, address: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

async function shutDown(server: Server, limitMs: number): Promise<void> {
  const limit = setTimeout(() => server.forceShutdown(), limitMs);
  await new Promise<void>((resolve) => {
    // An error would say that the server was not running, which is what is wanted.
    server.tryShutdown(() => resolve());
  });
  clearTimeout(limit);
}
