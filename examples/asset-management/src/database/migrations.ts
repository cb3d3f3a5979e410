import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import type { Database } from './schema.ts';

/** All migrations, oldest first. A migration that has been released is never edited; a new one is appended. */
const migrations: Readonly<Record<string, Migration>> = {
  '2026-11-01-assets': { up: createAssets },
  '2026-11-08-changes': { up: createChanges },
  '2026-11-15-create-requests': { up: createCreateRequests },
};

/** Brings the database to the newest schema. Safe to run by several processes at once: kysely takes a lock. */
export async function migrate(database: Database): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error('the database could not be migrated', { cause: error });
}

// Text is compared by code point (collation "C"), so that order and paging are the same on every database.
async function createAssets(database: Kysely<unknown>): Promise<void> {
  await sql`create sequence asset_revision`.execute(database);
  await sql`
    create table assets (
      asset_id text collate "C" primary key,
      display_name text collate "C" not null,
      category text collate "C" not null,
      status text collate "C" not null,
      serial_number text collate "C" not null,
      location text collate "C" not null,
      assignee text collate "C" not null,
      price_currency text collate "C",
      price_units bigint check (price_units >= 0),
      price_nanos integer check (price_nanos between 0 and 999999999),
      purchase_time timestamptz,
      labels jsonb not null,
      create_time timestamptz not null,
      update_time timestamptz not null,
      revision bigint not null default nextval('asset_revision'),
      check ((price_currency is null) = (price_units is null) and (price_units is null) = (price_nanos is null))
    )`.execute(database);
  await sql`create unique index assets_serial_number on assets (serial_number) where serial_number <> ''`.execute(
    database,
  );
}

async function createChanges(database: Kysely<unknown>): Promise<void> {
  await sql`
    create table asset_changes (
      revision bigint primary key,
      kind text not null,
      asset jsonb not null,
      change_time timestamptz not null
    )`.execute(database);
  await sql`create table register (register_id text not null default gen_random_uuid())`.execute(database);
  await sql`insert into register default values`.execute(database);
}

async function createCreateRequests(database: Kysely<unknown>): Promise<void> {
  await sql`
    create table create_requests (
      request_id text primary key,
      asset_id text not null,
      create_time timestamptz not null
    )`.execute(database);
  await sql`create index create_requests_time on create_requests (create_time)`.execute(database);
}
