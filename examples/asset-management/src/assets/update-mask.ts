import { invalidArgument } from '../errors.ts';
import type { AssetMessage } from '../messages.ts';

const writableFields = [
  'display_name',
  'category',
  'status',
  'serial_number',
  'location',
  'assignee',
  'purchase_price',
  'purchase_time',
  'labels',
] as const;

/** Whether each writable field of a message is there (for an update without a mask, AIP-134). */
const isPopulated: { readonly [Field in (typeof writableFields)[number]]: (message: AssetMessage) => boolean } = {
  display_name: (message) => message.display_name !== '',
  category: (message) => message.category !== 'CATEGORY_UNSPECIFIED',
  status: (message) => message.status !== 'STATUS_UNSPECIFIED',
  serial_number: (message) => message.serial_number !== '',
  location: (message) => message.location !== '',
  assignee: (message) => message.assignee !== '',
  purchase_price: (message) => message.purchase_price !== null,
  purchase_time: (message) => message.purchase_time !== null,
  labels: (message) => Object.keys(message.labels).length > 0,
};
const LABEL_PREFIX = 'labels.';

/**
 * `current` with the fields of `wanted` that the mask names. No paths: those that `wanted` has; "*": all. Throws
 * INVALID_ARGUMENT for a path that cannot be written.
 */
export function applyUpdateMask(
  current: AssetMessage,
  { wanted, paths }: { wanted: AssetMessage; paths: readonly string[] },
): AssetMessage {
  const effectivePaths =
    paths.length === 0 ? writableFields.filter((field) => isPopulated[field](wanted)) : expandAll(paths);
  let result: AssetMessage = current;
  for (const path of effectivePaths) {
    const field = writableFields.find((name) => name === path);
    if (field !== undefined) result = { ...result, [field]: wanted[field] };
    else if (path.startsWith(LABEL_PREFIX)) {
      result = { ...result, labels: withLabel(result.labels, { key: path.slice(LABEL_PREFIX.length), wanted }) };
    } else throw invalidArgument('update_mask', `"${path}" cannot be updated; ${writableFields.join(', ')} can`);
  }
  return result;
}

function expandAll(paths: readonly string[]): readonly string[] {
  if (!paths.includes('*')) return paths;
  if (paths.length > 1) throw invalidArgument('update_mask', '"*" must be the only path');
  return writableFields;
}

function withLabel(
  labels: Readonly<Record<string, string>>,
  { key, wanted }: { key: string; wanted: AssetMessage },
): Record<string, string> {
  const others = Object.entries(labels).filter(([name]) => name !== key);
  const value = Object.hasOwn(wanted.labels, key) ? wanted.labels[key] : undefined;
  return Object.fromEntries(value === undefined ? others : [...others, [key, value]]);
}
