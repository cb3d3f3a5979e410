import { after, before } from 'node:test';
import { sql } from 'kysely';
import { inWriteTransaction } from '../../src/assets/changes.ts';
import type { OpenDatabase } from '../../src/database/open.ts';
import { seed } from '../../src/database/seed.ts';
import { startServer, type RunningServer, type ServerOptions } from '../../src/server.ts';
import { connectClient, type AssetClient } from './client.ts';

/** A running service with an empty register. */
export interface Service extends AsyncDisposable {
  readonly client: AssetClient;
  readonly server: RunningServer;
  readonly opened: OpenDatabase;
}

export interface Fixture {
  start(options?: { seeded?: boolean; retainedChanges?: bigint }): Promise<Service>;
}

/** A clock that moves on by a second whenever it is read. */
function steppingClock(): () => Date {
  let time = Date.UTC(2026, 0, 1);
  return () => new Date((time += 1000));
}

/** Opens the database once for all tests of a suite; every test then gets a server of its own on an emptied register. */
export function useDatabase(open: () => Promise<OpenDatabase>): Fixture {
  let opened: OpenDatabase | undefined;
  before(async () => {
    opened = await open();
  });
  after(async () => {
    await opened?.close();
  });
  return {
    start: async ({ seeded = false, ...options } = {}) => {
      if (opened === undefined) throw new Error('the database is not open');
      return await startService(opened, { seeded, options: { host: '127.0.0.1', port: 0, ...options } });
    },
  };
}

async function startService(
  opened: OpenDatabase,
  { seeded, options }: { seeded: boolean; options: ServerOptions },
): Promise<Service> {
  const { database } = opened;
  await inWriteTransaction(database, async (transaction) => {
    await sql`truncate assets, asset_changes, create_requests`.execute(transaction);
    await sql`alter sequence asset_revision restart`.execute(transaction);
  });
  const now = steppingClock();
  if (seeded) await seed(database, now());
  const server = await startServer(opened, { now, ...options });
  const client = connectClient(server.port);
  return {
    client,
    server,
    opened,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await server.stop({ limitMs: 0 });
    },
  };
}
