import assert from 'node:assert/strict';
import { test } from 'node:test';
import { supportedFields } from '../resource/index.ts';
import { columnsFor, kindNamed } from './get-columns.ts';

test('every kind that has a part in the traffic path has a name', () => {
  const kinds = new Set(supportedFields().map(({ kind }) => kind));
  assert.ok(kinds.size > 25, `${kinds.size} kinds`);
  for (const kind of kinds) assert.equal(kindNamed(kind).kind, kind);
});

test('a BackendTLSPolicy shows what became of it at the Gateways that lead to its targets', () => {
  const condition = (reason: string) => ({ type: 'Accepted', status: 'False', reason, message: '' }) as const;
  const ancestor = (name: string, reason: string) => ({
    ancestorRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'edge', name },
    controllerName: 'example.com/c',
    conditions: [condition(reason)],
  });
  const origin = { kind: 'BackendTLSPolicy', namespace: 'shop', name: 'tls', file: 'tls.yaml', line: 1 };
  const object = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    namespace: 'shop',
    name: 'tls',
    labels: {},
    source: 'tls.yaml:1',
    manifest: { spec: { targetRefs: [{ group: '', kind: 'Service', name: 'web' }] } },
    status: {
      ...{ kind: 'BackendTLSPolicy', namespace: 'shop', name: 'tls', origin },
      ancestors: [ancestor('a', 'Conflicted'), ancestor('b', 'Conflicted')],
    },
  };
  const cells = columnsFor('BackendTLSPolicy', { wide: false }).map(({ heading, cell }) => [heading, cell(object)]);
  assert.deepEqual(Object.fromEntries(cells), {
    NAMESPACE: 'shop',
    NAME: 'tls',
    TARGETS: 'web',
    GATEWAYS: 'edge/a,edge/b',
    ACCEPTED: 'False (Conflicted)',
    RESOLVED: '-',
    SOURCE: 'tls.yaml:1',
  });
});
