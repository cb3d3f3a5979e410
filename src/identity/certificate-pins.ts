import { createHash, X509Certificate } from 'node:crypto';

/** SHA-256 of certificates in lower-case hexadecimal digits, and of their public keys (SPKI) in base64. */
export interface Pins {
  readonly certificates: readonly string[];
  readonly keys: readonly string[];
}

/** Whether a certificate is one of those, or has one of the keys. The chain must have been judged before. */
export function checkPins(leafDer: Buffer, { certificates, keys }: Pins): { readonly error?: string } {
  if (certificates.includes(createHash('sha256').update(leafDer).digest('hex'))) return {};
  const spki = new X509Certificate(leafDer).publicKey.export({ type: 'spki', format: 'der' });
  if (keys.includes(createHash('sha256').update(spki).digest('base64'))) return {};
  return { error: 'the certificate is none of those that are listed by hash' };
}
