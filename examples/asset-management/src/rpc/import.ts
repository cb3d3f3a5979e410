import type { ServerReadableStream } from '@grpc/grpc-js';
import { inWriteTransaction } from '../assets/changes.ts';
import { readContent, readNewAssetId } from '../assets/content.ts';
import type { Register } from '../assets/register.ts';
import { findAsset, insertAssets, replaceAsset, type NewAsset } from '../assets/store.ts';
import { checkReplacement, conflictOf } from '../assets/write.ts';
import type { WriteTransaction } from '../database/schema.ts';
import { clip, ServiceError } from '../errors.ts';
import type { ImportAssetsRequest, ImportAssetsResponse, ImportFailure } from '../messages.ts';
import { batchesOf, signalOf } from './streams.ts';

/** So many items are in memory for one import at a time, and written in one transaction. */
const BATCH_SIZE = 200;
/** The answer comes at the end anyway, so there is time to gather a batch. */
const LINGER_MS = 20;
/** Bounds the answer; who has more failures than this has made one mistake many times. */
const MAX_FAILURES = 1000;

interface Item extends NewAsset {
  readonly index: number;
  readonly overwrite: boolean;
}

interface Tally {
  received: number;
  created: number;
  overwritten: number;
  failed: number;
  readonly failures: ImportFailure[];
}

type Outcome = { readonly item: Item; readonly result: 'created' | 'overwritten' | ServiceError };

export async function importAssets(
  call: ServerReadableStream<ImportAssetsRequest, ImportAssetsResponse>,
  register: Register,
): Promise<ImportAssetsResponse> {
  const tally: Tally = { received: 0, created: 0, overwritten: 0, failed: 0, failures: [] };
  const batches = batchesOf<ImportAssetsRequest>(call, {
    maxSize: BATCH_SIZE,
    lingerMs: LINGER_MS,
    signal: signalOf(call),
  });
  for await (const batch of batches) await importBatch(batch, { register, tally });
  return {
    received_count: String(tally.received),
    created_count: String(tally.created),
    overwritten_count: String(tally.overwritten),
    failed_count: String(tally.failed),
    failures: tally.failures.sort((a, b) => Number(a.index) - Number(b.index)),
  };
}

async function importBatch(
  batch: readonly ImportAssetsRequest[],
  { register, tally }: { register: Register; tally: Tally },
): Promise<void> {
  const items: Item[] = [];
  for (const request of batch) {
    const index = tally.received++;
    try {
      const assetId = request.asset_id === '' ? register.newAssetId() : readNewAssetId(request.asset_id);
      items.push({ index, assetId, content: readContent(request.asset), overwrite: request.overwrite });
    } catch (error) {
      countFailure(tally, { index, assetId: request.asset_id, error: asServiceError(error) });
    }
  }
  const time = register.now();
  for (const group of withoutRepetitions(items)) {
    const { outcomes, revision } = await inWriteTransaction(register.database, (transaction) =>
      writeGroup(transaction, { group, time }),
    );
    register.feed.notify(revision);
    for (const { item, result } of outcomes) {
      if (result instanceof ServiceError)
        countFailure(tally, { index: item.index, assetId: item.assetId, error: result });
      else tally[result] += 1;
    }
  }
}

/** Cuts the items into groups in which no asset_id and no serial number is there twice, so that order decides conflicts. */
function withoutRepetitions(items: readonly Item[]): Item[][] {
  const groups: Item[][] = [];
  let group: Item[] = [];
  let taken = new Set<string>();
  for (const item of items) {
    const keys = [
      `id ${item.assetId}`,
      ...(item.content.serialNumber === '' ? [] : [`sn ${item.content.serialNumber}`]),
    ];
    if (group.length === 0 || keys.some((key) => taken.has(key))) {
      group = [];
      taken = new Set();
      groups.push(group);
    }
    group.push(item);
    for (const key of keys) taken.add(key);
  }
  return groups;
}

/** Adds what is new in one statement, then goes through what is already there. */
async function writeGroup(
  transaction: WriteTransaction,
  { group, time }: { group: readonly Item[]; time: Date },
): Promise<{ outcomes: Outcome[]; revision: bigint }> {
  const inserted = await insertAssets(transaction, { assets: group, time });
  let revision = inserted.at(-1)?.revision ?? 0n;
  const insertedIds = new Set(inserted.map((asset) => asset.assetId));
  const outcomes: Outcome[] = [];
  for (const item of group) {
    if (insertedIds.has(item.assetId)) outcomes.push({ item, result: 'created' });
    else {
      const result = await overwrite(transaction, { item, time });
      if (typeof result === 'bigint') revision = result;
      outcomes.push({ item, result: typeof result === 'bigint' ? 'overwritten' : result });
    }
  }
  return { outcomes, revision };
}

/** Returns the revision of the change, or why there is none. */
async function overwrite(
  transaction: WriteTransaction,
  { item, time }: { item: Item; time: Date },
): Promise<bigint | ServiceError> {
  const { assetId, content } = item;
  try {
    const current = item.overwrite ? await findAsset(transaction, assetId) : undefined;
    if (current === undefined) throw await conflictOf(transaction, item);
    await checkReplacement(transaction, { current, serialNumber: content.serialNumber });
    const asset = await replaceAsset(transaction, { assetId, content, time });
    return asset.revision;
  } catch (error) {
    return asServiceError(error);
  }
}

/** What befalls one item is counted; anything else ends the call. */
function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  throw error;
}

function countFailure(
  tally: Tally,
  { index, assetId, error }: { index: number; assetId: string; error: ServiceError },
): void {
  tally.failed += 1;
  if (tally.failures.length >= MAX_FAILURES) return;
  tally.failures.push({
    index: String(index),
    asset_id: clip(assetId),
    code: error.code,
    message: error.message,
    field: error.field,
  });
}
