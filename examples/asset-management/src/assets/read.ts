import { assetNotFound, invalidArgument } from '../errors.ts';
import type { GetAssetRequest, ListAssetsRequest } from '../messages.ts';
import type { Asset } from './asset.ts';
import { FilterError, parseFilter } from './filter.ts';
import { OrderError, parseOrder, positionOf } from './order.ts';
import { readPageToken, writePageToken } from './page-token.ts';
import type { Register } from './register.ts';
import { findAsset, findFirstAsset, listAssets } from './store.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;
/** A page ends early at about this size, so that it stays below the 4 MiB that gRPC clients accept by default. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;
/** More than the encoded fields of an asset that are not text. */
const FIXED_ASSET_BYTES = 120;
const MAX_BYTES_PER_CHARACTER = 3;

export async function getAsset(register: Register, request: GetAssetRequest): Promise<Asset> {
  const { asset_id: assetId } = request;
  // No stored identifier has such a character, and PostgreSQL would refuse it in a parameter.
  if (assetId.includes('\0')) throw assetNotFound(assetId);
  const asset = assetId === '' ? await findFirstAsset(register.database) : await findAsset(register.database, assetId);
  if (asset === undefined) throw assetNotFound(assetId);
  return asset;
}

/** One page, and the token of the next ('' when there is none). */
export async function listAssetPage(
  register: Register,
  request: ListAssetsRequest,
): Promise<{ assets: readonly Asset[]; nextPageToken: string }> {
  if (request.page_size < 0) throw invalidArgument('page_size', 'must not be negative');
  const pageSize = Math.min(request.page_size === 0 ? DEFAULT_PAGE_SIZE : request.page_size, MAX_PAGE_SIZE);
  const order = argument('order_by', () => parseOrder(request.order_by));
  const query = { filter: request.filter, orderBy: request.order_by };
  const after =
    request.page_token === '' ? undefined : readPageToken(request.page_token, { query, keyCount: order.length });
  if (request.page_token !== '' && after === undefined) throw badPageToken();
  const filter = argument('filter', () => parseFilter(request.filter));
  const listing = listAssets(register.database, { filter, order, after, limit: pageSize + 1 });
  const found = await listing.catch((error: unknown) => {
    // The tokens of this service hold values of the right types: only a forged one brings any that cannot be converted.
    throw after !== undefined && isDataException(error) ? badPageToken() : asArgumentError('filter', error);
  });
  const assets = found.slice(0, Math.min(pageSize, countWithin(found, MAX_PAGE_BYTES)));
  const last = assets.at(-1);
  const complete = assets.length === found.length || last === undefined;
  return { assets, nextPageToken: complete ? '' : writePageToken(query, positionOf(last, order)) };
}

function badPageToken(): Error {
  return invalidArgument('page_token', 'is not the next_page_token of a list call with this filter and order_by');
}

function argument<Result>(field: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asArgumentError(field, error);
  }
}

function asArgumentError(field: string, error: unknown): unknown {
  return error instanceof FilterError || error instanceof OrderError ? invalidArgument(field, error.message) : error;
}

/** Class 22 of PostgreSQL's error codes. */
function isDataException(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('22');
}

/** How many of the first assets fit, at least one. */
function countWithin(assets: readonly Asset[], maxBytes: number): number {
  let bytes = 0;
  const beyond = assets.findIndex((asset) => (bytes += maxEncodedBytes(asset)) > maxBytes);
  return beyond === -1 ? assets.length : Math.max(beyond, 1);
}

function maxEncodedBytes(asset: Asset): number {
  const texts = [asset.assetId, asset.displayName, asset.serialNumber, asset.location, asset.assignee];
  for (const [key, value] of Object.entries(asset.labels)) texts.push(key, value);
  const characters = texts.reduce((total, text) => total + text.length, 0);
  return FIXED_ASSET_BYTES + characters * MAX_BYTES_PER_CHARACTER;
}
