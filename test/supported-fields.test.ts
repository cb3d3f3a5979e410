/** Every field that is implemented has a test that shows it; docs/supported.md names it. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { supportedFields } from '../src/resource/index.ts';
import { fieldKey, findShownFields, testOf } from './kit/shown-fields.ts';

/** Implemented fields that no golden and no behaviour case can show, or shows yet, and why. */
const notShown: readonly (readonly [field: RegExp, because: string])[] = [
  [/^\S+ (?:apiVersion|kind|metadata\.namespace)$/, 'they say which object it is, before any field is looked at'],
  [/WorkloadGroup spec\.(?:metadata|template)/, 'checked, and reported as a whole: no machine registers itself here'],
  [/ProxyConfig spec\.selector/, 'checked, and reported as a whole'],
  [/istio\.io\/\w+ spec\.targetRefs?(?:\[\])?\.namespace$/, 'only the empty text is valid'],
  [/RequestAuthentication spec\.targetRef\.group$/, 'as that of targetRefs, which a golden shows'],
  [/ListenerSet spec\.parentRef\.(?:group|kind)$/, 'a ListenerSet has no other parent than a Gateway'],
  [/Sidecar spec\.(?:in|e)gress\[\]\.port\.(?:name|protocol|targetPort)$/, 'checked only: the number decides'],
  [/Service spec\.internalTrafficPolicy$/, 'all endpoints are on this machine, whatever it says'],
  [/GatewayClass spec\.description$/, 'words'],
  [
    /VirtualService spec\.http\[\]\.(?:mirror_percent|fault\.\w+\.(?:http2Error|exponentialDelay))$/,
    'old names, without a golden yet',
  ],
  [/Telemetry spec\.targetRefs?/, 'without a golden yet'],
];

test('a behaviour case or a golden shows each implemented field, but for those named here', () => {
  const shown = findShownFields(dirname(import.meta.dirname));
  const fields = supportedFields().filter(({ support }) => support === 'implemented');
  const without = fields.filter((field) => testOf(shown, field) === undefined).map(fieldKey);
  const unexplained = without.filter((field) => !notShown.some(([pattern]) => pattern.test(field)));
  assert.deepEqual(
    unexplained,
    [],
    'fields without a test: write a golden in which taking the field away changes something',
  );
  const stale = notShown.filter(([pattern]) => !without.some((field) => pattern.test(field)));
  assert.deepEqual(stale, [], 'these are shown by now');
});
