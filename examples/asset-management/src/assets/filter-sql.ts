import { sql, type RawBuilder } from 'kysely';
import { categories, statuses } from '../messages.ts';
import { FilterError, type Comparison, type Filter, type Operator } from './filter.ts';

/**
 * The condition of a filter. Values only ever become parameters, and columns come from the tables below, so nothing that a
 * client writes is ever part of the SQL text. Throws FilterError for an unknown field, or a value which the field cannot
 * have.
 */
export function filterCondition(filter: Filter): RawBuilder<boolean> {
  if (filter.type === 'comparison') return comparisonCondition(filter.comparison);
  // A comparison with an absent value is null, which NOT must turn into true.
  if (filter.type === 'not') return sql<boolean>`(not coalesce(${filterCondition(filter.operand)}, false))`;
  const operands = filter.operands.map(filterCondition);
  return sql<boolean>`(${sql.join(operands, filter.type === 'and' ? sql` and ` : sql` or `)})`;
}

const textFields = new Set([
  'asset_id',
  'display_name',
  'serial_number',
  'location',
  'assignee',
  'purchase_price.currency_code',
]);
const enumFields: Readonly<Record<string, readonly string[]>> = { category: categories, status: statuses };
const timeFields = new Set(['purchase_time', 'create_time', 'update_time']);
const UNITS_FIELD = 'purchase_price.units';
const LABEL_PREFIX = 'labels.';

const fieldNames = [...textFields, ...Object.keys(enumFields), ...timeFields, UNITS_FIELD, 'labels.KEY'].sort();

/** Where the column is not called like the field. */
const columnNames: Readonly<Record<string, string>> = {
  'purchase_price.currency_code': 'price_currency',
  'purchase_price.units': 'price_units',
};

const sqlOperators: Readonly<Record<Exclude<Operator, ':'>, RawBuilder<unknown>>> = {
  '=': sql`=`,
  '!=': sql`<>`,
  '<': sql`<`,
  '<=': sql`<=`,
  '>': sql`>`,
  '>=': sql`>=`,
};

function comparisonCondition(comparison: Comparison): RawBuilder<boolean> {
  const { field } = comparison;
  if (field.startsWith(LABEL_PREFIX)) return labelCondition(comparison);
  const column = sql.ref<string>(`assets.${columnNames[field] ?? field}`);
  if (textFields.has(field)) return textCondition(column, comparison);
  const enumValues = Object.hasOwn(enumFields, field) ? enumFields[field] : undefined;
  if (enumValues !== undefined) return enumCondition(column, { comparison, enumValues });
  if (timeFields.has(field)) return orderedCondition(column, { comparison, value: readTime(comparison) });
  if (field === UNITS_FIELD) return orderedCondition(column, { comparison, value: readUnits(comparison) });
  throw new FilterError(`there is no field "${field}"; there are ${fieldNames.join(', ')}`);
}

function textCondition(column: RawBuilder<unknown>, { operator, value }: Comparison): RawBuilder<boolean> {
  if (operator === ':') return sql<boolean>`(position(lower(${value}::text) in lower(${column})) > 0)`;
  return sql<boolean>`(${column} ${sqlOperators[operator]} ${value}::text)`;
}

function enumCondition(
  column: RawBuilder<unknown>,
  { comparison, enumValues }: { comparison: Comparison; enumValues: readonly string[] },
): RawBuilder<boolean> {
  const { field, operator, value } = comparison;
  if (operator !== '=' && operator !== '!=') throw new FilterError(`${field} can be compared by = and != only`);
  if (!enumValues.includes(value)) {
    throw new FilterError(`${field} is never "${value}"; it can be ${enumValues.join(', ')}`);
  }
  return sql<boolean>`(${column} ${sqlOperators[operator]} ${value}::text)`;
}

function orderedCondition(
  column: RawBuilder<unknown>,
  { comparison, value }: { comparison: Comparison; value: RawBuilder<unknown> },
): RawBuilder<boolean> {
  if (comparison.operator === ':') throw new FilterError(`${comparison.field} cannot be compared by ":"`);
  return sql<boolean>`(${column} ${sqlOperators[comparison.operator]} ${value})`;
}

/** RFC 3339, or its date alone, which means midnight UTC. */
const timePattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?$/;

function readTime({ field, value }: Comparison): RawBuilder<unknown> {
  const time = timePattern.test(value) ? new Date(value) : undefined;
  if (time === undefined || Number.isNaN(time.getTime())) {
    throw new FilterError(`${field}: "${value}" is not a time such as "2026-01-31T08:00:00Z"`);
  }
  return sql`${time.toISOString()}::timestamptz`;
}

const MAX_INT64 = 2n ** 63n - 1n;

function readUnits({ field, value }: Comparison): RawBuilder<unknown> {
  const units = /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (units === undefined || units > MAX_INT64 || units < -MAX_INT64) {
    throw new FilterError(`${field}: "${value}" is not a 64-bit whole number`);
  }
  return sql`${String(units)}::bigint`;
}

function labelCondition(comparison: Comparison): RawBuilder<boolean> {
  const { operator, value, quoted } = comparison;
  const key = comparison.field.slice(LABEL_PREFIX.length);
  const label = sql`(assets.labels ->> ${key}::text)`;
  if (operator === ':' && value === '*' && !quoted) return sql<boolean>`(${label} is not null)`;
  return textCondition(sql`(${label} collate "C")`, comparison);
}
