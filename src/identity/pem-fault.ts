import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { Secret } from '../base/index.ts';

// The class has no dash, so a BEGIN without END costs one pass and no more.
const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

/**
 * Why certificates of a user cannot be used, to be read after the name of what holds them; undefined when nothing is wrong.
 * With a key: the first certificate must be for it. Never tells anything of the key.
 */
export function findPemFault({
  certificates,
  key,
}: {
  readonly certificates: string;
  readonly key?: Secret;
}): string | undefined {
  // Other blocks and comments are passed over, as OpenSSL does.
  const parsed = (certificates.match(certificateBlock) ?? []).map(parseCertificate);
  if (parsed.length === 0) return 'holds no certificate';
  const broken = parsed.indexOf(undefined);
  if (broken !== -1) return `holds a certificate that cannot be read, number ${broken + 1}`;
  const [leaf] = parsed;
  if (key === undefined || leaf === undefined) return undefined;
  const privateKey = parseKey(key);
  if (privateKey === undefined) return 'holds a key that cannot be read; it must be PEM, without a passphrase';
  return leaf.checkPrivateKey(privateKey) ? undefined : 'holds a key that is not that of its first certificate';
}

function parseCertificate(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}

function parseKey(key: Secret): KeyObject | undefined {
  try {
    return createPrivateKey(key.reveal());
  } catch {
    return undefined;
  }
}
