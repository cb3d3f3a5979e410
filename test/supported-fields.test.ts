/** Every field that is implemented has a test that shows it; docs/supported.md names it. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { supportedFields, type SupportedField } from '../src/resource/index.ts';
import { fieldKey, findShownFields, testOf } from './kit/shown-fields.ts';
import { reasonFor, unshownFields } from './kit/unshown-fields.ts';

test('a behaviour case or a golden shows each implemented field, but for those named here', () => {
  const shown = findShownFields(dirname(import.meta.dirname));
  const fields = supportedFields().filter(({ support }) => support === 'implemented');
  const without = fields.filter((field) => !isShown(field, testOf(shown, field)));
  assert.deepEqual(
    without.filter((field) => reasonFor(field) === undefined).map(fieldKey),
    [],
    'fields without a test: write a case or golden in which taking the field away changes something',
  );
  const stale = unshownFields.filter(([pattern]) => !without.some((field) => pattern.test(fieldKey(field))));
  assert.deepEqual(stale, [], 'these are shown by now');
});

/** What is only decoded has no effect that anybody could see; of Istio's kinds there are still some of which no more is shown. */
function isShown({ group }: SupportedField, name: string | undefined): boolean {
  return name !== undefined && (group.endsWith('istio.io') || !name.startsWith('decoding '));
}
