import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Asset } from '../assets/asset.ts';
import type { Register } from '../assets/register.ts';
import { findAssets } from '../assets/store.ts';
import type { Difference, InventoryScan, ReconcileFinding } from '../messages.ts';
import { batchesOf, send, signalOf } from './streams.ts';

/** So many scans are in memory for one call at a time, and looked up by one query. */
const BATCH_SIZE = 200;
/** Somebody with a scanner is waiting for the answer. */
const LINGER_MS = 3;

export async function reconcileAssets(
  call: ServerDuplexStream<InventoryScan, ReconcileFinding>,
  register: Register,
): Promise<void> {
  const signal = signalOf(call);
  let scanIndex = 0;
  for await (const scans of batchesOf<InventoryScan>(call, { maxSize: BATCH_SIZE, lingerMs: LINGER_MS, signal })) {
    const lookup = await lookUp(register, scans);
    for (const scan of scans) {
      const finding = { scan_index: String(scanIndex++), ...judge(scan, lookup(scan)) };
      await send(call, { message: finding, signal });
    }
  }
}

async function lookUp(
  register: Register,
  scans: readonly InventoryScan[],
): Promise<(scan: InventoryScan) => Asset | undefined> {
  const assets = await findAssets(register.database, {
    assetIds: usableTexts(scans.map((scan) => scan.asset_id)),
    serialNumbers: usableTexts(scans.map((scan) => scan.serial_number)),
  });
  const byAssetId = new Map(assets.map((asset) => [asset.assetId, asset]));
  const bySerialNumber = new Map(assets.map((asset) => [asset.serialNumber, asset]));
  return ({ asset_id: assetId = '', serial_number: serialNumber = '' }) =>
    assetId === '' ? (serialNumber === '' ? undefined : bySerialNumber.get(serialNumber)) : byAssetId.get(assetId);
}

/** Each text once; none that is empty, or that PostgreSQL would refuse. */
function usableTexts(texts: readonly (string | undefined)[]): string[] {
  const given = texts.filter((text) => text !== undefined);
  return [...new Set(given.filter((text) => text !== '' && !text.includes('\0')))];
}

function judge(scan: InventoryScan, asset: Asset | undefined): Omit<ReconcileFinding, 'scan_index'> {
  if (!scan.asset_id && !scan.serial_number) return { verdict: 'UNREADABLE', asset_id: '', differences: [] };
  if (asset === undefined) return { verdict: 'UNKNOWN_ASSET', asset_id: scan.asset_id ?? '', differences: [] };
  const differences = differencesBetween(scan, asset);
  return { verdict: differences.length === 0 ? 'MATCH' : 'MISMATCH', asset_id: asset.assetId, differences };
}

function differencesBetween(scan: InventoryScan, asset: Asset): Difference[] {
  const differences: Difference[] = [];
  const observedStatus = scan.observed_status === 'STATUS_UNSPECIFIED' ? '' : String(scan.observed_status);
  if (scan.observed_location !== '' && scan.observed_location !== asset.location) {
    differences.push({ field: 'location', registered: asset.location, observed: scan.observed_location });
  }
  if (observedStatus !== '' && observedStatus !== asset.status) {
    differences.push({ field: 'status', registered: asset.status, observed: observedStatus });
  }
  return differences;
}
