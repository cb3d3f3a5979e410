import type { ColumnType, Generated, Kysely, Transaction } from 'kysely';
import type { Category, Status } from '../messages.ts';

/**
 * The tables as kysely sees them. int8 columns are bigint with both drivers, because open.ts makes them so; jsonb goes in
 * as text and comes out parsed.
 */
export interface Tables {
  assets: AssetTable;
  asset_changes: ChangeTable;
  create_requests: CreateRequestTable;
  register: RegisterTable;
}

interface AssetTable {
  asset_id: string;
  display_name: string;
  category: Category;
  status: Status;
  serial_number: string;
  location: string;
  assignee: string;
  price_currency: string | null;
  price_units: bigint | null;
  price_nanos: number | null;
  purchase_time: Date | null;
  labels: ColumnType<Record<string, string>, string, string>;
  create_time: ColumnType<Date, Date, never>;
  update_time: Date;
  /** Names the change that made the row what it is. Taken from the sequence asset_revision. */
  revision: Generated<bigint>;
}

/** What happened to the assets, in order of commit: the source of WatchAssets. */
interface ChangeTable {
  revision: bigint;
  kind: ChangeKind;
  /** The asset after the change; for a deletion, before it. */
  asset: ColumnType<StoredAsset, string, never>;
  change_time: Date;
}

export type ChangeKind = 'CREATED' | 'UPDATED' | 'DELETED';

/** An asset in JSON: int64 as a decimal string, times in ISO 8601. */
export interface StoredAsset {
  readonly asset_id: string;
  readonly display_name: string;
  readonly category: Category;
  readonly status: Status;
  readonly serial_number: string;
  readonly location: string;
  readonly assignee: string;
  readonly price: { readonly currency: string; readonly units: string; readonly nanos: number } | null;
  readonly purchase_time: string | null;
  readonly labels: Record<string, string>;
  readonly create_time: string;
  readonly update_time: string;
  readonly revision: string;
}

/** Which asset a CreateAssetRequest.request_id has made. */
interface CreateRequestTable {
  request_id: string;
  asset_id: string;
  create_time: Date;
}

/** One row: which register this is, so that tokens of another one are recognized. */
interface RegisterTable {
  register_id: Generated<string>;
}

export type Database = Kysely<Tables>;
export type WriteTransaction = Transaction<Tables>;
