import type { AssetMessage, Category, Status, Timestamp } from '../messages.ts';

/** An exact amount: units + nanos / 10^9. Whole units do not fit a number, so they are a bigint. */
export interface Price {
  readonly currency: string;
  readonly units: bigint;
  readonly nanos: number;
}

/** What clients may write of an asset, checked. */
export interface AssetContent {
  readonly displayName: string;
  readonly category: Category;
  readonly status: Status;
  readonly serialNumber: string;
  readonly location: string;
  readonly assignee: string;
  readonly price: Price | null;
  readonly purchaseTime: Date | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** An asset as it is in the register. */
export interface Asset extends AssetContent {
  readonly assetId: string;
  readonly createTime: Date;
  readonly updateTime: Date;
  /** The revision of the change that made it so. */
  readonly revision: bigint;
}

/** The asset as it goes over the wire. */
export function toMessage(asset: Asset): AssetMessage {
  return {
    asset_id: asset.assetId,
    display_name: asset.displayName,
    category: asset.category,
    status: asset.status,
    serial_number: asset.serialNumber,
    location: asset.location,
    assignee: asset.assignee,
    purchase_price:
      asset.price === null
        ? null
        : {
            currency_code: asset.price.currency,
            units: String(asset.price.units),
            nanos: asset.price.nanos,
          },
    purchase_time: asset.purchaseTime === null ? null : toTimestamp(asset.purchaseTime),
    labels: asset.labels,
    create_time: toTimestamp(asset.createTime),
    update_time: toTimestamp(asset.updateTime),
    etag: etagOf(asset),
  };
}

/** Every change of an asset has a revision of its own, which therefore names the version. */
export function etagOf(asset: Asset): string {
  return String(asset.revision);
}

const NANOS_PER_MILLISECOND = 1_000_000;

export function toTimestamp(date: Date): Timestamp {
  const seconds = Math.floor(date.getTime() / 1000);
  return { seconds: String(seconds), nanos: (date.getTime() - seconds * 1000) * NANOS_PER_MILLISECOND };
}

/** The Date of a timestamp, cut to the millisecond. */
export function fromTimestamp(timestamp: Timestamp): Date {
  return new Date(Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / NANOS_PER_MILLISECOND));
}
