/** Every field that is implemented has a test that shows it; docs/supported.md names it. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { supportedFields, type SupportedField } from '../src/resource/index.ts';
import { fieldKey, findShownFields, testOf } from './kit/shown-fields.ts';
import { reasonFor, uncallableFields, unshownFields } from './kit/unshown-fields.ts';

const shown = findShownFields(dirname(import.meta.dirname));
const implemented = supportedFields().filter(({ support }) => support === 'implemented');

test('a behaviour case or a golden shows each implemented field, but for those named here', () => {
  const without = implemented.filter((field) => !isShown(testOf(shown, field)));
  assert.deepEqual(
    without.filter((field) => reasonFor(field) === undefined).map(fieldKey),
    [],
    'fields without a test: write a case or golden in which taking the field away changes something',
  );
  const stale = unshownFields.filter(([pattern]) => !without.some((field) => pattern.test(fieldKey(field))));
  assert.deepEqual(stale, [], 'these are shown by now');
});

/** What is only decoded has no effect that anybody could see. */
function isShown(name: string | undefined): boolean {
  return name !== undefined && !name.startsWith('decoding ');
}

test("a behaviour case shows each implemented field of Istio's kinds, but for those named here", () => {
  const fields = implemented.filter(({ group }) => group.endsWith('istio.io'));
  const without = fields.filter((field) => testOf(shown, field)?.startsWith('behaviour ') !== true);
  const unexplained = without.filter((field) => ![...uncallableFields, ...unshownFields].some(isFor(field)));
  assert.deepEqual(unexplained.map(fieldKey), [], 'fields that no call shows: write a case, or why there can be none');
  const stale = uncallableFields.filter((entry) => !without.some((field) => isFor(field)(entry)));
  assert.deepEqual(stale, [], 'calls show these by now');
});

function isFor(field: SupportedField): (entry: readonly [field: RegExp, because: string]) => boolean {
  return ([pattern]) => pattern.test(fieldKey(field));
}
