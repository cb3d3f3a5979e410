/** A gateway and a sidecar, mutual TLS between them, a raw server behind and clients in front; all in this process. */
import type { TestContext } from 'node:test';
import { echoClient, type EchoClient } from '../kit/proxy-client.ts';
import { startMesh, type MeshSpec, type TestMesh } from '../kit/proxy-mesh.ts';
import { publicHost } from '../kit/proxy-plan.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  rawClient,
  startRawServer,
  type Pair,
  type RawConnection,
  type RawRequest,
  type RawServer,
  type RawServerOptions,
} from './raw-peer.ts';

export interface RawMesh {
  readonly mesh: TestMesh;
  readonly server: RawServer;
  /** A grpc-js client. */
  readonly client: EchoClient;
  /** A new connection of raw frames to the gateway. */
  readonly raw: (options?: Parameters<typeof rawClient>[1]) => RawConnection;
}

/** Everything ends with the test. */
export async function rawMesh(
  t: TestContext,
  server: RawServerOptions,
  spec: Partial<MeshSpec> = {},
): Promise<RawMesh> {
  const backend = await startRawServer(server);
  const mesh = await startMesh({ application: backend.address, pathPrefix: '/', ...spec });
  const client = echoClient(mesh.gatewayAddress);
  const raws: RawConnection[] = [];
  t.after(async () => {
    client.close();
    for (const raw of raws) raw.destroy();
    await mesh.close();
    await backend.close();
  });
  return {
    mesh,
    server: backend,
    client,
    raw: (options) => {
      const connection = rawClient(mesh.gatewayAddress, options);
      raws.push(connection);
      return connection;
    },
  };
}

export const requestHead: readonly Pair[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/test.Echo/Unary'],
  [':authority', publicHost],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];

/** `requestHead` with some fields replaced or added; undefined leaves one out. */
export function headWith(changes: Readonly<Record<string, string | undefined>>): Pair[] {
  const kept = requestHead.filter(([name]) => !(name in changes));
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as Pair],
  );
  const all = [...kept, ...added];
  return [...all.filter(([name]) => name.startsWith(':')), ...all.filter(([name]) => !name.startsWith(':'))];
}

export const responseHead: readonly Pair[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];

export const okTrailers: readonly Pair[] = [['grpc-status', '0']];

/** Frames of a whole good response. */
export function wholeResponse(id: number, body: Buffer): Buffer {
  return Buffer.concat([
    build.headers(id, responseHead),
    ...chunksOf(body).map((part) => build.data(id, part)),
    build.headers(id, okTrailers, END_HEADERS | END_STREAM),
  ]);
}

/** Answers with a whole good response. */
export function answer(body: Buffer): (request: RawRequest) => void {
  return ({ connection, id }) => connection.send(wholeResponse(id, body));
}

export function fieldOf(fields: readonly Pair[] | undefined, name: string): string | undefined {
  return fields?.find(([one]) => one === name)?.[1];
}

/** No frame may be longer than the default of SETTINGS_MAX_FRAME_SIZE. */
export function chunksOf(bytes: Buffer, size = 16_384): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
