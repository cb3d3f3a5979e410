/** Which keys and signature algorithms may vouch for an identity, and the check itself. */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { ParsedCertificate } from './certificate.ts';
import { maxRsaBits, minRsaBits } from './limits.ts';
import { oid } from './oids.ts';

export type PublicKeyResult =
  | { readonly key: KeyObject; readonly error?: undefined }
  | { readonly error: string; readonly key?: undefined };

interface SignatureKind {
  readonly keyType: 'ec' | 'rsa';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
}

// SHA-1 and MD5 are absent on purpose; so are Ed25519 and RSA-PSS, which Envoy's BoringSSL does not take in its default
// configuration: a mesh that used them would fail only at the first Envoy.
const signatureKinds: Readonly<Record<string, SignatureKind>> = {
  [oid.ecdsaWithSha256]: { keyType: 'ec', hash: 'sha256' },
  [oid.ecdsaWithSha384]: { keyType: 'ec', hash: 'sha384' },
  [oid.ecdsaWithSha512]: { keyType: 'ec', hash: 'sha512' },
  [oid.rsaWithSha256]: { keyType: 'rsa', hash: 'sha256' },
  [oid.rsaWithSha384]: { keyType: 'rsa', hash: 'sha384' },
  [oid.rsaWithSha512]: { keyType: 'rsa', hash: 'sha512' },
};

const allowedCurves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** The certificate's public key if the policy allows it: P-256, P-384, P-521, or RSA of 2048 to 8192 bits. */
export function allowedPublicKey(certificate: ParsedCertificate): PublicKeyResult {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: certificate.publicKeyInfo, format: 'der', type: 'spki' });
  } catch {
    return { error: 'public key cannot be read' };
  }
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ec') {
    const curve = details?.namedCurve ?? 'with explicit parameters';
    return allowedCurves.has(curve) ? { key } : { error: `elliptic curve ${curve} is not allowed` };
  }
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < minRsaBits) return { error: `RSA key of ${bits} bits is below ${minRsaBits}` };
    return bits > maxRsaBits ? { error: `RSA key of ${bits} bits is above ${maxRsaBits}` } : { key };
  }
  return { error: `key type ${key.asymmetricKeyType ?? 'unknown'} is not allowed` };
}

/** Why `issuerKey` did not sign `certificate` by an allowed algorithm, or `undefined` when it did. */
export function checkSignature(certificate: ParsedCertificate, issuerKey: KeyObject): string | undefined {
  const algorithm = certificate.signatureAlgorithm;
  const kind = Object.hasOwn(signatureKinds, algorithm.oid) ? signatureKinds[algorithm.oid] : undefined;
  if (kind === undefined) return `signature algorithm ${algorithm.oid} is not allowed`;
  // RFC 5758 §3.2: absent for ECDSA; RFC 4055 §5: NULL for RSA.
  if (algorithm.parameters !== (kind.keyType === 'ec' ? 'absent' : 'null')) {
    return 'signature algorithm has wrong parameters';
  }
  if (issuerKey.asymmetricKeyType !== kind.keyType) return 'signature algorithm does not fit the key of the issuer';
  return verify(kind.hash, certificate.tbs, issuerKey, certificate.signature) ? undefined : 'signature does not verify';
}
