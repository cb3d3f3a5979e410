/**
 * Runs a table of requests through gateway, mesh hop and sidecar, and tells for each what arrived at the application: the
 * bytes, not what a library makes of them. Each request carries its number in `x-row`, so that none is taken for another.
 */
import type { TestContext } from 'node:test';
import { headWith, okTrailers, rawMesh, responseHead } from '../interop/raw-mesh.ts';
import {
  build,
  END_HEADERS,
  END_STREAM,
  Frame,
  hasEnd,
  message,
  type Pair,
  type RawConnection,
  type RawRequest,
  type SeenFrame,
} from '../interop/raw-peer.ts';
import type { MeshSpec } from '../kit/proxy-mesh.ts';

export const body = message(4);

export interface Row {
  readonly name: string;
  readonly head: readonly Pair[];
  /** Frames behind the head; default: one message and the end. `undefined`: the head has END_STREAM. */
  readonly rest?: ((id: number) => readonly Uint8Array[]) | undefined;
}

export interface Outcome {
  readonly row: Row;
  /** RST_STREAM's code, if the client got one. */
  readonly resetCode: number | undefined;
  /** Of the answer, if the client got one. */
  readonly answer: readonly Pair[];
  /** The request head at the application, without what the proxies add; undefined: it never came. */
  readonly arrived: readonly Pair[] | undefined;
  readonly arrivedAll: readonly Pair[];
  /** The application was told that the request is complete. */
  readonly arrivedWhole: boolean;
  readonly arrivedBytes: number;
  readonly arrivedTrailers: readonly Pair[];
}

/** Many rows of one table are refused for malformed messages, which an abuser's budget pays for; so one connection does not run all. */
const ROWS_PER_CONNECTION = 80;

/** What this proxy adds on the way; tests of their own look at them. */
const added: ReadonlySet<string> = new Set([
  'x-row',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
]);

export function rowOf(name: string, changes: Readonly<Record<string, string | undefined>>, rest?: Row['rest']): Row {
  return { name, head: headWith(changes), ...(rest === undefined ? {} : { rest }) };
}

export async function runRows(
  t: TestContext,
  rows: readonly Row[],
  spec: Partial<MeshSpec> = {},
): Promise<readonly Outcome[]> {
  const relay = await rawMesh(
    t,
    {
      onEnd: ({ connection, id }) =>
        connection.send(build.headers(id, responseHead), build.headers(id, okTrailers, END_HEADERS | END_STREAM)),
    },
    spec,
  );
  const outcomes: Outcome[] = [];
  for (let from = 0; from < rows.length; from += ROWS_PER_CONNECTION) {
    const client = relay.raw();
    const batch = rows.slice(from, from + ROWS_PER_CONNECTION);
    for (const [index, row] of batch.entries()) {
      sendRow(client, 1 + 2 * index, { row, number: from + index });
      await client.ended(1 + 2 * index);
    }
    await client.settled();
    for (const [index, row] of batch.entries()) {
      const request = relay.server.requests.find((one) => one.header('x-row') === String(from + index));
      if (request !== undefined) await whenOver(request);
      outcomes.push(outcomeOf(row, client.of(1 + 2 * index), request));
    }
    client.destroy();
  }
  return outcomes;
}

function sendRow(
  client: RawConnection,
  id: number,
  { row, number }: { readonly row: Row; readonly number: number },
): void {
  const pseudo = row.head.filter(([name]) => name.startsWith(':'));
  // Rows about the order of fields come as they are; the mark stands behind everything.
  const head = [...row.head, ['x-row', String(number)] as const];
  const hasNoRest = 'rest' in row && row.rest === undefined;
  const flags = hasNoRest ? END_HEADERS | END_STREAM : END_HEADERS;
  client.send(build.headers(id, pseudo.length === 0 ? row.head : head, flags));
  if (!hasNoRest) client.send(...(row.rest ?? ((one) => [build.data(one, body, END_STREAM)]))(id));
}

/** The application has been given all that it will ever be given of this request. */
async function whenOver({ connection, id }: RawRequest): Promise<void> {
  await connection.seen((seen) => seen.id === id && (seen.type === Frame.RST_STREAM || hasEnd(seen)));
}

function outcomeOf(row: Row, frames: readonly SeenFrame[], request: RawRequest | undefined): Outcome {
  const reset = frames.find(({ type }) => type === Frame.RST_STREAM);
  const answer = frames.find(({ type }) => type === Frame.HEADERS)?.fields ?? [];
  const arrivedFrames = request === undefined ? [] : request.connection.of(request.id);
  const heads = arrivedFrames.filter(({ type }) => type === Frame.HEADERS);
  return {
    row,
    resetCode: reset?.payload.readUInt32BE(),
    answer,
    arrived: request?.fields.filter(([name]) => !added.has(name)),
    arrivedAll: request?.fields ?? [],
    arrivedWhole: arrivedFrames.some((seen) => seen.type <= Frame.HEADERS && hasEnd(seen)),
    arrivedBytes: arrivedFrames
      .filter(({ type }) => type === Frame.DATA)
      .reduce((sum, { payload }) => sum + payload.length, 0),
    arrivedTrailers: heads[1]?.fields ?? [],
  };
}

/** Fields in an order that does not matter. */
export function sorted(fields: readonly Pair[]): Pair[] {
  return [...fields].sort((a, b) => (a.join('\0') < b.join('\0') ? -1 : 1));
}
