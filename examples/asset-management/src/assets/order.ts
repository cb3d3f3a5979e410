import { sql, type RawBuilder } from 'kysely';
import type { Asset } from './asset.ts';

/**
 * One key of the order of a list. Each key is never null (an absent value is less than all others), and can be written as
 * text and back without loss: so that a page can begin right after the last asset of the page before, wherever that is.
 */
interface SortKey {
  readonly expression: RawBuilder<unknown>;
  readonly type: RawBuilder<unknown>;
  readonly textOf: (asset: Asset) => string;
}

interface SortTerm extends SortKey {
  readonly descending: boolean;
}

export type ListOrder = readonly SortTerm[];

const textType = sql`text`;
const timeType = sql`timestamptz`;

function textKey(column: string, textOf: (asset: Asset) => string): SortKey {
  return { expression: sql.ref(`assets.${column}`), type: textType, textOf };
}

function timeKey(column: string, timeOf: (asset: Asset) => Date | null): SortKey {
  return {
    expression: sql`coalesce(${sql.ref(`assets.${column}`)}, '-infinity'::timestamptz)`,
    type: timeType,
    textOf: (asset) => timeOf(asset)?.toISOString() ?? '-infinity',
  };
}

const assetIdKey = textKey('asset_id', (asset) => asset.assetId);

const sortKeys: Readonly<Record<string, readonly SortKey[]>> = {
  asset_id: [assetIdKey],
  display_name: [textKey('display_name', (asset) => asset.displayName)],
  category: [textKey('category', (asset) => asset.category)],
  status: [textKey('status', (asset) => asset.status)],
  serial_number: [textKey('serial_number', (asset) => asset.serialNumber)],
  location: [textKey('location', (asset) => asset.location)],
  assignee: [textKey('assignee', (asset) => asset.assignee)],
  // Amounts are compared within a currency: this service knows no exchange rates.
  purchase_price: [
    {
      expression: sql`coalesce(assets.price_currency, '')`,
      type: textType,
      textOf: (asset) => asset.price?.currency ?? '',
    },
    {
      expression: sql`coalesce(assets.price_units, -1)`,
      type: sql`bigint`,
      textOf: (asset) => String(asset.price?.units ?? -1n),
    },
    {
      expression: sql`coalesce(assets.price_nanos, 0)`,
      type: sql`integer`,
      textOf: (asset) => String(asset.price?.nanos ?? 0),
    },
  ],
  purchase_time: [timeKey('purchase_time', (asset) => asset.purchaseTime)],
  create_time: [timeKey('create_time', (asset) => asset.createTime)],
  update_time: [timeKey('update_time', (asset) => asset.updateTime)],
};

/** Why an order cannot be used, in words for its author. */
export class OrderError extends Error {}

/** Reads "field [asc|desc], …" (AIP-132); asset_id is added as the last key. Throws OrderError. */
export function parseOrder(text: string): ListOrder {
  const terms: SortTerm[] = [];
  const seen = new Set<string>();
  for (const part of text.trim() === '' ? [] : text.split(',')) {
    const [field = '', direction = 'asc', ...rest] = part.trim().split(/\s+/);
    const keys = Object.hasOwn(sortKeys, field) ? sortKeys[field] : undefined;
    if (keys === undefined) {
      throw new OrderError(`cannot order by "${field}"; the fields are ${Object.keys(sortKeys).join(', ')}`);
    }
    if ((direction !== 'asc' && direction !== 'desc') || rest.length > 0) {
      throw new OrderError(`"${part.trim()}" must be a field, which "asc" or "desc" may follow`);
    }
    if (seen.has(field)) throw new OrderError(`"${field}" is there twice`);
    seen.add(field);
    terms.push(...keys.map((key) => ({ ...key, descending: direction === 'desc' })));
  }
  return seen.has('asset_id') ? terms : [...terms, { ...assetIdKey, descending: false }];
}

export function orderByClause(order: ListOrder): RawBuilder<unknown> {
  return sql.join(order.map((term) => (term.descending ? sql`${term.expression} desc` : sql`${term.expression} asc`)));
}

/** Where the asset stands in the order. */
export function positionOf(asset: Asset, order: ListOrder): string[] {
  return order.map((term) => term.textOf(asset));
}

/**
 * The condition of coming after a position: (a > x) or (a = x and b > y) or … It is written out because a row comparison
 * cannot mix directions. The position has one text for each term.
 */
export function afterPosition(order: ListOrder, position: readonly string[]): RawBuilder<boolean> {
  const values = order.map((term, index) => sql`cast(${position[index]}::text as ${term.type})`);
  const cases = order.map((term, index) => {
    const equals = order.slice(0, index).map((earlier, at) => sql`${earlier.expression} = ${values[at]}`);
    const beyond = sql`${term.expression} ${term.descending ? sql`<` : sql`>`} ${values[index]}`;
    return sql`(${sql.join([...equals, beyond], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(cases, sql` or `)})`;
}
