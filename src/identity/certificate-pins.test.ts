import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import { checkPins } from './certificate-pins.ts';

test('a certificate is one of the list, or has a key of the list', () => {
  const ca = makeCa({ commonName: 'ca' });
  const [own, other] = ['own.example.com', 'other.example.com'].map((dns) => {
    const { raw, publicKey } = new X509Certificate(issueSvid(ca, { names: [{ dns }] }).chainPem);
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    return {
      raw,
      certificate: createHash('sha256').update(raw).digest('hex'),
      key: createHash('sha256').update(spki).digest('base64'),
    };
  }) as [Known, Known];
  assert.deepEqual(checkPins(own.raw, { certificates: [other.certificate, own.certificate], keys: [] }), {});
  assert.deepEqual(checkPins(own.raw, { certificates: [], keys: [own.key] }), {});
  assert.deepEqual(checkPins(own.raw, { certificates: [other.certificate], keys: [own.key] }), {});
  // A hash of one kind is none of the other.
  assert.match(checkPins(own.raw, { certificates: [own.key], keys: [own.certificate] }).error ?? '', /none of those/);
  assert.match(
    checkPins(own.raw, { certificates: [other.certificate], keys: [other.key] }).error ?? '',
    /none of those/,
  );
});

interface Known {
  readonly raw: Buffer;
  readonly certificate: string;
  readonly key: string;
}
