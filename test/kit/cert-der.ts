/** Builds certificates byte by byte, so that tests can make those that no library would sign. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { contextTag, derTag } from '../../src/identity/der-reader.ts';
import { derBitString, derInteger, derOid, derSequence, derValue } from '../../src/identity/der-writer.ts';
import { oid } from '../../src/identity/oids.ts';

export type KeyKind = 'p256' | 'p384' | 'p521' | 'p192' | 'rsa2048' | 'rsa1024' | 'ed25519';

/** A fresh private key. RSA takes some 100 ms: share it between rows. */
export function makeKey(kind: KeyKind = 'p256'): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (kind === 'rsa2048') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  if (kind === 'rsa1024') return generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  return generateKeyPairSync('ec', { namedCurve: curveNames[kind] }).privateKey;
}

const curveNames = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1', p192: 'prime192v1' } as const;

export type SignatureHash = 'sha256' | 'sha384' | 'sha512' | 'sha1';

/** A GeneralName of a subject alternative name or of a name constraint. */
export type SanName =
  | { readonly uri: string | Buffer }
  | { readonly dns: string }
  | { readonly email: string }
  | { readonly ip: string }
  | { readonly directory: Buffer };

/** Everything a certificate says; nothing is checked. */
export interface CertificateFields {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** A key, or a SubjectPublicKeyInfo as DER. */
  readonly publicKey: KeyObject | Buffer;
  readonly signingKey: KeyObject;
  readonly hash?: SignatureHash;
  readonly serial?: Buffer;
  /** Encoded `Extension` values; empty: the field is left out. */
  readonly extensions: readonly Buffer[];
  readonly version?: 1 | 3;
  /** Says another algorithm inside the signed part than outside. */
  readonly innerAlgorithm?: Buffer;
  /** Instead of a real signature. */
  readonly signature?: Buffer;
}

/** The certificate's DER. */
export function buildCertificate(fields: CertificateFields): Buffer {
  const hash = fields.hash ?? 'sha256';
  const algorithm = signatureAlgorithm(fields.signingKey, hash);
  const version = fields.version ?? 3;
  const publicKeyInfo = Buffer.isBuffer(fields.publicKey)
    ? fields.publicKey
    : createPublicKey(fields.publicKey).export({ format: 'der', type: 'spki' });
  const tbs = derSequence(
    ...(version === 1 ? [] : [derValue(contextTag(0, 'constructed'), derInteger(Buffer.from([version - 1])))]),
    derInteger(fields.serial ?? randomBytes(16)),
    fields.innerAlgorithm ?? algorithm,
    fields.issuer,
    derSequence(derTime(fields.notBeforeMs), derTime(fields.notAfterMs)),
    fields.subject,
    publicKeyInfo,
    ...(fields.extensions.length === 0
      ? []
      : [derValue(contextTag(3, 'constructed'), derSequence(...fields.extensions))]),
  );
  const digest = fields.signingKey.asymmetricKeyType === 'ed25519' ? null : hash;
  const signature = fields.signature ?? sign(digest, tbs, fields.signingKey);
  return derSequence(tbs, algorithm, derBitString(signature));
}

const ecdsaOids: Readonly<Record<SignatureHash, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: oid.ecdsaWithSha256,
  sha384: oid.ecdsaWithSha384,
  sha512: oid.ecdsaWithSha512,
};
const rsaOids: Readonly<Record<SignatureHash, string>> = {
  sha1: '1.2.840.113549.1.1.5',
  sha256: oid.rsaWithSha256,
  sha384: oid.rsaWithSha384,
  sha512: oid.rsaWithSha512,
};

function signatureAlgorithm(key: KeyObject, hash: SignatureHash): Buffer {
  if (key.asymmetricKeyType === 'rsa') return derSequence(derOid(rsaOids[hash]), derValue(derTag.null));
  return derSequence(derOid(key.asymmetricKeyType === 'ed25519' ? '1.3.101.112' : ecdsaOids[hash]));
}

/** UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
function derTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return ms < Date.UTC(2050, 0)
    ? derValue(derTag.utcTime, Buffer.from(text.slice(2)))
    : derValue(derTag.generalizedTime, Buffer.from(text));
}

/** A distinguished name of one common name; empty without text. */
export function distinguishedName(commonName?: string): Buffer {
  if (commonName === undefined) return derSequence();
  const attribute = derSequence(derOid('2.5.4.3'), derValue(derTag.utf8String, Buffer.from(commonName)));
  return derSequence(derValue(derTag.set, attribute));
}

export function extension(id: string, value: Buffer, options: { readonly critical: boolean }): Buffer {
  const critical = options.critical ? [derValue(derTag.boolean, Buffer.from([0xff]))] : [];
  return derSequence(derOid(id), ...critical, derValue(derTag.octetString, value));
}

export function generalName(name: SanName): Buffer {
  if ('uri' in name) {
    const bytes = typeof name.uri === 'string' ? Buffer.from(name.uri) : name.uri;
    return derValue(contextTag(6, 'primitive'), bytes);
  }
  if ('dns' in name) return derValue(contextTag(2, 'primitive'), Buffer.from(name.dns));
  if ('email' in name) return derValue(contextTag(1, 'primitive'), Buffer.from(name.email));
  if ('ip' in name) return derValue(contextTag(7, 'primitive'), Buffer.from(name.ip.split('.').map(Number)));
  return derValue(contextTag(4, 'constructed'), name.directory);
}

const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  crlSign: 6,
  decipherOnly: 8,
} as const;
export type KeyUsageName = keyof typeof keyUsageBits;

export function keyUsageValue(names: readonly KeyUsageName[]): Buffer {
  const bytes = Buffer.alloc(2);
  for (const name of names) {
    const bit = keyUsageBits[name];
    const at = bit >> 3;
    bytes[at] = (bytes[at] ?? 0) | (0x80 >> (bit & 7));
  }
  const used = bytes[1] === 0 ? bytes.subarray(0, 1) : bytes;
  const last = used.at(-1) ?? 0;
  const unused = last === 0 ? 0 : 31 - Math.clz32(last & -last);
  return derValue(derTag.bitString, Buffer.from([unused]), used);
}

export function basicConstraintsValue(constraints: { readonly ca: boolean; readonly pathLength?: number }): Buffer {
  return derSequence(
    ...(constraints.ca ? [derValue(derTag.boolean, Buffer.from([0xff]))] : []),
    ...(constraints.pathLength === undefined ? [] : [derInteger(Buffer.from([constraints.pathLength]))]),
  );
}

export function nameConstraintsValue(constraints: {
  readonly permitted?: readonly SanName[];
  readonly excluded?: readonly SanName[];
}): Buffer {
  const subtrees = (number: number, names: readonly SanName[] | undefined): Buffer[] =>
    names === undefined
      ? []
      : [derValue(contextTag(number, 'constructed'), ...names.map((name) => derSequence(generalName(name))))];
  return derSequence(...subtrees(0, constraints.permitted), ...subtrees(1, constraints.excluded));
}
