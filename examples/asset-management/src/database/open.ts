import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import type { Database, Tables } from './schema.ts';
import { migrate } from './migrations.ts';

/** The type of int8 in PostgreSQL's catalogue (pg_type.oid). */
const INT8_OID = 20;

/** Enough for the short queries of a busy server; a stream holds a connection only while it asks for its next batch. */
const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;

export interface OpenDatabase {
  readonly database: Database;
  /** Whether other processes may write to it too. */
  readonly shared: boolean;
  close(): Promise<void>;
}

/**
 * Opens PostgreSQL at `databaseUrl`, or else the embedded PostgreSQL (PGlite) in `dataDir`, or in memory; then migrates
 * it. Both read int8 as bigint. The driver that is not needed is not loaded.
 */
export async function openDatabase(options: {
  databaseUrl: string | undefined;
  dataDir: string | undefined;
}): Promise<OpenDatabase> {
  const { databaseUrl } = options;
  const database = databaseUrl === undefined ? await openEmbedded(options.dataDir) : await openPostgres(databaseUrl);
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return { database, shared: databaseUrl !== undefined, close: () => database.destroy() };
}

async function openEmbedded(dataDir: string | undefined): Promise<Database> {
  const { PGlite } = await import('@electric-sql/pglite');
  const parsers = { [INT8_OID]: (text: string) => BigInt(text) };
  const pglite = new PGlite({ ...(dataDir === undefined ? {} : { dataDir }), parsers });
  await pglite.waitReady;
  return new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
}

async function openPostgres(databaseUrl: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const types = new pg.TypeOverrides();
  types.setTypeParser(INT8_OID, (text: string) => BigInt(text));
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  });
  // An idle connection that breaks (a restarted database) is replaced by the pool; without a listener it would throw.
  pool.on('error', (error) => console.error(`asset-management: lost a database connection: ${error.message}`));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}
