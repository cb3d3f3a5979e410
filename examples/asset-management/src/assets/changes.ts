import { sql } from 'kysely';
import type { ChangeKind, Database, WriteTransaction } from '../database/schema.ts';
import type { Asset } from './asset.ts';
import { fromStored, toStored } from './rows.ts';

/** So many changes are kept at least, for watches to resume from; at a few hundred bytes each, some 50 MB. */
export const RETAINED_CHANGES = 100_000n;
/** Old changes are removed whenever the revision passes a multiple of this, so that few writes pay for it. */
const PRUNE_INTERVAL = 1000n;

/** A number of our own for PostgreSQL's advisory lock: writers of this service take it, one after the other. */
const WRITER_LOCK = 7_140_114;

export interface Change {
  readonly revision: bigint;
  readonly kind: ChangeKind;
  readonly asset: Asset;
  readonly time: Date;
}

/**
 * Runs `write` in a transaction that no other writer overlaps. Revisions are therefore committed in their order: whoever
 * has read the changes up to one revision will never see a smaller one appear.
 */
export async function inWriteTransaction<Result>(
  database: Database,
  write: (transaction: WriteTransaction) => Promise<Result>,
): Promise<Result> {
  return await database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(WRITER_LOCK)})`.execute(transaction);
    return await write(transaction);
  });
}

/** Logs what was done to assets, which carry the revisions of these changes, and forgets the oldest changes. */
export async function recordChanges(
  transaction: WriteTransaction,
  options: { kind: ChangeKind; assets: readonly Asset[]; time: Date; retained?: bigint },
): Promise<void> {
  const { kind, assets, time, retained = RETAINED_CHANGES } = options;
  const first = assets[0];
  const last = assets.at(-1);
  if (first === undefined || last === undefined) return;
  const rows = assets.map((asset) => ({
    revision: asset.revision,
    kind,
    asset: JSON.stringify(toStored(asset)),
    change_time: time,
  }));
  await transaction.insertInto('asset_changes').values(rows).execute();
  if ((first.revision - 1n) / PRUNE_INTERVAL < last.revision / PRUNE_INTERVAL) {
    await transaction
      .deleteFrom('asset_changes')
      .where('revision', '<=', last.revision - retained)
      .execute();
  }
}

/** The revision of the latest change; 0 before the first one. */
export async function latestRevision(database: Database): Promise<bigint> {
  const row = await database
    .selectFrom('asset_changes')
    .select((expression) => expression.fn.max('revision').as('latest'))
    .executeTakeFirst();
  return row?.latest ?? 0n;
}

/** The next changes after `after`, oldest first. 'expired' if some of them may no longer be kept. */
export async function readChanges(
  database: Database,
  options: { after: bigint; limit: number; retained?: bigint },
): Promise<readonly Change[] | 'expired'> {
  const { after, limit, retained = RETAINED_CHANGES } = options;
  const rows = await database
    .selectFrom('asset_changes')
    .select(['revision', 'kind', 'asset', 'change_time'])
    // In the same statement, so of the same moment as the rows.
    .select((expression) =>
      expression
        .selectFrom('asset_changes as all_changes')
        .select((inner) => inner.fn.max('all_changes.revision').as('latest'))
        .as('latest'),
    )
    .where('revision', '>', after)
    .orderBy('revision')
    .limit(limit)
    .execute();
  const latest = rows[0]?.latest ?? after;
  if (after < latest - retained) return 'expired';
  return rows.map((row) => ({
    revision: row.revision,
    kind: row.kind,
    asset: fromStored(row.asset),
    time: row.change_time,
  }));
}

/** Identifies this register among all others. */
export async function readRegisterId(database: Database): Promise<string> {
  const row = await database.selectFrom('register').select('register_id').executeTakeFirstOrThrow();
  return row.register_id;
}
