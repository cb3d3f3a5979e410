/** The roots of a trust domain; several at once while roots are being changed. */
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { maxBundleCertificates } from './limits.ts';
import { readPemCertificates } from './pem.ts';

interface TrustBundle {
  readonly roots: readonly ParsedCertificate[];
}

export type TrustBundleResult =
  | { readonly bundle: TrustBundle; readonly error?: undefined }
  | { readonly error: string; readonly bundle?: undefined };

/**
 * Bundles remembered in parsed form. A proxy has one for its own mesh and one per federated trust domain, and reads
 * them at each handshake.
 */
const maxRememberedBundles = 8;
const remembered = new Map<string, TrustBundleResult>();

/** Reads a bundle (PEM, at least one certificate, all of them well-formed). Never throws. */
export function readTrustBundle(bundlePem: string): TrustBundleResult {
  const known = remembered.get(bundlePem);
  if (known !== undefined) return known;
  const result = parseTrustBundle(bundlePem);
  const oldest = remembered.size >= maxRememberedBundles ? remembered.keys().next().value : undefined;
  if (oldest !== undefined) remembered.delete(oldest);
  remembered.set(bundlePem, result);
  return result;
}

function parseTrustBundle(bundlePem: string): TrustBundleResult {
  const pem = readPemCertificates(bundlePem);
  if (pem.error !== undefined) return { error: `trust bundle: ${pem.error}` };
  if (pem.ders.length > maxBundleCertificates) {
    return { error: `trust bundle has ${pem.ders.length} certificates, more than ${maxBundleCertificates}` };
  }
  const roots: ParsedCertificate[] = [];
  for (const [index, der] of pem.ders.entries()) {
    const parsed = parseCertificate(der);
    if (parsed.error !== undefined) return { error: `trust bundle, certificate ${index + 1}: ${parsed.error}` };
    roots.push(parsed.certificate);
  }
  return { bundle: { roots } };
}
