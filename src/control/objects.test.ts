import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseManifest } from '../manifest/index.ts';
import { viewObjects } from './objects.ts';

test('a status belongs to the object of its place: Istio and the Gateway API both have a Gateway', () => {
  const text = ['gateway.networking.k8s.io/v1', 'networking.istio.io/v1']
    .map((apiVersion) => `apiVersion: ${apiVersion}\nkind: Gateway\nmetadata: { name: edge, namespace: shop }\n`)
    .join('---\n');
  const { documents } = parseManifest(text, 'edge.yaml');
  const object = { kind: 'Gateway', namespace: 'shop', name: 'edge' };
  const views = viewObjects(documents, [
    { ...object, origin: { ...object, file: 'edge.yaml', line: 1 }, attachedListenerSets: 2 },
  ]);
  assert.deepEqual(
    views.map(({ source, status }) => [source, status?.attachedListenerSets]),
    [
      ['edge.yaml:1', 2],
      ['edge.yaml:5', undefined],
    ],
  );
});
