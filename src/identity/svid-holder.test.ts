import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import { inspect } from 'node:util';
import { issueSvid, makeCa } from '../../test/kit/cert-kit.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { SvidHolder, type Svid } from './svid-holder.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/app';
let nowMs = Date.now();
const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
let authority: CertificateAuthority;

before(async () => {
  authority = await CertificateAuthority.ephemeral({ clock });
});

function holder(random = 0.5): SvidHolder {
  return new SvidHolder({ clock, random: () => random });
}

async function certified(held: SvidHolder, ttlSeconds = 86_400): Promise<Svid> {
  const { chainPem } = await authority.issue({ csrPem: held.csr(), spiffeId, ttlSeconds });
  const { svid } = held.accept(chainPem ?? '', authority.rootPem);
  assert.ok(svid);
  return svid;
}

test('a certificate for its key is taken and told to listeners', async () => {
  const held = holder();
  const seen: Svid[] = [];
  const stop = held.onChange((svid) => seen.push(svid));
  assert.equal(held.current(), undefined);
  const svid = await certified(held);
  assert.equal(svid.spiffeId, spiffeId);
  assert.equal(held.current(), svid);
  assert.deepEqual(seen, [svid]);
  const key = createPublicKey(createPrivateKey(svid.keyPem.reveal()));
  assert.equal(new X509Certificate(svid.chainPem).checkPrivateKey(createPrivateKey(svid.keyPem.reveal())), true);
  assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  stop();
  await certified(held);
  assert.equal(seen.length, 1);
});

test('each request has a new key', async () => {
  const held = holder();
  const first = await certified(held);
  const second = await certified(held);
  assert.notEqual(first.keyPem.reveal(), second.keyPem.reveal());
});

test('renewRatio and renewRatioJitter: renewal is due at half of the lifetime, with jitter', async () => {
  const half = nowMs + 43_200_000;
  assert.ok(Math.abs((await certified(holder(0.5))).renewAtMs - half) < 2000);
  assert.ok(Math.abs((await certified(holder(0))).renewAtMs - (half - 864_000)) < 2000);
  assert.ok(Math.abs((await certified(holder(0.999_999))).renewAtMs - (half + 864_000)) < 2000);
});

test('renewal of a very short certificate is not already due', async () => {
  const svid = await certified(holder(), 10);
  assert.ok(svid.renewAtMs > nowMs && svid.renewAtMs < svid.notAfterMs);
});

test('a new bundle for the same certificate keeps key and renewal time', async () => {
  const held = holder();
  const svid = await certified(held);
  nowMs += 1000;
  const both = authority.rootPem + makeCa().pem;
  const { svid: updated } = held.accept(svid.chainPem, both);
  assert.deepEqual({ ...updated, keyPem: svid.keyPem }, { ...svid, bundlePem: both });
  assert.equal(updated?.keyPem.reveal(), svid.keyPem.reveal());
});

test('the bundle may change while a request is under way', async () => {
  const held = holder();
  const svid = await certified(held);
  const { chainPem } = await authority.issue({ csrPem: held.csr(), spiffeId });
  assert.equal(held.accept(svid.chainPem, authority.rootPem).error, undefined);
  assert.equal(held.accept(chainPem ?? '', authority.rootPem).error, undefined);
  assert.equal(held.current()?.chainPem, chainPem);
});

test('what does not fit is refused, and the certificate in use stays', async () => {
  const held = holder();
  const earlier = await certified(held);
  const other = await certified(holder());
  const ownKey = createPrivateKey(earlier.keyPem.reveal());
  const ca = makeCa();
  const expired = issueSvid(ca, { uri: spiffeId, key: ownKey, notAfterMs: nowMs - 1000 });
  const clientOnly = issueSvid(ca, { uri: spiffeId, key: ownKey, extendedKeyUsage: ['1.3.6.1.5.5.7.3.2'] });
  const nameless = issueSvid(ca, { key: ownKey });
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [other.chainPem, authority.rootPem, /not for a key of this process/],
    ['', authority.rootPem, /no complete certificate/],
    [earlier.chainPem, '', /trust bundle: /],
    [earlier.chainPem, ca.pem, /not issued by a trusted root/],
    [expired.chainPem, ca.pem, /expired at/],
    [clientOnly.chainPem, ca.pem, /lacks serverAuth/],
    [nameless.chainPem, ca.pem, /no URI name/],
    [ca.pem, ca.pem, /not for a key/],
  ];
  for (const [chainPem, bundlePem, expected] of cases) {
    assert.match(held.accept(chainPem, bundlePem).error ?? 'accepted', expected);
    assert.equal(held.current(), earlier);
  }
});

test('nothing prints the private key', async () => {
  const held = holder();
  const svid = await certified(held);
  held.csr();
  const shown = [held, svid]
    .map((value) => inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value))
    .join('');
  assert.match(shown, /\[redacted\]/);
  for (const line of svid.keyPem.reveal().split('\n').slice(1, 3)) assert.equal(shown.includes(line), false);
});
