/** With somebody who looks into PEM: certificates that cannot be used are invalid references. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import { compileText } from '../../test/kit/compile-kit.ts';
import { findPemFault } from '../identity/index.ts';

const ca = makeCa({ commonName: 'root' });
const one = issueSvid(ca, { names: [{ dns: 'one.example.com' }] });
const two = issueSvid(ca, { names: [{ dns: 'two.example.com' }] });
const nothing = '-----BEGIN CERTIFICATE-----\nZ29vZA==\n-----END CERTIFICATE-----\n';

const secret = (name: string, { chain, key }: { readonly chain: string; readonly key: string }): string => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: edge }
type: kubernetes.io/tls
stringData: { tls.crt: ${JSON.stringify(chain)}, tls.key: ${JSON.stringify(key)} }`;

const authorities = (name: string, pem: string): string => `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: edge }
data: { ca.crt: ${JSON.stringify(pem)} }`;

const gateway = (name: string, port: number, judge: string): string => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: edge }
spec:
  gatewayClassName: istio
  tls: { frontend: { default: { validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: ${judge} }] } } } }
  listeners:
    - { name: good, port: ${port}, protocol: HTTPS, hostname: a.example.com, tls: { certificateRefs: [{ name: good }] } }
    - { name: swapped, port: ${port}, protocol: HTTPS, hostname: b.example.com, tls: { certificateRefs: [{ name: swapped }] } }`;

const manifests = [
  secret('good', { chain: one.chainPem, key: one.keyPem }),
  secret('swapped', { chain: one.chainPem, key: two.keyPem }),
  authorities('ca', ca.pem),
  authorities('no-ca', nothing),
  gateway('fine', 443, 'ca'),
  gateway('unjudged', 8443, 'no-ca'),
].join('');

function refsOf(options: Parameters<typeof compileText>[1]): Record<string, string> {
  const { status } = compileText(manifests, options);
  const entries = status.flatMap(({ name, listeners = [] }) =>
    listeners.map((listener) => {
      const refs = listener.conditions.find(({ type }) => type === 'ResolvedRefs');
      return [`${name}/${listener.name}`, refs?.reason ?? ''] as const;
    }),
  );
  return Object.fromEntries(entries);
}

test('a key of another certificate, and authorities that cannot be read', () => {
  assert.deepEqual(refsOf({ options: { findPemFault } }), {
    'fine/good': 'ResolvedRefs',
    'fine/swapped': 'InvalidCertificateRef',
    'unjudged/good': 'InvalidCACertificateRef',
    'unjudged/swapped': 'InvalidCertificateRef',
  });
  const { plan, diagnostics } = compileText(manifests, { options: { findPemFault } });
  assert.deepEqual(
    Object.values(plan.listeners).map(({ name, port }) => `${port} ${name}`),
    ['gateway/edge/fine/443 good'],
  );
  const messages = diagnostics.map(({ message }) => message);
  assert.ok(
    messages.includes(
      'certificateRef "swapped": Secret "edge/swapped" holds a key that is not that of its first certificate',
    ),
    messages.join('\n'),
  );
});

test('nobody looks into it: the frame is enough', () => {
  assert.deepEqual(new Set(Object.values(refsOf({}))), new Set(['ResolvedRefs']));
});
