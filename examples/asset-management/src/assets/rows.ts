import type { Selectable } from 'kysely';
import type { StoredAsset, Tables } from '../database/schema.ts';
import type { Asset, AssetContent, Price } from './asset.ts';

/** An asset from its row. */
export function fromRow(row: Selectable<Tables['assets']>): Asset {
  return {
    assetId: row.asset_id,
    displayName: row.display_name,
    category: row.category,
    status: row.status,
    serialNumber: row.serial_number,
    location: row.location,
    assignee: row.assignee,
    price: priceOf(row),
    purchaseTime: row.purchase_time,
    labels: row.labels,
    createTime: row.create_time,
    updateTime: row.update_time,
    revision: row.revision,
  };
}

function priceOf(row: Selectable<Tables['assets']>): Price | null {
  const { price_currency: currency, price_units: units, price_nanos: nanos } = row;
  return currency === null || units === null || nanos === null ? null : { currency, units, nanos };
}

/** The columns that clients write. */
export function contentColumns(content: AssetContent) {
  return {
    display_name: content.displayName,
    category: content.category,
    status: content.status,
    serial_number: content.serialNumber,
    location: content.location,
    assignee: content.assignee,
    price_currency: content.price?.currency ?? null,
    price_units: content.price?.units ?? null,
    price_nanos: content.price?.nanos ?? null,
    purchase_time: content.purchaseTime,
    labels: JSON.stringify(content.labels),
  };
}

/** The asset as the change log keeps it. */
export function toStored(asset: Asset): StoredAsset {
  return {
    asset_id: asset.assetId,
    display_name: asset.displayName,
    category: asset.category,
    status: asset.status,
    serial_number: asset.serialNumber,
    location: asset.location,
    assignee: asset.assignee,
    price: asset.price === null ? null : { ...asset.price, units: String(asset.price.units) },
    purchase_time: asset.purchaseTime?.toISOString() ?? null,
    labels: { ...asset.labels },
    create_time: asset.createTime.toISOString(),
    update_time: asset.updateTime.toISOString(),
    revision: String(asset.revision),
  };
}

export function fromStored(stored: StoredAsset): Asset {
  return {
    assetId: stored.asset_id,
    displayName: stored.display_name,
    category: stored.category,
    status: stored.status,
    serialNumber: stored.serial_number,
    location: stored.location,
    assignee: stored.assignee,
    price: stored.price === null ? null : { ...stored.price, units: BigInt(stored.price.units) },
    purchaseTime: stored.purchase_time === null ? null : new Date(stored.purchase_time),
    labels: stored.labels,
    createTime: new Date(stored.create_time),
    updateTime: new Date(stored.update_time),
    revision: BigInt(stored.revision),
  };
}
