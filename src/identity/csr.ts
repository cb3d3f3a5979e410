/** PKCS#10 requests (RFC 2986) of a proxy process. */
import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { contextTag } from './der-reader.ts';
import { derBitString, derInteger, derOid, derSequence, derValue } from './der-writer.ts';
import { oid } from './oids.ts';
import { writePem } from './pem.ts';

/**
 * A request (PEM) for a P-256 key, with an empty subject and no names: the issuer decides the identity and would ignore
 * them. Written here because the certificate library costs each proxy process 25 MB and 80 ms to load.
 */
export function createCsr(privateKey: KeyObject): string {
  const publicKeyInfo = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const body = derSequence(
    derInteger(Buffer.from([0])),
    derSequence(),
    publicKeyInfo,
    derValue(contextTag(0, 'constructed')),
  );
  const algorithm = derSequence(derOid(oid.ecdsaWithSha256));
  const signature = sign('sha256', body, privateKey);
  return writePem('CERTIFICATE REQUEST', derSequence(body, algorithm, derBitString(signature)));
}
