/**
 * Certificate authorities and SVIDs for tests, good and bad, in one call each:
 * `const ca = makeCa(); const svid = issueSvid(ca, { uri: 'spiffe://cluster.local/ns/default/sa/app' })`.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { contextTag, derTag } from '../../src/identity/der-reader.ts';
import { derOid, derSequence, derValue } from '../../src/identity/der-writer.ts';
import { oid } from '../../src/identity/oids.ts';
import { writePem } from '../../src/identity/pem.ts';
import {
  basicConstraintsValue,
  buildCertificate,
  distinguishedName,
  extension,
  generalName,
  keyUsageValue,
  makeKey,
  nameConstraintsValue,
  type CertificateFields,
  type KeyUsageName,
  type SanName,
} from './cert-der.ts';

/** What both kinds of certificate let a test change. `null` leaves an extension out. */
export interface CertificateOverrides {
  /** Default: an hour ago. */
  readonly notBeforeMs?: number;
  /** Default: in a day (CA: in a year). */
  readonly notAfterMs?: number;
  /** Default: a fresh P-256 key. */
  readonly key?: KeyObject;
  /** Subject common name; default: none for SVIDs, `Test CA` for authorities. */
  readonly commonName?: string;
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number } | null;
  readonly keyUsage?: readonly KeyUsageName[] | null;
  readonly keyUsageCritical?: boolean;
  /** Object identifiers. */
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly names?: readonly SanName[];
  readonly namesCritical?: boolean;
  readonly nameConstraints?: { readonly permitted?: readonly SanName[]; readonly excluded?: readonly SanName[] };
  /** Encoded extensions on top. */
  readonly moreExtensions?: readonly Buffer[];
  /** Anything of the certificate itself: hash, serial, version, a forged signature, … */
  readonly fields?: Partial<CertificateFields>;
}

export interface CaOptions extends CertificateOverrides {
  /** Adds the URI name `spiffe://<trust domain>`, as X509-SVID.md suggests for signing certificates. */
  readonly trustDomain?: string;
  /** Makes an intermediate below this authority; default: self-signed. */
  readonly signedBy?: TestCa;
}

export interface SvidOptions extends CertificateOverrides {
  /** The one URI name; `names` replaces it. */
  readonly uri?: string;
}

export interface TestCa {
  readonly key: KeyObject;
  readonly subject: Buffer;
  readonly der: Buffer;
  readonly pem: string;
  /** Intermediates from this one up to, but without, the root: what a peer sends after its leaf. */
  readonly chain: readonly Buffer[];
}

export interface TestSvid {
  readonly key: KeyObject;
  readonly keyPem: string;
  readonly der: Buffer;
  /** Leaf first, then intermediates, without the root. */
  readonly chain: readonly Buffer[];
  readonly chainPem: string;
}

const hourMs = 3_600_000;

/** A root, or with `signedBy` an intermediate. */
export function makeCa(options: CaOptions = {}): TestCa {
  const key = options.key ?? makeKey();
  const subject = distinguishedName(options.commonName ?? 'Test CA');
  const { signedBy } = options;
  const signer = signedBy ?? { key, subject };
  const names =
    options.names ?? (options.trustDomain === undefined ? [] : [{ uri: `spiffe://${options.trustDomain}` }]);
  const der = buildCertificate({
    issuer: signer.subject,
    subject,
    notBeforeMs: options.notBeforeMs ?? Date.now() - hourMs,
    notAfterMs: options.notAfterMs ?? Date.now() + 365 * 24 * hourMs,
    publicKey: key,
    signingKey: signer.key,
    extensions: extensionsOf(
      { keyUsage: ['keyCertSign', 'crlSign'], basicConstraints: { ca: true }, ...options, names },
      key,
      signer.key,
    ),
    ...options.fields,
  });
  const chain = signedBy === undefined ? [] : [der, ...signedBy.chain];
  return { key, subject, der, pem: writePem('CERTIFICATE', der), chain };
}

/** A leaf in the profile of the product's own authority, changed by what `options` says. */
export function issueSvid(ca: TestCa, options: SvidOptions): TestSvid {
  const key = options.key ?? makeKey();
  const uris = options.uri === undefined ? [] : [{ uri: options.uri }];
  const der = buildCertificate({
    issuer: ca.subject,
    subject: distinguishedName(options.commonName),
    notBeforeMs: options.notBeforeMs ?? Date.now() - hourMs,
    notAfterMs: options.notAfterMs ?? Date.now() + 24 * hourMs,
    publicKey: key,
    signingKey: ca.key,
    extensions: extensionsOf(
      {
        keyUsage: ['digitalSignature'],
        basicConstraints: { ca: false },
        extendedKeyUsage: [oid.serverAuth, oid.clientAuth],
        ...options,
        names: options.names ?? uris,
      },
      key,
      ca.key,
    ),
    ...options.fields,
  });
  const chain = [der, ...ca.chain];
  return {
    key,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }),
    der,
    chain,
    chainPem: chain.map((part) => writePem('CERTIFICATE', part)).join(''),
  };
}

/** A leaf that vouches for itself. */
export function selfSignedSvid(options: SvidOptions): TestSvid {
  const key = options.key ?? makeKey();
  const subject = distinguishedName(options.commonName);
  return issueSvid({ key, subject, der: Buffer.alloc(0), pem: '', chain: [] }, { ...options, key });
}

function extensionsOf(options: CertificateOverrides, key: KeyObject, issuerKey: KeyObject): Buffer[] {
  const { basicConstraints, keyUsage, extendedKeyUsage, names = [], nameConstraints } = options;
  const list: Buffer[] = [
    extension(oid.subjectKeyIdentifier, derValue(derTag.octetString, keyId(key)), { critical: false }),
    extension(oid.authorityKeyIdentifier, derSequence(derValue(contextTag(0, 'primitive'), keyId(issuerKey))), {
      critical: false,
    }),
  ];
  if (basicConstraints) {
    list.push(extension(oid.basicConstraints, basicConstraintsValue(basicConstraints), { critical: true }));
  }
  if (keyUsage) {
    list.push(extension(oid.keyUsage, keyUsageValue(keyUsage), { critical: options.keyUsageCritical ?? true }));
  }
  if (extendedKeyUsage) {
    list.push(extension(oid.extendedKeyUsage, derSequence(...extendedKeyUsage.map(derOid)), { critical: false }));
  }
  if (names.length > 0) {
    const critical = options.namesCritical ?? options.commonName === undefined;
    list.push(extension(oid.subjectAltName, derSequence(...names.map(generalName)), { critical }));
  }
  if (nameConstraints !== undefined) {
    list.push(extension(oid.nameConstraints, nameConstraintsValue(nameConstraints), { critical: true }));
  }
  return [...list, ...(options.moreExtensions ?? [])];
}

function keyId(key: KeyObject): Buffer {
  const publicKeyInfo = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(publicKeyInfo).digest().subarray(0, 20);
}
