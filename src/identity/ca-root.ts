/** The root of the built-in authority: made once, checked whenever it is read back. */
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { parseCertificate } from './certificate.ts';
import { notBeforeGraceSeconds, rootTtlSeconds } from './limits.ts';
import { readPemBlock, writePem } from './pem.ts';
import { checkSignature } from './signature-policy.ts';

/** A root certificate and its key, both usable. */
export interface CaRoot {
  readonly certificatePem: string;
  readonly certificateDer: Buffer;
  readonly privateKey: KeyObject;
  readonly notAfterMs: number;
}

export type CaRootResult =
  | { readonly root: CaRoot; readonly error?: undefined }
  | { readonly error: string; readonly root?: undefined };

/** Signature of everything the authority signs; with a P-256 key. */
export const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new root as text: certificate, then private key, both PEM. Valid for ten years from `nowMs`. */
export async function makeRootPem(nowMs: number): Promise<string> {
  const x509 = await import('./x509-library.ts');
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    // The random part keeps two roots apart that ever meet in one bundle.
    name: `O=Sallyport, CN=Sallyport mesh root ${randomBytes(4).toString('hex')}`,
    notBefore: wholeSeconds(nowMs - notBeforeGraceSeconds * 1000),
    notAfter: wholeSeconds(nowMs + rootTtlSeconds * 1000),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const keyDer = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return writePem('CERTIFICATE', Buffer.from(certificate.rawData)) + writePem('PRIVATE KEY', keyDer);
}

/** Reads what `makeRootPem` wrote. The error names what is wrong and shows nothing of the content. */
export function readRootPem(text: string, nowMs: number): CaRootResult {
  const certificateBlock = readPemBlock(text, 'CERTIFICATE');
  if ('error' in certificateBlock) return { error: certificateBlock.error };
  const keyBlock = readPemBlock(text, 'PRIVATE KEY');
  if ('error' in keyBlock) return { error: keyBlock.error };
  const { certificate, error } = parseCertificate(certificateBlock.der);
  if (certificate === undefined) return { error };
  const privateKey = readPrivateKey(keyBlock.der);
  if (privateKey?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return { error: 'private key is not a P-256 key' };
  const publicKey = createPublicKey(privateKey);
  if (!publicKey.export({ format: 'der', type: 'spki' }).equals(certificate.publicKeyInfo)) {
    return { error: 'private key does not belong to the certificate' };
  }
  if (certificate.extensions.basicConstraints?.ca !== true) return { error: 'certificate is not a CA' };
  const signatureError = checkSignature(certificate, publicKey);
  if (signatureError !== undefined) return { error: `certificate is not self-signed: ${signatureError}` };
  if (certificate.notAfterMs <= nowMs) {
    return { error: `certificate expired at ${new Date(certificate.notAfterMs).toISOString()}` };
  }
  return {
    root: {
      certificatePem: writePem('CERTIFICATE', certificate.der),
      certificateDer: certificate.der,
      privateKey,
      notAfterMs: certificate.notAfterMs,
    },
  };
}

/** 128 random bits, positive: RFC 5280 allows 20 octets, the CA/Browser Forum asks for at least 64 bits. */
export function randomSerial(): string {
  const bytes = randomBytes(16);
  // 01xxxxxx: never negative, and never with a leading zero that DER would have to drop.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** Certificates hold whole seconds; cutting here keeps what we say equal to what they say. */
export function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

function readPrivateKey(der: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    return undefined;
  }
}
