/** The strict reader against its own encoder, against Node's reader, and against bytes that are no certificate. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import { parseCertificate } from './certificate.ts';
import { contentOf, DerError, DerReader, readBoolean, readOid, readSmallInteger, readTime } from './der-reader.ts';
import { derInteger, derOid, derValue } from './der-writer.ts';
import { verifyPeer } from './verify-peer.ts';

const uri = 'spiffe://cluster.local/ns/default/sa/app';
const root = makeCa();
const svid = issueSvid(root, { uri });

test('what it reads is what Node reads', () => {
  for (const der of [root.der, svid.der]) {
    const { certificate } = parseCertificate(der);
    const node = new X509Certificate(der);
    assert.ok(certificate);
    assert.equal(certificate.serialHex.replace(/^00/, '').toUpperCase(), node.serialNumber);
    assert.equal(certificate.notBeforeMs, node.validFromDate.getTime());
    assert.equal(certificate.notAfterMs, node.validToDate.getTime());
    assert.deepEqual(certificate.publicKeyInfo, node.publicKey.export({ format: 'der', type: 'spki' }));
    assert.equal(certificate.extensions.basicConstraints?.ca ?? false, node.ca);
  }
});

test('dates after 2049 are read from GeneralizedTime', () => {
  const far = Date.UTC(2051, 1, 3, 4, 5, 6);
  assert.equal(parseCertificate(issueSvid(root, { uri, notAfterMs: far }).der).certificate?.notAfterMs, far);
});

test('encodings that DER forbids are refused', () => {
  const cases: readonly (readonly [string, () => unknown])[] = [
    ['indefinite length', () => read('3080 0000')],
    ['length not minimal', () => read('3081 01 00')],
    ['length with a leading zero', () => read('30820001 00')],
    ['length of five bytes', () => read('308500000001 00')],
    ['long tag', () => read('1f8101 00')],
    ['content missing', () => read('3002 00')],
    ['length missing', () => read('30')],
    ['boolean 01', () => readBoolean(Buffer.from([1]))],
    ['integer with a leading zero', () => readSmallInteger(Buffer.from([0, 1]))],
    ['empty integer', () => readSmallInteger(Buffer.alloc(0))],
    ['negative integer', () => readSmallInteger(Buffer.from([0xff]))],
    ['empty OID', () => readOid(Buffer.alloc(0))],
    ['OID cut short', () => readOid(Buffer.from([0x2a, 0x86]))],
    ['OID of 41 bytes', () => readOid(Buffer.alloc(41, 1))],
    ['OID with padding', () => readOid(Buffer.from([0x2a, 0x80, 0x01]))],
    ['month 13', () => time('261301000000Z')],
    ['30 February', () => time('260230000000Z')],
    ['time zone', () => time('260201000000+0100')],
    ['no seconds', () => time('2602010000Z')],
  ];
  for (const [name, run] of cases) assert.throws(run, DerError, name);
});

test('object identifiers and integers survive writing and reading', () => {
  for (const dotted of ['2.5.29.17', '1.2.840.113549.1.1.11', '0.9.2342', '2.999.1', '1.3.6.1.4.1.4294967295']) {
    const der = derOid(dotted);
    assert.equal(readOid(contentOf(der, new DerReader(der).any())), dotted);
  }
  for (const value of [0, 1, 127, 128, 255, 256, 65_535, 2 ** 31 - 1]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    const der = derInteger(bytes);
    assert.equal(readSmallInteger(contentOf(der, new DerReader(der).any())), value);
  }
  const long = derValue(0x04, Buffer.alloc(70_000));
  assert.equal(contentOf(long, new DerReader(long).any()).length, 70_000);
});

test('no bytes make it throw, whether random or a certificate with some bytes changed', () => {
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const change = fc.tuple(fc.nat(svid.der.length - 1), fc.integer({ min: 1, max: 255 }));
  const mutated = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const der = Buffer.from(svid.der);
    // Every place once, so that no change undoes another.
    for (const [at, by] of new Map(changes)) der[at] = (der[at] ?? 0) ^ by;
    return der;
  });
  fc.assert(
    fc.property(fc.oneof({ weight: 1, arbitrary: random }, { weight: 4, arbitrary: mutated }), (der) => {
      assert.match(refusalOf(der) ?? 'accepted', /^(?!accepted)[\x20-\x7e…]{1,800}$/);
    }),
    { seed: 20_261_122, numRuns: 4000 },
  );
});

test('a certificate cut anywhere is malformed', () => {
  for (let length = 0; length < svid.der.length; length += 1) {
    assert.match(parseCertificate(svid.der.subarray(0, length)).error ?? '', /malformed/);
  }
});

function refusalOf(der: Buffer): string | undefined {
  const trust = { trustDomain: 'cluster.local', bundlePem: root.pem };
  return verifyPeer([der], { ...trust, role: 'client', nowMs: Date.now() }).error;
}

function read(hex: string): unknown {
  return new DerReader(Buffer.from(hex.replaceAll(' ', ''), 'hex')).any();
}

function time(text: string): unknown {
  const der = derValue(0x17, Buffer.from(text));
  return readTime(der, new DerReader(der).any());
}
