import { invalidArgument } from '../errors.ts';
import { categories, statuses, type AssetMessage, type Money, type Timestamp } from '../messages.ts';
import { fromTimestamp, type AssetContent, type Price } from './asset.ts';

const MAX_NAME_LENGTH = 120;
const MAX_SERIAL_NUMBER_LENGTH = 80;
const MAX_LOCATION_LENGTH = 120;
/** The longest e-mail address that SMTP can carry (RFC 5321, section 4.5.3.1.3). */
const MAX_ASSIGNEE_LENGTH = 254;
const MAX_LABELS = 32;
const MAX_LABEL_LENGTH = 120;
const MAX_NANOS = 999_999_999;
const EARLIEST_PURCHASE = Date.UTC(1900, 0, 1);
const LATEST_PURCHASE = Date.UTC(9999, 11, 31);

const assetIdPattern = /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
const labelKeyPattern = /^[a-z][a-z0-9_-]{0,62}$/;
const emailPattern = /^[^\s@]+@[^\s@]+$/;
const currencyPattern = /^[A-Z]{3}$/;
const controlCharacter = /\p{Cc}/u;

/**
 * Checks what a client wants an asset to be. `field` is where the message stands in its request. Throws INVALID_ARGUMENT
 * that names the first field which cannot be.
 */
export function readContent(message: AssetMessage | null, field = 'asset'): AssetContent {
  if (message === null) throw invalidArgument(field, 'is required');
  const at = (name: string): string => `${field}.${name}`;
  const displayName = readText(message.display_name, { field: at('display_name'), maxLength: MAX_NAME_LENGTH });
  if (displayName === '') throw invalidArgument(at('display_name'), 'is required');
  const category = categories.find((name) => name === message.category);
  if (category === undefined) throw invalidArgument(at('category'), notOneOf(message.category, categories));
  const wantedStatus = message.status === 'STATUS_UNSPECIFIED' ? 'IN_STOCK' : message.status;
  const status = statuses.find((name) => name === wantedStatus);
  if (status === undefined) throw invalidArgument(at('status'), notOneOf(message.status, statuses));
  const assignee = readText(message.assignee, { field: at('assignee'), maxLength: MAX_ASSIGNEE_LENGTH });
  if (assignee !== '' && !emailPattern.test(assignee)) {
    throw invalidArgument(at('assignee'), `"${assignee}" is not an e-mail address`);
  }
  return {
    displayName,
    category,
    status,
    serialNumber: readText(message.serial_number, {
      field: at('serial_number'),
      maxLength: MAX_SERIAL_NUMBER_LENGTH,
    }),
    location: readText(message.location, { field: at('location'), maxLength: MAX_LOCATION_LENGTH }),
    assignee,
    price: readPrice(message.purchase_price, at('purchase_price')),
    purchaseTime: readPurchaseTime(message.purchase_time, at('purchase_time')),
    labels: readLabels(message.labels, at('labels')),
  };
}

/** Checks an asset_id that a client gives to a new asset. */
export function readNewAssetId(assetId: string): string {
  if (assetIdPattern.test(assetId)) return assetId;
  throw invalidArgument(
    'asset_id',
    `"${assetId}" must be 2 to 63 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen`,
  );
}

function notOneOf(value: string | number, names: readonly string[]): string {
  const unspecified = typeof value === 'string' && value.endsWith('_UNSPECIFIED');
  return `${unspecified ? 'is required' : `${value} is unknown`}; it can be ${names.join(', ')}`;
}

function readText(text: string, { field, maxLength }: { field: string; maxLength: number }): string {
  // A character can be two UTF-16 units, so only a text with too many units needs counting.
  if (text.length > maxLength && Array.from(text).length > maxLength) {
    throw invalidArgument(field, `must not have more than ${maxLength} characters`);
  }
  if (controlCharacter.test(text)) throw invalidArgument(field, 'must not contain control characters');
  return text;
}

function readPrice(money: Money | null, field: string): Price | null {
  if (money === null) return null;
  if (!currencyPattern.test(money.currency_code)) {
    throw invalidArgument(`${field}.currency_code`, `"${money.currency_code}" is not an ISO 4217 code such as VND`);
  }
  const units = BigInt(money.units);
  if (units < 0n) throw invalidArgument(`${field}.units`, 'must not be negative');
  if (money.nanos < 0 || money.nanos > MAX_NANOS) {
    throw invalidArgument(`${field}.nanos`, `must be from 0 to ${MAX_NANOS}`);
  }
  return { currency: money.currency_code, units, nanos: money.nanos };
}

function readPurchaseTime(timestamp: Timestamp | null, field: string): Date | null {
  if (timestamp === null) return null;
  if (timestamp.nanos < 0 || timestamp.nanos > MAX_NANOS) {
    throw invalidArgument(`${field}.nanos`, `must be from 0 to ${MAX_NANOS}`);
  }
  const time = fromTimestamp(timestamp);
  if (!(time.getTime() >= EARLIEST_PURCHASE && time.getTime() <= LATEST_PURCHASE)) {
    throw invalidArgument(field, 'must be between the years 1900 and 9999');
  }
  return time;
}

function readLabels(labels: Readonly<Record<string, string>>, field: string): Record<string, string> {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) throw invalidArgument(field, `there must not be more than ${MAX_LABELS}`);
  for (const [key, value] of entries) {
    if (!labelKeyPattern.test(key)) {
      throw invalidArgument(`${field}.${key}`, `a label's key must match ${labelKeyPattern.source}`);
    }
    readText(value, { field: `${field}.${key}`, maxLength: MAX_LABEL_LENGTH });
  }
  return { ...labels };
}
