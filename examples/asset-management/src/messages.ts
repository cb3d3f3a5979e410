/**
 * The messages of proto/asset.proto as @grpc/proto-loader gives and takes them (see proto.ts): 64-bit integers are decimal
 * strings, enum values are their names (or a number where this version does not know the name), absent messages are null.
 */
export interface Timestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export interface Money {
  readonly currency_code: string;
  readonly units: string;
  readonly nanos: number;
}

export const categories = [
  'COMPUTER',
  'PHONE',
  'SERVER',
  'NETWORK',
  'VEHICLE',
  'MACHINE',
  'FURNITURE',
  'INSTRUMENT',
] as const;
export type Category = (typeof categories)[number];

export const statuses = ['IN_STOCK', 'IN_USE', 'IN_REPAIR', 'LOST', 'RETIRED'] as const;
export type Status = (typeof statuses)[number];

export interface AssetMessage {
  readonly asset_id: string;
  readonly display_name: string;
  readonly category: string | number;
  readonly status: string | number;
  readonly serial_number: string;
  readonly location: string;
  readonly assignee: string;
  readonly purchase_price: Money | null;
  readonly purchase_time: Timestamp | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly create_time: Timestamp | null;
  readonly update_time: Timestamp | null;
  readonly etag: string;
}

export interface GetAssetRequest {
  readonly asset_id: string;
}

export interface ListAssetsRequest {
  readonly page_size: number;
  readonly page_token: string;
  readonly filter: string;
  readonly order_by: string;
}

export interface ListAssetsResponse {
  readonly assets: readonly AssetMessage[];
  readonly next_page_token: string;
}

export interface CreateAssetRequest {
  readonly asset_id: string;
  readonly asset: AssetMessage | null;
  readonly request_id: string;
}

export interface UpdateAssetRequest {
  readonly asset: AssetMessage | null;
  readonly update_mask: { readonly paths: readonly string[] } | null;
}

export interface DeleteAssetRequest {
  readonly asset_id: string;
  readonly etag: string;
  readonly force: boolean;
}

export interface WatchAssetsRequest {
  readonly include_snapshot: boolean;
  readonly resume_token: string;
  readonly end_when_synced: boolean;
}

export interface WatchAssetsResponse {
  readonly type: 'SNAPSHOT' | 'SYNCED' | 'CREATED' | 'UPDATED' | 'DELETED';
  readonly asset: AssetMessage | null;
  readonly resume_token: string;
  readonly change_time: Timestamp | null;
}

export interface ImportAssetsRequest {
  readonly asset_id: string;
  readonly asset: AssetMessage | null;
  readonly overwrite: boolean;
}

export interface ImportFailure {
  readonly index: string;
  readonly asset_id: string;
  readonly code: number;
  readonly message: string;
  readonly field: string;
}

export interface ImportAssetsResponse {
  readonly received_count: string;
  readonly created_count: string;
  readonly overwritten_count: string;
  readonly failed_count: string;
  readonly failures: readonly ImportFailure[];
}

export interface InventoryScan {
  readonly identifier?: 'asset_id' | 'serial_number';
  readonly asset_id?: string;
  readonly serial_number?: string;
  readonly observed_location: string;
  readonly observed_status: string | number;
}

export interface Difference {
  readonly field: 'location' | 'status';
  readonly registered: string;
  readonly observed: string;
}

export interface ReconcileFinding {
  readonly scan_index: string;
  readonly verdict: 'MATCH' | 'MISMATCH' | 'UNKNOWN_ASSET' | 'UNREADABLE';
  readonly asset_id: string;
  readonly differences: readonly Difference[];
}
