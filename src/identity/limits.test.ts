/** Every bound of this folder: at it, and one past it. */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { basicConstraintsValue, extension, makeKey } from '../../test/kit/cert-der.ts';
import { issueSvid, makeCa, type TestCa } from '../../test/kit/cert-kit.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { createCsr } from './csr.ts';
import { readOid } from './der-reader.ts';
import {
  defaultSvidTtlSeconds,
  listenerCertificateTtlSeconds,
  maxBundleCertificates,
  maxCertificateBytes,
  maxChainCertificates,
  maxCsrBytes,
  maxOidBytes,
  maxPemBytes,
  maxRsaBits,
  maxSignatureChecks,
  maxSpiffeIdBytes,
  maxStateFileBytes,
  maxSubjectAltNames,
  maxSvidTtlSeconds,
  maxTrustDomainBytes,
  minRsaBits,
  notBeforeGraceSeconds,
  rootTtlSeconds,
} from './limits.ts';
import { makeListenerCertificate } from './listener-certificate.ts';
import { oid } from './oids.ts';
import { readPemCertificates, writePem } from './pem.ts';
import { allowedPublicKey } from './signature-policy.ts';
import { checkTrustDomain, parseSpiffeId } from './spiffe-id.ts';
import { readOrCreateStateFile } from './state-file.ts';
import { readTrustBundle } from './trust-bundle.ts';
import { verifyPeer } from './verify-peer.ts';

const uri = 'spiffe://cluster.local/ns/default/sa/app';
const root = makeCa();
/** Whole seconds, as certificates have them. */
const nowMs = Math.floor(Date.now() / 1000) * 1000;

function verdict(chain: readonly Buffer[], bundlePem = root.pem): string {
  const { error } = verifyPeer(chain, { trustDomain: 'cluster.local', bundlePem, role: 'client', nowMs });
  return error ?? 'accepted';
}

test('maxSpiffeIdBytes and maxTrustDomainBytes', () => {
  const id = (bytes: number): string => 'spiffe://a/'.padEnd(bytes, 'b');
  assert.equal(parseSpiffeId(id(maxSpiffeIdBytes)).error, undefined);
  assert.match(parseSpiffeId(id(maxSpiffeIdBytes + 1)).error ?? '', /longer than 2048/);
  assert.equal(checkTrustDomain('a'.repeat(maxTrustDomainBytes)), undefined);
  assert.match(checkTrustDomain('a'.repeat(maxTrustDomainBytes + 1)) ?? '', /longer than 255/);
});

test('maxChainCertificates', () => {
  const [leaf] = issueSvid(root, { uri }).chain;
  assert.ok(leaf !== undefined);
  const chain = (length: number): Buffer[] => [leaf, ...Array.from({ length: length - 1 }, () => root.der)];
  assert.equal(verdict(chain(maxChainCertificates)), 'accepted');
  assert.match(verdict(chain(maxChainCertificates + 1)), /7 certificates, more than 6/);
});

test('maxCertificateBytes, of a peer and in PEM', () => {
  // RSA, because its signatures all have one length.
  const rsa = makeCa({ key: makeKey('rsa2048') });
  const key = makeKey();
  const sized = (filler: number): Buffer => {
    const moreExtensions = [extension('1.2.3.4', Buffer.alloc(filler), { critical: false })];
    return issueSvid(rsa, { uri, key, moreExtensions, fields: { serial: Buffer.alloc(16, 1) } }).der;
  };
  const guess = 15_000;
  const at = sized(guess + maxCertificateBytes - sized(guess).length);
  const past = sized(guess + maxCertificateBytes - sized(guess).length + 1);
  assert.deepEqual([at.length, past.length], [maxCertificateBytes, maxCertificateBytes + 1]);
  assert.equal(verdict([at], rsa.pem), 'accepted');
  assert.match(verdict([past], rsa.pem), /larger than 16384/);
  assert.equal(readPemCertificates(writePem('CERTIFICATE', at)).error, undefined);
  assert.match(readPemCertificates(writePem('CERTIFICATE', past)).error ?? '', /larger than 16384/);
});

test('maxSignatureChecks', () => {
  // Of one name and without key identifiers, so that only the signature tells them apart.
  const extensions = [extension(oid.basicConstraints, basicConstraintsValue({ ca: true }), { critical: true })];
  const make = (): TestCa => makeCa({ commonName: 'Twin', fields: { extensions } });
  const right = make();
  const { chain } = issueSvid(right, { uri });
  const bundle = (wrong: number): string =>
    [...Array.from({ length: wrong }, make), right].map(({ pem }) => pem).join('');
  assert.equal(verdict(chain, bundle(maxSignatureChecks - 1)), 'accepted');
  assert.match(verdict(chain, bundle(maxSignatureChecks)), /did not issue the one below it/);
});

test('maxBundleCertificates', () => {
  assert.equal(readTrustBundle(root.pem.repeat(maxBundleCertificates)).error, undefined);
  assert.match(
    readTrustBundle(root.pem.repeat(maxBundleCertificates + 1)).error ?? '',
    /65 certificates, more than 64/,
  );
});

test('maxPemBytes', () => {
  assert.equal(readPemCertificates(root.pem.padEnd(maxPemBytes, '\n')).error, undefined);
  assert.match(readPemCertificates(root.pem.padEnd(maxPemBytes + 1, '\n')).error ?? '', /longer than 1500000/);
});

test('maxCsrBytes and maxSvidTtlSeconds', async () => {
  const authority = await CertificateAuthority.ephemeral();
  const csrPem = createCsr(makeKey());
  const issue = async (change: { readonly csrPem?: string; readonly ttlSeconds?: number }): Promise<string> =>
    (await authority.issue({ csrPem, spiffeId: uri, ...change })).error ?? 'granted';
  assert.equal(await issue({ csrPem: csrPem.padEnd(maxCsrBytes, '\n') }), 'granted');
  assert.match(await issue({ csrPem: csrPem.padEnd(maxCsrBytes + 1, '\n') }), /larger than 16384/);
  assert.equal(await issue({ ttlSeconds: maxSvidTtlSeconds }), 'granted');
  assert.match(await issue({ ttlSeconds: maxSvidTtlSeconds + 1 }), /not between 1 and 7776000/);
});

test('minRsaBits and maxRsaBits', () => {
  /** A public key of so many bits; nobody asks whether its modulus has factors. */
  const rsa = (bits: number): ParsedCertificate => {
    const modulus = Buffer.alloc(Math.ceil(bits / 8), 0xa5);
    modulus[0] = 1 << ((bits - 1) % 8);
    const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' };
    const publicKeyInfo = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
    return { publicKeyInfo } as ParsedCertificate;
  };
  for (const bits of [minRsaBits, maxRsaBits]) assert.equal(allowedPublicKey(rsa(bits)).error, undefined);
  assert.equal(allowedPublicKey(rsa(minRsaBits - 1)).error, 'RSA key of 2047 bits is below 2048');
  assert.equal(allowedPublicKey(rsa(maxRsaBits + 1)).error, 'RSA key of 8193 bits is above 8192');
});

test('maxSubjectAltNames', () => {
  const names = (count: number): Buffer[] => [
    issueSvid(root, { names: [{ uri }, ...Array.from({ length: count - 1 }, () => ({ dns: 'a' }))] }).der,
  ];
  assert.equal(verdict(names(maxSubjectAltNames)), 'accepted');
  assert.match(verdict(names(maxSubjectAltNames + 1)), /more than 64 alternative names/);
});

test('maxOidBytes', () => {
  // One number of 7 bits in each byte.
  assert.equal(readOid(Buffer.alloc(maxOidBytes, 1)).split('.').length, maxOidBytes + 1);
  assert.throws(() => readOid(Buffer.alloc(maxOidBytes + 1, 1)), /longer than 40/);
});

test('maxStateFileBytes', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'limits-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const read = async (bytes: number): Promise<string> => {
    writeFileSync(join(directory, `${bytes}`), 'x'.repeat(bytes), { mode: 0o600 });
    const result = await readOrCreateStateFile({ directory, name: `${bytes}` }, () => assert.fail('it is there'));
    return result.error ?? `${result.text.length} characters`;
  };
  assert.equal(await read(maxStateFileBytes), '65536 characters');
  assert.match(await read(maxStateFileBytes + 1), /larger than 65536/);
});

test('defaultSvidTtlSeconds, rootTtlSeconds, listenerCertificateTtlSeconds and notBeforeGraceSeconds, to the second', async () => {
  const authority = await CertificateAuthority.ephemeral({ clock: { wallMs: () => nowMs, monotonicMs: () => 0 } });
  const issued = await authority.issue({ csrPem: createCsr(makeKey()), spiffeId: uri });
  const { listener } = await makeListenerCertificate(['localhost'], { nowMs });
  for (const [pem, ttlSeconds] of [
    [issued.chainPem, defaultSvidTtlSeconds],
    [authority.rootPem, rootTtlSeconds],
    [listener?.certificatePem, listenerCertificateTtlSeconds],
  ] as const) {
    const { certificate } = parseCertificate(new X509Certificate(pem ?? '').raw);
    assert.deepEqual(
      [certificate?.notBeforeMs, certificate?.notAfterMs],
      [nowMs - notBeforeGraceSeconds * 1000, nowMs + ttlSeconds * 1000],
    );
  }
});
