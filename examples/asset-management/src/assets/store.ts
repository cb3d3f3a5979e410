import { sql } from 'kysely';
import type { Database, WriteTransaction } from '../database/schema.ts';
import type { Asset, AssetContent } from './asset.ts';
import { recordChanges } from './changes.ts';
import type { Filter } from './filter.ts';
import { filterCondition } from './filter-sql.ts';
import { afterPosition, orderByClause, type ListOrder } from './order.ts';
import { contentColumns, fromRow } from './rows.ts';

/** An asset that is to be added. */
export interface NewAsset {
  readonly assetId: string;
  readonly content: AssetContent;
}

export async function findAsset(database: Database, assetId: string): Promise<Asset | undefined> {
  const row = await database.selectFrom('assets').selectAll().where('asset_id', '=', assetId).executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

export async function findFirstAsset(database: Database): Promise<Asset | undefined> {
  const row = await database.selectFrom('assets').selectAll().orderBy('asset_id').limit(1).executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

/** The assets that have one of these asset_ids, or one of these serial numbers (which must not be empty). */
export async function findAssets(
  database: Database,
  { assetIds, serialNumbers }: { assetIds: readonly string[]; serialNumbers: readonly string[] },
): Promise<Asset[]> {
  if (assetIds.length === 0 && serialNumbers.length === 0) return [];
  const rows = await database
    .selectFrom('assets')
    .selectAll()
    .where((expression) =>
      expression.or([
        ...(assetIds.length === 0 ? [] : [expression('asset_id', 'in', assetIds)]),
        ...(serialNumbers.length === 0
          ? []
          : // The second condition lets the database use the partial index.
            [
              expression.and([expression('serial_number', 'in', serialNumbers), expression('serial_number', '<>', '')]),
            ]),
      ]),
    )
    .execute();
  return rows.map(fromRow);
}

/** At most `limit` assets which the filter lets through, in order, after a position (see order.ts). */
export async function listAssets(
  database: Database,
  options: { filter: Filter | undefined; order: ListOrder; after: readonly string[] | undefined; limit: number },
): Promise<Asset[]> {
  const { filter, order, after, limit } = options;
  let query = database.selectFrom('assets').selectAll();
  if (filter !== undefined) query = query.where(filterCondition(filter));
  if (after !== undefined) query = query.where(afterPosition(order, after));
  const rows = await query
    .orderBy(sql`${orderByClause(order)}`)
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

/** At most `limit` assets as they were at a revision, in order of asset_id; those changed since are left out. */
export async function listUnchangedSince(
  database: Database,
  { revision, after, limit }: { revision: bigint; after: string; limit: number },
): Promise<Asset[]> {
  const rows = await database
    .selectFrom('assets')
    .selectAll()
    .where('asset_id', '>', after)
    .where('revision', '<=', revision)
    .orderBy('asset_id')
    .limit(limit)
    .execute();
  return rows.map(fromRow);
}

/** Adds those assets whose asset_id and serial number are free, and returns them. */
export async function insertAssets(
  transaction: WriteTransaction,
  { assets, time }: { assets: readonly NewAsset[]; time: Date },
): Promise<Asset[]> {
  const values = assets.map(({ assetId, content }) => ({
    asset_id: assetId,
    ...contentColumns(content),
    create_time: time,
    update_time: time,
  }));
  const rows = await transaction
    .insertInto('assets')
    .values(values)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .execute();
  const inserted = rows.map(fromRow).sort(byRevision);
  await recordChanges(transaction, { kind: 'CREATED', assets: inserted, time });
  return inserted;
}

/** Gives an existing asset a new content. The serial number must be free. */
export async function replaceAsset(
  transaction: WriteTransaction,
  { assetId, content, time }: { assetId: string; content: AssetContent; time: Date },
): Promise<Asset> {
  const row = await transaction
    .updateTable('assets')
    .set({ ...contentColumns(content), update_time: time, revision: sql<bigint>`nextval('asset_revision')` })
    .where('asset_id', '=', assetId)
    .returningAll()
    .executeTakeFirstOrThrow();
  const asset = fromRow(row);
  await recordChanges(transaction, { kind: 'UPDATED', assets: [asset], time });
  return asset;
}

/** Removes an existing asset; returns the revision of the removal. */
export async function removeAsset(
  transaction: WriteTransaction,
  { assetId, time }: { assetId: string; time: Date },
): Promise<bigint> {
  const row = await transaction
    .deleteFrom('assets')
    .where('asset_id', '=', assetId)
    .returningAll()
    .returning(sql<bigint>`nextval('asset_revision')`.as('removal_revision'))
    .executeTakeFirstOrThrow();
  const removed = { ...fromRow(row), revision: row.removal_revision };
  await recordChanges(transaction, { kind: 'DELETED', assets: [removed], time });
  return removed.revision;
}

function byRevision(a: Asset, b: Asset): number {
  return a.revision < b.revision ? -1 : 1;
}
