import { assetExists, assetNotFound, failedPrecondition, invalidArgument, staleEtag } from '../errors.ts';
import type { CreateAssetRequest, DeleteAssetRequest, UpdateAssetRequest } from '../messages.ts';
import type { Database, WriteTransaction } from '../database/schema.ts';
import { etagOf, toMessage, type Asset } from './asset.ts';
import { inWriteTransaction } from './changes.ts';
import { readContent, readNewAssetId } from './content.ts';
import type { Register } from './register.ts';
import { findAsset, findAssets, insertAssets, removeAsset, replaceAsset, type NewAsset } from './store.ts';
import { applyUpdateMask } from './update-mask.ts';

/** How long the request_id of a create call is remembered: longer than any client retries. */
const REQUEST_ID_RETENTION_MS = 25 * 60 * 60 * 1000;

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function createAsset(register: Register, request: CreateAssetRequest): Promise<Asset> {
  const assetId = request.asset_id === '' ? register.newAssetId() : readNewAssetId(request.asset_id);
  const newAsset = { assetId, content: readContent(request.asset) };
  const requestId = request.request_id.toLowerCase();
  if (requestId !== '' && !uuidPattern.test(requestId)) throw invalidArgument('request_id', 'is not a UUID');
  const time = register.now();
  const asset = await inWriteTransaction(register.database, async (transaction) => {
    const earlier = requestId === '' ? undefined : await findEarlierResult(transaction, { requestId, request, time });
    if (earlier !== undefined) return earlier;
    const [inserted] = await insertAssets(transaction, { assets: [newAsset], time });
    if (inserted === undefined) throw await conflictOf(transaction, newAsset);
    if (requestId !== '') {
      await transaction
        .insertInto('create_requests')
        .values({ request_id: requestId, asset_id: assetId, create_time: time })
        .execute();
    }
    return inserted;
  });
  register.feed.notify(asset.revision);
  return asset;
}

/** What an earlier create call with this request_id has made. */
async function findEarlierResult(
  transaction: WriteTransaction,
  { requestId, request, time }: { requestId: string; request: CreateAssetRequest; time: Date },
): Promise<Asset | undefined> {
  const oldest = new Date(time.getTime() - REQUEST_ID_RETENTION_MS);
  await transaction.deleteFrom('create_requests').where('create_time', '<', oldest).execute();
  const row = await transaction
    .selectFrom('create_requests')
    .select('asset_id')
    .where('request_id', '=', requestId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (request.asset_id !== '' && request.asset_id !== row.asset_id) {
    throw invalidArgument('request_id', `has been used to create the asset "${row.asset_id}"`);
  }
  const asset = await findAsset(transaction, row.asset_id);
  if (asset === undefined) throw assetNotFound(row.asset_id);
  return asset;
}

/** Which of the values that must be unique is taken, after an insert that did nothing. */
export async function conflictOf(database: Database, { assetId, content }: NewAsset): Promise<Error> {
  const sameId = await findAsset(database, assetId);
  return sameId === undefined
    ? assetExists(assetId, { field: 'serial_number', value: content.serialNumber })
    : assetExists(assetId, { field: 'asset_id', value: assetId });
}

export async function updateAsset(register: Register, request: UpdateAssetRequest): Promise<Asset> {
  const wanted = request.asset;
  if (wanted === null) throw invalidArgument('asset', 'is required');
  const assetId = requireAssetId(wanted.asset_id, 'asset.asset_id');
  const paths = request.update_mask?.paths ?? [];
  const asset = await inWriteTransaction(register.database, async (transaction) => {
    const current = await findCurrent(transaction, { assetId, etag: wanted.etag });
    const content = readContent(applyUpdateMask(toMessage(current), { wanted, paths }));
    await checkReplacement(transaction, { current, serialNumber: content.serialNumber });
    return await replaceAsset(transaction, { assetId, content, time: register.now() });
  });
  register.feed.notify(asset.revision);
  return asset;
}

/** Throws unless an asset may be changed at all, and may have this serial number. */
export async function checkReplacement(
  transaction: WriteTransaction,
  { current, serialNumber }: { current: Asset; serialNumber: string },
): Promise<void> {
  if (current.status === 'RETIRED') {
    throw failedPrecondition(current.assetId, { type: 'ASSET_RETIRED', description: 'is retired, which is final' });
  }
  if (serialNumber === '' || serialNumber === current.serialNumber) return;
  const [owner] = await findAssets(transaction, { assetIds: [], serialNumbers: [serialNumber] });
  if (owner !== undefined) throw assetExists(owner.assetId, { field: 'serial_number', value: serialNumber });
}

export async function deleteAsset(register: Register, request: DeleteAssetRequest): Promise<void> {
  const assetId = requireAssetId(request.asset_id, 'asset_id');
  const revision = await inWriteTransaction(register.database, async (transaction) => {
    const current = await findCurrent(transaction, { assetId, etag: request.etag });
    if (current.status === 'IN_USE' && !request.force) {
      throw failedPrecondition(assetId, {
        type: 'ASSET_IN_USE',
        description: 'is in use; take it back into stock first, or set force',
      });
    }
    return await removeAsset(transaction, { assetId, time: register.now() });
  });
  register.feed.notify(revision);
}

function requireAssetId(assetId: string, field: string): string {
  if (assetId === '') throw invalidArgument(field, 'is required');
  if (assetId.includes('\0')) throw assetNotFound(assetId);
  return assetId;
}

/** The asset, where the etag (unless empty) is its own. */
async function findCurrent(
  transaction: WriteTransaction,
  { assetId, etag }: { assetId: string; etag: string },
): Promise<Asset> {
  const current = await findAsset(transaction, assetId);
  if (current === undefined) throw assetNotFound(assetId);
  if (etag !== '' && etag !== etagOf(current)) throw staleEtag(assetId);
  return current;
}
