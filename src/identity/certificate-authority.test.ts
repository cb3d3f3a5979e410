import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { makeKey } from '../../test/kit/cert-der.ts';
import { openssl, skipWithoutOpenssl } from '../../test/kit/openssl.ts';
import type { Clock } from '../base/index.ts';
import { makeRootPem } from './ca-root.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { createCsr } from './csr.ts';
import { verifyPeer } from './verify-peer.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/app';
const hour = 3600;
let authority: CertificateAuthority;

before(async () => {
  authority = await CertificateAuthority.ephemeral();
});
const csrPem = createCsr(makeKey());

function clockAt(wallMs: number): Clock {
  return { wallMs: () => wallMs, monotonicMs: () => 0 };
}

function parse(pem: string | undefined): ParsedCertificate {
  const { certificate } = parseCertificate(new X509Certificate(pem ?? '').raw);
  assert.ok(certificate);
  return certificate;
}

test('the root has the profile of a CA', () => {
  const root = parse(authority.rootPem);
  assert.equal(root.extensions.basicConstraints?.ca, true);
  assert.deepEqual(root.extensions.keyUsage, { critical: true, bits: (1 << 5) | (1 << 6) });
  assert.deepEqual(root.extensions.subjectKeyId, root.extensions.authorityKeyId);
  assert.equal(Math.round((root.notAfterMs - root.notBeforeMs) / 86_400_000), 3650);
  assert.equal(root.serialHex.length, 32);
});

test('a workload certificate has the profile of an SVID', async () => {
  const nowMs = Date.now();
  const issued = await (await CertificateAuthority.ephemeral({ clock: clockAt(nowMs) })).issue({ csrPem, spiffeId });
  const leaf = parse(issued.chainPem);
  assert.equal(leaf.subjectIsEmpty, true);
  assert.equal(leaf.extensions.basicConstraints?.ca, false);
  assert.deepEqual(leaf.extensions.keyUsage, { critical: true, bits: 1 });
  assert.deepEqual(leaf.extensions.extendedKeyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.equal(leaf.extensions.subjectAltName?.critical, true);
  assert.deepEqual(
    leaf.extensions.subjectAltName?.names.map((name) => [name.form, name.value.toString()]),
    [[6, spiffeId]],
  );
  assert.equal(leaf.notBeforeMs, Math.floor(nowMs / 1000) * 1000 - 120_000);
  assert.equal(leaf.notAfterMs, Math.floor(nowMs / 1000) * 1000 + 24 * hour * 1000);
});

test('what it issues passes verification, and openssl agrees', { skip: skipWithoutOpenssl }, async () => {
  const { chainPem = '' } = await authority.issue({ csrPem, spiffeId });
  const options = { trustDomain: 'cluster.local', bundlePem: authority.rootPem, nowMs: Date.now() };
  const raw = new X509Certificate(chainPem).raw;
  for (const role of ['server', 'client'] as const)
    assert.deepEqual(verifyPeer([raw], { ...options, role }), { spiffeId });
  for (const purpose of ['sslserver', 'sslclient']) {
    const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', '@root.pem', '@leaf.pem'];
    const result = openssl(args, { 'root.pem': authority.rootPem, 'leaf.pem': chainPem });
    assert.equal(result.status, 0, result.text);
  }
});

test('requests are well-formed in the eyes of openssl', { skip: skipWithoutOpenssl }, () => {
  const result = openssl(['req', '-in', '@csr.pem', '-verify', '-noout', '-text'], { 'csr.pem': csrPem });
  assert.equal(result.status, 0, result.text);
  assert.match(result.text, /prime256v1/);
});

test('names and extensions asked for in a CSR are ignored', { skip: skipWithoutOpenssl }, async () => {
  const args = ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '@key.pem'];
  const wish = [
    '-subj',
    '/CN=admin',
    '-addext',
    'subjectAltName=URI:spiffe://cluster.local/ns/x/sa/admin',
    '-addext',
    'basicConstraints=CA:TRUE',
  ];
  const request = openssl([...args, ...wish], {});
  const leaf = parse(
    (await authority.issue({ csrPem: request.text.slice(request.text.indexOf('-----BEGIN')), spiffeId })).chainPem,
  );
  assert.equal(leaf.subjectIsEmpty, true);
  assert.equal(leaf.extensions.basicConstraints?.ca, false);
  assert.deepEqual(
    leaf.extensions.subjectAltName?.names.map((name) => name.value.toString()),
    [spiffeId],
  );
});

test('serial numbers are not repeated', async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 20; i += 1) serials.add(parse((await authority.issue({ csrPem, spiffeId })).chainPem).serialHex);
  assert.equal(serials.size, 20);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
});

test('a certificate never outlives its root', async () => {
  const lateMs = authority.rootNotAfterMs - hour * 1000;
  const [directory, done] = temporaryDirectory();
  try {
    const pem = await makeRootPem(lateMs + hour * 1000 - 3650 * 86_400_000);
    writeFileSync(join(directory, 'mesh-root.pem'), pem, { mode: 0o600 });
    const { authority: old } = await CertificateAuthority.open(directory, { clock: clockAt(lateMs) });
    assert.ok(old);
    const leaf = parse((await old.issue({ csrPem, spiffeId })).chainPem);
    assert.equal(leaf.notAfterMs, old.rootNotAfterMs);
  } finally {
    done();
  }
});

test('an authority whose root has expired while it ran issues nothing', async () => {
  let nowMs = Date.now();
  const clock = { wallMs: () => nowMs, monotonicMs: () => 0 };
  const old = await CertificateAuthority.ephemeral({ clock });
  nowMs = old.rootNotAfterMs;
  assert.match((await old.issue({ csrPem, spiffeId })).error ?? 'granted', /root certificate expired at/);
});

test('requests that cannot be granted are refused', async () => {
  const forged = createCsr(makeKey()).replace(/.{8}(?=\n-----END)/, 'AAAAAAAA');
  const cases: readonly (readonly [Partial<Parameters<typeof authority.issue>[0]>, RegExp])[] = [
    [{ csrPem: '' }, /no complete CERTIFICATE REQUEST/],
    [{ csrPem: 'x'.repeat(20_000) }, /larger than 16384/],
    [{ csrPem: csrPem + csrPem }, /more than one/],
    [{ csrPem: csrPem.replace('MI', '!!') }, /not valid base64/],
    [{ csrPem: createCsr(makeKey('p384')) }, /not ECDSA P-256/],
    [{ csrPem: createCsr(makeKey('rsa2048')) }, /not ECDSA P-256/],
    [{ csrPem: forged }, /signature does not verify|cannot be read/],
    [{ csrPem: authority.rootPem.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST') }, /cannot be read/],
    [{ spiffeId: 'spiffe://cluster.local' }, /not a workload/],
    [{ spiffeId: 'cluster.local/ns/a/sa/b' }, /does not begin with spiffe/],
    [{ ttlSeconds: 0 }, /between 1 and 7776000/],
    [{ ttlSeconds: 90 * 24 * hour + 1 }, /between 1 and 7776000/],
    [{ ttlSeconds: Number.NaN }, /between 1 and/],
  ];
  for (const [change, expected] of cases) {
    const issued = await authority.issue({ csrPem, spiffeId, ...change });
    assert.match(issued.error ?? 'granted', expected);
  }
});

test('no CSR makes it throw', async () => {
  const der = Buffer.from(csrPem.replace(/-----.*-----|\s/g, ''), 'base64');
  const change = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(der);
      for (const [at, by] of new Map(changes)) bytes[at] = (bytes[at] ?? 0) ^ by;
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
      const issued = await authority.issue({ csrPem: pem, spiffeId });
      assert.match(issued.error ?? 'granted', /^certificate request/);
    }),
    { seed: 20_261_122, numRuns: 300 },
  );
});

test('nothing prints the key of the root', async () => {
  const [directory, done] = temporaryDirectory();
  try {
    const { authority: opened } = await CertificateAuthority.open(directory);
    const text = readFileSync(join(directory, 'mesh-root.pem'), 'utf8');
    const keyPem = text.slice(text.indexOf('-----BEGIN PRIVATE KEY'));
    assert.equal(createPrivateKey(keyPem).asymmetricKeyType, 'ec');
    const shown = inspect(opened, { depth: 20, showHidden: true }) + JSON.stringify(opened);
    for (const line of keyPem.split('\n').slice(1, 3)) assert.equal(shown.includes(line), false);
  } finally {
    done();
  }
});

function temporaryDirectory(): [string, () => void] {
  const directory = mkdtempSync(join(tmpdir(), 'authority-'));
  return [directory, () => rmSync(directory, { recursive: true })];
}
