import type { Database } from '../database/schema.ts';
import type { ChangeFeed } from './change-feed.ts';

/** What the operations on the register work with. */
export interface Register {
  readonly database: Database;
  readonly feed: ChangeFeed;
  /** Which register this is; part of the resume tokens. */
  readonly registerId: string;
  /** How many changes are kept at least. */
  readonly retainedChanges: bigint;
  readonly now: () => Date;
  readonly newAssetId: () => string;
}
