import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import { Secret } from '../base/index.ts';
import { findPemFault } from './pem-fault.ts';

const ca = makeCa({ commonName: 'root' });
const one = issueSvid(ca, { names: [{ dns: 'one.example.com' }] });
const two = issueSvid(ca, { names: [{ dns: 'two.example.com' }] });

const block = (label: string, text: string): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(text).toString('base64')}\n-----END ${label}-----\n`;

const rows = [
  ['a pair', { certificates: one.chainPem, key: one.keyPem }, undefined],
  ['with its authority', { certificates: `${one.chainPem}${ca.pem}`, key: one.keyPem }, undefined],
  ['authorities', { certificates: `${ca.pem}\n${makeCa().pem}` }, undefined],
  ['the key of another', { certificates: one.chainPem, key: two.keyPem }, /not that of its first certificate/],
  ['the authority first', { certificates: `${ca.pem}${one.chainPem}`, key: one.keyPem }, /not that of its first/],
  [
    'a frame around nothing',
    { certificates: block('CERTIFICATE', 'none'), key: one.keyPem },
    /cannot be read, number 1/,
  ],
  ['a broken second one', { certificates: ca.pem + block('CERTIFICATE', 'none') }, /cannot be read, number 2/],
  ['a block of something else beside it', { certificates: `# ours\n${ca.pem}${block('X509 CRL', 'none')}` }, undefined],
  ['nothing but that', { certificates: block('X509 CRL', 'none') }, /holds no certificate/],
  ['no key', { certificates: one.chainPem, key: block('PRIVATE KEY', 'my secret') }, /a key that cannot be read/],
] as const;

for (const [title, pem, wanted] of rows) {
  test(title, () => {
    const { certificates } = pem;
    const found = findPemFault({ certificates, ...('key' in pem ? { key: new Secret(pem.key) } : {}) });
    if (wanted === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', wanted);
  });
}
