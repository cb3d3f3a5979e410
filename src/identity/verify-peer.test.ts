/** The certificate matrix: every way a chain can be wrong, and the few in which it is right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinguishedName, extension, makeKey } from '../../test/kit/cert-der.ts';
import { issueSvid, makeCa, selfSignedSvid, type SvidOptions } from '../../test/kit/cert-kit.ts';
import { derOid, derSequence, derValue } from './der-writer.ts';
import { verifyPeer, type VerifyPeerOptions } from './verify-peer.ts';

const uri = 'spiffe://cluster.local/ns/default/sa/app';
const nowMs = Date.now();
const minuteMs = 60_000;
const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const codeSigning = '1.3.6.1.5.5.7.3.3';
const anyUsage = '2.5.29.37.0';

const root = makeCa();
const impostor = makeCa();
const foreignRoot = makeCa({ commonName: 'Foreign' });
const intermediate = makeCa({ commonName: 'Intermediate', signedBy: root });
const rsaKey = makeKey('rsa2048');

const accepted = /^accepted spiffe:\/\/.+\/.+$/;

interface Row {
  readonly name: string;
  readonly chain: readonly Buffer[];
  /** What the refusal says, or `accepted`. */
  readonly expected: RegExp;
  readonly with?: Partial<VerifyPeerOptions>;
}

function leaf(options: SvidOptions): readonly Buffer[] {
  return issueSvid(root, { uri, ...options }).chain;
}
function below(caOptions: Parameters<typeof makeCa>[0], svid: SvidOptions = {}): readonly Buffer[] {
  const ca = makeCa({ commonName: 'Below', signedBy: root, ...caOptions });
  return issueSvid(ca, { uri, ...svid }).chain;
}

const good: readonly Row[] = [
  { name: 'the profile of the own authority', chain: leaf({}), expected: accepted },
  { name: 'the same as a server', chain: leaf({}), expected: accepted, with: { role: 'server' } },
  { name: 'one intermediate', chain: issueSvid(intermediate, { uri }).chain, expected: accepted },
  { name: 'the root sent along', chain: [...leaf({}), root.der], expected: accepted },
  { name: 'intermediates in the wrong order', chain: reordered(), expected: accepted },
  { name: 'RSA 2048 leaf key', chain: leaf({ key: rsaKey }), expected: accepted },
  { name: 'RSA 2048 issuer', ...withRoot(makeCa({ key: rsaKey })), expected: accepted },
  {
    name: 'P-384 issuer, SHA-384',
    ...withRoot(makeCa({ key: makeKey('p384') }), { hash: 'sha384' }),
    expected: accepted,
  },
  {
    name: 'P-521 issuer, SHA-512',
    ...withRoot(makeCa({ key: makeKey('p521') }), { hash: 'sha512' }),
    expected: accepted,
  },
  { name: 'a subject, and a SAN that is not critical', chain: leaf({ commonName: 'app' }), expected: accepted },
  { name: 'a DNS name beside the URI', chain: leaf({ names: [{ dns: 'app.local' }, { uri }] }), expected: accepted },
  { name: 'no extended key usage', chain: leaf({ extendedKeyUsage: null }), expected: accepted },
  { name: 'the needed extended key usage alone', chain: leaf({ extendedKeyUsage: [clientAuth] }), expected: accepted },
  { name: 'a root without key usage', ...withRoot(makeCa({ keyUsage: null })), expected: accepted },
  {
    name: 'a root that names its trust domain',
    ...withRoot(makeCa({ trustDomain: 'cluster.local' })),
    expected: accepted,
  },
  {
    name: 'old and new root in the bundle',
    chain: leaf({}),
    expected: accepted,
    with: { bundlePem: impostor.pem + root.pem },
  },
  {
    name: 'an expired root beside a valid one',
    chain: leaf({}),
    expected: accepted,
    with: { bundlePem: expiredRoot().pem + root.pem },
  },
  {
    name: 'an alias of the trust domain',
    chain: leaf({ uri: 'spiffe://old.local/ns/default/sa/app' }),
    expected: accepted,
    with: { aliases: ['old.local'] },
  },
  {
    name: 'the expected identity',
    chain: leaf({}),
    expected: accepted,
    with: { allowed: ['spiffe://cluster.local/ns/x/sa/y', uri] },
  },
  {
    name: 'the expected identity under an alias',
    chain: leaf({ uri: 'spiffe://old.local/ns/default/sa/app' }),
    expected: accepted,
    with: { aliases: ['old.local'], allowed: [uri] },
  },
  {
    name: 'a federated trust domain, by its own root',
    chain: issueSvid(foreignRoot, { uri: 'spiffe://other.org/a' }).chain,
    expected: accepted,
    with: { federatedBundles: { 'other.org': foreignRoot.pem } },
  },
  { name: 'the longest URI allowed', chain: leaf({ uri: longUri(2048) }), expected: accepted },
  { name: 'valid from this very second', chain: leaf({ notBeforeMs: nowMs - 1000 }), expected: accepted },
  { name: 'valid for one more second', chain: leaf({ notAfterMs: nowMs + 2000 }), expected: accepted },
  {
    name: 'path length that just suffices',
    chain: below({ basicConstraints: { ca: true, pathLength: 0 } }),
    expected: accepted,
  },
  {
    name: 'a name constraint that permits',
    chain: below({ nameConstraints: { permitted: [{ uri: 'cluster.local' }] } }),
    expected: accepted,
  },
  {
    name: 'a DNS constraint that concerns no name',
    chain: below({ nameConstraints: { permitted: [{ dns: 'x.org' }] } }),
    expected: accepted,
  },
  {
    name: 'an unknown extension that is not critical',
    chain: leaf({ moreExtensions: [unknownExtension(false)] }),
    expected: accepted,
  },
  { name: 'an intermediate for any use', chain: below({ extendedKeyUsage: [anyUsage] }), expected: accepted },
];

const trust: readonly Row[] = [
  { name: 'no certificate', chain: [], expected: /sent no certificate/ },
  {
    name: 'self-signed',
    chain: selfSignedSvid({ uri, commonName: 'me' }).chain,
    expected: /not issued by a trusted root/,
  },
  {
    name: 'self-signed, itself named as a CA',
    chain: selfSignedSvid({ uri, commonName: 'Test CA' }).chain,
    expected: /not issued by/,
  },
  {
    name: 'another CA of the same name',
    chain: issueSvid(impostor, { uri }).chain,
    expected: /not issued by a trusted root/,
  },
  {
    name: 'another CA that claims the key id of ours',
    chain: leaf({ fields: { signingKey: makeKey() } }),
    expected: /signature does not verify/,
  },
  { name: 'the root itself as the leaf', chain: [root.der], expected: /no URI name/ },
  {
    name: 'wrong trust domain',
    chain: leaf({ uri: 'spiffe://evil.org/ns/default/sa/app' }),
    expected: /trust domain evil\.org is not cluster\.local/,
  },
  {
    name: 'our trust domain by the root of a federated one',
    chain: issueSvid(foreignRoot, { uri }).chain,
    expected: /not issued by a trusted root/,
    with: { federatedBundles: { 'other.org': foreignRoot.pem } },
  },
  {
    name: 'a federated trust domain by our root',
    chain: leaf({ uri: 'spiffe://other.org/a' }),
    expected: /not issued by a trusted root/,
    with: { federatedBundles: { 'other.org': foreignRoot.pem } },
  },
  {
    name: 'a trust domain named like an object property',
    chain: leaf({ uri: 'spiffe://constructor/a' }),
    expected: /is not cluster/,
    with: { federatedBundles: {} },
  },
  {
    name: 'intermediate missing',
    chain: issueSvid(intermediate, { uri }).chain.slice(0, 1),
    expected: /not issued by a trusted root/,
  },
  {
    name: 'another identity than expected',
    chain: leaf({}),
    expected: /is not the expected spiffe:\/\/cluster\.local\/ns\/a\/sa\/b$/,
    with: { allowed: ['spiffe://cluster.local/ns/a/sa/b'] },
  },
  { name: 'nobody is expected', chain: leaf({}), expected: /no identity is expected/, with: { allowed: [] } },
  {
    name: 'same path, foreign trust domain expected',
    chain: leaf({}),
    expected: /not the expected/,
    with: { allowed: ['spiffe://other.org/ns/default/sa/app'] },
  },
  {
    name: 'a bundle that is not PEM',
    chain: leaf({}),
    expected: /trust bundle: PEM text has no complete certificate/,
    with: { bundlePem: 'x' },
  },
  {
    name: 'a bundle cut short',
    chain: leaf({}),
    expected: /trust bundle: .*cut short/,
    with: { bundlePem: root.pem + root.pem.slice(0, 200) },
  },
];

const time: readonly Row[] = [
  {
    name: 'expired a second ago',
    chain: leaf({ notAfterMs: nowMs - 1000 }),
    expected: /certificate expired at 20\d\d-/,
  },
  { name: 'expired a minute ago', chain: leaf({ notAfterMs: nowMs - minuteMs }), expected: /certificate expired at/ },
  {
    name: 'not yet valid, by two seconds',
    chain: leaf({ notBeforeMs: nowMs + 2000 }),
    expected: /is not valid before/,
  },
  {
    name: 'not yet valid, by a minute',
    chain: leaf({ notBeforeMs: nowMs + minuteMs }),
    expected: /is not valid before/,
  },
  {
    name: 'expired intermediate',
    chain: below({ notAfterMs: nowMs - 1000 }),
    expected: /intermediate certificate \(serial \w+\) expired/,
  },
  {
    name: 'intermediate not yet valid',
    chain: below({ notBeforeMs: nowMs + 5000 }),
    expected: /intermediate .* not valid before/,
  },
  { name: 'expired root', ...expired(), expected: /root certificate \(serial \w+\) expired/ },
];

const names: readonly Row[] = [
  { name: 'no SAN', chain: leaf({ names: [] }), expected: /no URI name/ },
  { name: 'DNS name only', chain: leaf({ names: [{ dns: 'cluster.local' }] }), expected: /no URI name/ },
  { name: 'URI in an email name', chain: leaf({ names: [{ email: uri }] }), expected: /no URI name/ },
  { name: 'URI in a DNS name', chain: leaf({ names: [{ dns: uri }] }), expected: /no URI name/ },
  { name: 'URI in the common name', chain: leaf({ names: [], commonName: uri }), expected: /no URI name/ },
  {
    name: 'text that fakes a second name',
    chain: leaf({ names: [{ dns: `x, URI:${uri}` }] }),
    expected: /no URI name/,
  },
  { name: 'two SPIFFE ids', chain: leaf({ names: [{ uri }, { uri: `${uri}2` }] }), expected: /has 2 URI names/ },
  { name: 'the same SPIFFE id twice', chain: leaf({ names: [{ uri }, { uri }] }), expected: /has 2 URI names/ },
  {
    name: 'SPIFFE id, then https',
    chain: leaf({ names: [{ uri }, { uri: 'https://a/b' }] }),
    expected: /has 2 URI names/,
  },
  {
    name: 'https, then SPIFFE id',
    chain: leaf({ names: [{ uri: 'https://a/b' }, { uri }] }),
    expected: /has 2 URI names/,
  },
  {
    name: 'https only',
    chain: leaf({ uri: 'https://cluster.local/ns/default/sa/app' }),
    expected: /does not begin with spiffe/,
  },
  {
    name: 'scheme in capitals',
    chain: leaf({ uri: 'SPIFFE://cluster.local/a' }),
    expected: /does not begin with spiffe/,
  },
  {
    name: 'trust domain in capitals',
    chain: leaf({ uri: 'spiffe://Cluster.Local/a' }),
    expected: /characters other than a-z/,
  },
  { name: 'no path', chain: leaf({ uri: 'spiffe://cluster.local' }), expected: /not a workload/ },
  { name: 'path of a slash', chain: leaf({ uri: 'spiffe://cluster.local/' }), expected: /ends in a slash/ },
  { name: 'trailing slash', chain: leaf({ uri: `${uri}/` }), expected: /ends in a slash/ },
  { name: 'empty segment', chain: leaf({ uri: 'spiffe://cluster.local//ns' }), expected: /empty segment/ },
  {
    name: 'percent-encoded dot',
    chain: leaf({ uri: 'spiffe://cluster.local/%2e%2e/a' }),
    expected: /characters other than letters/,
  },
  { name: 'dot segment', chain: leaf({ uri: 'spiffe://cluster.local/./a' }), expected: /has a "\." segment/ },
  { name: 'dot-dot segment', chain: leaf({ uri: 'spiffe://cluster.local/ns/../a' }), expected: /has a "\.\." segment/ },
  { name: 'query', chain: leaf({ uri: `${uri}?a=b` }), expected: /characters other than letters/ },
  { name: 'fragment', chain: leaf({ uri: `${uri}#a` }), expected: /characters other than letters/ },
  { name: 'port', chain: leaf({ uri: 'spiffe://cluster.local:443/a' }), expected: /characters other than a-z/ },
  { name: 'user', chain: leaf({ uri: 'spiffe://me@cluster.local/a' }), expected: /characters other than a-z/ },
  { name: 'IPv6 trust domain', chain: leaf({ uri: 'spiffe://[::1]/a' }), expected: /characters other than a-z/ },
  { name: 'empty trust domain', chain: leaf({ uri: 'spiffe:///a' }), expected: /trust domain is empty/ },
  {
    name: 'trust domain of 256 bytes',
    chain: leaf({ uri: `spiffe://${'a'.repeat(256)}/a` }),
    expected: /longer than 255/,
  },
  { name: 'URI of 2049 bytes', chain: leaf({ uri: longUri(2049) }), expected: /longer than 2048/ },
  { name: 'NUL in the path', chain: leaf({ uri: `${uri}\0.evil` }), expected: /\\u0000/ },
  { name: 'NUL in the trust domain', chain: leaf({ uri: 'spiffe://cluster.local\0.evil.org/a' }), expected: /\\u0000/ },
  {
    name: 'UTF-8 in the path',
    chain: leaf({ uri: 'spiffe://cluster.local/ä' }),
    expected: /characters other than letters/,
  },
  { name: 'line break in the path', chain: leaf({ uri: `${uri}\nERROR forged` }), expected: /\\u000aERROR/ },
  { name: 'empty URI', chain: leaf({ names: [{ uri: Buffer.alloc(0) }] }), expected: /does not begin with spiffe/ },
  { name: 'empty subject and SAN not critical', chain: leaf({ namesCritical: false }), expected: /not critical/ },
  {
    name: '65 names',
    chain: leaf({ names: [{ uri }, ...Array.from({ length: 64 }, () => ({ dns: 'a' }))] }),
    expected: /more than 64/,
  },
];

const usage: readonly Row[] = [
  { name: 'leaf is a CA', chain: leaf({ basicConstraints: { ca: true } }), expected: /is a CA, not a workload/ },
  {
    name: 'leaf may sign certificates',
    chain: leaf({ keyUsage: ['digitalSignature', 'keyCertSign'] }),
    expected: /allows signing certificates/,
  },
  {
    name: 'leaf may sign CRLs',
    chain: leaf({ keyUsage: ['digitalSignature', 'crlSign'] }),
    expected: /allows signing revocation/,
  },
  { name: 'no digitalSignature', chain: leaf({ keyUsage: ['keyAgreement'] }), expected: /lacks digitalSignature/ },
  { name: 'key usage without a bit', chain: leaf({ keyUsage: [] }), expected: /lacks digitalSignature/ },
  { name: 'no key usage', chain: leaf({ keyUsage: null }), expected: /no key usage/ },
  { name: 'key usage not critical', chain: leaf({ keyUsageCritical: false }), expected: /key usage is not critical/ },
  {
    name: 'a client with serverAuth only',
    chain: leaf({ extendedKeyUsage: [serverAuth] }),
    expected: /lacks clientAuth/,
  },
  {
    name: 'a server with clientAuth only',
    chain: leaf({ extendedKeyUsage: [clientAuth] }),
    expected: /lacks serverAuth/,
    with: { role: 'server' },
  },
  { name: 'codeSigning', chain: leaf({ extendedKeyUsage: [codeSigning] }), expected: /lacks clientAuth/ },
  {
    name: 'anyExtendedKeyUsage on a leaf',
    chain: leaf({ extendedKeyUsage: [anyUsage] }),
    expected: /lacks clientAuth/,
  },
  {
    name: 'unknown critical extension',
    chain: leaf({ moreExtensions: [unknownExtension(true)] }),
    expected: /critical extension 1\.2\.3\.4/,
  },
];

const issuers: readonly Row[] = [
  { name: 'a workload as issuer', chain: workloadAsIssuer(), expected: /intermediate .* is not a CA/ },
  { name: 'intermediate without basic constraints', chain: below({ basicConstraints: null }), expected: /is not a CA/ },
  { name: 'intermediate with CA:FALSE', chain: below({ basicConstraints: { ca: false } }), expected: /is not a CA/ },
  {
    name: 'intermediate without keyCertSign',
    chain: below({ keyUsage: ['digitalSignature'] }),
    expected: /may not sign certificates/,
  },
  { name: 'intermediate without key usage', chain: below({ keyUsage: null }), expected: /has no key usage/ },
  {
    name: 'intermediate with a critical extension unknown here',
    chain: below({ moreExtensions: [unknownExtension(true)] }),
    expected: /critical extension/,
  },
  {
    name: 'intermediate for code only',
    chain: below({ extendedKeyUsage: [codeSigning] }),
    expected: /excludes this use/,
  },
  {
    name: 'root with CA:FALSE',
    ...withRoot(makeCa({ basicConstraints: { ca: false } })),
    expected: /root .* is not a CA/,
  },
  {
    name: 'root without keyCertSign',
    ...withRoot(makeCa({ keyUsage: ['crlSign'] })),
    expected: /root .* may not sign/,
  },
  {
    name: 'path length of the root exceeded',
    ...pathTooLong(),
    expected: /allows 0 intermediates below it, the chain has 1/,
  },
  {
    name: 'name constraint: other trust domain permitted',
    chain: below({ nameConstraints: { permitted: [{ uri: 'other.org' }] } }),
    expected: /name constraints/,
  },
  {
    name: 'name constraint: excluded',
    chain: below({ nameConstraints: { excluded: [{ uri: 'cluster.local' }] } }),
    expected: /name constraints/,
  },
  {
    name: 'name constraint: excluded by suffix',
    chain: below({ nameConstraints: { excluded: [{ uri: '.local' }] } }),
    expected: /name constraints/,
  },
  {
    name: 'name constraint of a form that is not supported',
    chain: below({ nameConstraints: { permitted: [{ dns: 'x.org' }] } }, { names: [{ dns: 'y.org' }, { uri }] }),
    expected: /form 2, which is not supported/,
  },
  {
    name: 'name constraint for subjects',
    chain: below({ nameConstraints: { excluded: [{ directory: distinguishedName('x') }] } }, { commonName: 'x' }),
    expected: /form 4, which is not supported/,
  },
];

const crypto: readonly Row[] = [
  {
    name: 'RSA 1024 leaf key',
    chain: leaf({ key: makeKey('rsa1024') }),
    expected: /RSA key of 1024 bits is below 2048/,
  },
  { name: 'RSA 1024 root key', ...withRoot(makeCa({ key: makeKey('rsa1024') })), expected: /RSA key of 1024 bits/ },
  { name: 'P-192 leaf key', chain: leaf({ key: makeKey('p192') }), expected: /curve prime192v1 is not allowed/ },
  { name: 'Ed25519 leaf key', chain: leaf({ key: makeKey('ed25519') }), expected: /key type ed25519 is not allowed/ },
  {
    name: 'Ed25519 root key',
    ...withRoot(makeCa({ key: makeKey('ed25519') })),
    expected: /key type ed25519 is not allowed/,
  },
  {
    name: 'ECDSA with SHA-1',
    chain: leaf({ fields: { hash: 'sha1' } }),
    expected: /signature algorithm 1\.2\.840\.10045\.4\.1 is not allowed/,
  },
  {
    name: 'RSA with SHA-1',
    ...withRoot(makeCa({ key: rsaKey }), { hash: 'sha1' }),
    expected: /signature algorithm .* is not allowed/,
  },
  {
    name: 'empty signature',
    chain: leaf({ fields: { signature: Buffer.alloc(0) } }),
    expected: /signature does not verify/,
  },
  {
    name: 'algorithm of another key type',
    chain: leaf({ fields: { signingKey: rsaKey } }),
    expected: /does not fit the key/,
  },
  {
    name: 'two different algorithms',
    chain: leaf({ fields: { innerAlgorithm: derSequence(derOid('1.2.840.10045.4.3.3')) } }),
    expected: /two signature algorithms differ/,
  },
  {
    name: 'a public key that is none',
    chain: leaf({ fields: { publicKey: derSequence() } }),
    expected: /public key cannot be read/,
  },
];

const shape: readonly Row[] = [
  { name: 'version 1', chain: leaf({ fields: { version: 1 } }), expected: /version is not 3/ },
  {
    name: 'an extension twice',
    chain: leaf({ moreExtensions: [unknownExtension(false), unknownExtension(false)] }),
    expected: /occurs twice/,
  },
  {
    name: 'bytes after the certificate',
    chain: [Buffer.concat([leafDer(), Buffer.from([0])])],
    expected: /bytes after the last value/,
  },
  { name: 'cut short', chain: [leafDer().subarray(0, 200)], expected: /malformed/ },
  { name: 'nothing at all', chain: [Buffer.alloc(0)], expected: /a value is missing/ },
  { name: 'too large', chain: [Buffer.alloc(20_000)], expected: /larger than 16384/ },
  {
    name: 'ten junk intermediates',
    chain: [leafDer(), ...Array.from({ length: 10 }, () => intermediate.der)],
    expected: /11 certificates, more than 6/,
  },
  {
    name: 'a malformed intermediate',
    chain: [leafDer(), Buffer.from('junk')],
    expected: /intermediate certificate is malformed/,
  },
];

/** Printable ASCII, and the mark of a cut. */
const fitForLog = /^[\x20-\x7e…]+$/;

const matrix = { good, trust, time, names, usage, issuers, crypto, shape };

for (const [group, rows] of Object.entries(matrix)) {
  for (const row of rows) {
    test(`${group}: ${row.name}`, () => {
      const options = {
        trustDomain: 'cluster.local',
        bundlePem: root.pem,
        role: 'client',
        nowMs,
        ...row.with,
      } as const;
      const verdict = verifyPeer(row.chain, options);
      const outcome = verdict.error ?? `accepted ${verdict.spiffeId}`;
      assert.match(outcome, row.expected);
      assert.match(outcome.slice(0, 800), fitForLog);
      assert.equal(verdict.error === undefined || outcome.length <= 800, true, 'bounded');
    });
  }
}

test('the matrix is whole', () => {
  assert.ok(Object.values(matrix).flat().length >= 60);
});

test('many cross-signed issuers cost a bounded number of signature checks', () => {
  const key = makeKey();
  const twins = Array.from({ length: 5 }, () =>
    makeCa({ key, commonName: 'Twin', signedBy: { ...impostor, key, subject: distinguishedName('Twin') } }),
  );
  const chain = [
    issueSvid({ ...impostor, key, subject: distinguishedName('Twin') }, { uri }).der,
    ...twins.map((twin) => twin.der),
  ];
  const verdict = verifyPeer(chain, { trustDomain: 'cluster.local', bundlePem: root.pem, role: 'client', nowMs });
  assert.match(verdict.error ?? 'accepted', /more than 16 signature checks/);
});

function withRoot(ca: ReturnType<typeof makeCa>, fields: SvidOptions['fields'] = {}): Pick<Row, 'chain' | 'with'> {
  return { chain: issueSvid(ca, { uri, fields }).chain, with: { bundlePem: ca.pem } };
}

function expiredRoot(): ReturnType<typeof makeCa> {
  return makeCa({ commonName: 'Old', notAfterMs: nowMs - 1000 });
}

function expired(): Pick<Row, 'chain' | 'with'> {
  return withRoot(expiredRoot());
}

function reordered(): Buffer[] {
  const second = makeCa({ commonName: 'Second', signedBy: intermediate });
  const [first = Buffer.alloc(0), ...rest] = issueSvid(second, { uri }).chain;
  return [first, ...rest.reverse()];
}

function workloadAsIssuer(): readonly Buffer[] {
  const key = makeKey();
  const workload = issueSvid(root, { uri, key, commonName: 'Workload' });
  return issueSvid(
    { key, subject: distinguishedName('Workload'), der: workload.der, pem: '', chain: workload.chain },
    { uri },
  ).chain;
}

function pathTooLong(): Pick<Row, 'chain' | 'with'> {
  const short = makeCa({ basicConstraints: { ca: true, pathLength: 0 } });
  const middle = makeCa({ commonName: 'Middle', signedBy: short });
  return { chain: issueSvid(middle, { uri }).chain, with: { bundlePem: short.pem } };
}

function unknownExtension(critical: boolean): Buffer {
  return extension('1.2.3.4', derValue(0x05), { critical });
}

function longUri(bytes: number): string {
  return `spiffe://cluster.local/${'a'.repeat(bytes - 'spiffe://cluster.local/'.length)}`;
}

function leafDer(): Buffer {
  return issueSvid(root, { uri }).der;
}
