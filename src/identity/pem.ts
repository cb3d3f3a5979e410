/** PEM (RFC 7468) in and out. */
import { maxCertificateBytes, maxPemBytes } from './limits.ts';

export type PemCertificates =
  | { readonly ders: readonly Buffer[]; readonly error?: undefined }
  | { readonly error: string; readonly ders?: undefined };

// The class has no dash, so a BEGIN without END costs one pass and no more.
const certificateBlock = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;
const anyBegin = /-----BEGIN /g;

/** All certificates of a PEM text, in order; at least one and nothing but certificates. */
export function readPemCertificates(pem: string): PemCertificates {
  if (pem.length > maxPemBytes) return { error: `PEM text is longer than ${maxPemBytes} bytes` };
  const ders: Buffer[] = [];
  for (const match of pem.matchAll(certificateBlock)) {
    const base64 = (match[1] ?? '').replace(/\s+/g, '');
    const der = Buffer.from(base64, 'base64');
    if (der.toString('base64') !== base64) return { error: `PEM block ${ders.length + 1} is not valid base64` };
    if (der.length > maxCertificateBytes)
      return { error: `certificate ${ders.length + 1} is larger than ${maxCertificateBytes} bytes` };
    ders.push(der);
  }
  if (ders.length === 0) return { error: 'PEM text has no complete certificate' };
  if ([...pem.matchAll(anyBegin)].length !== ders.length) {
    return { error: 'PEM text has a block that is cut short or is not a certificate' };
  }
  return { ders };
}

/** The one block of this label in a PEM text, or why there is none. */
export function readPemBlock(pem: string, label: string): { readonly der: Buffer } | { readonly error: string } {
  if (pem.length > maxPemBytes) return { error: `PEM text is longer than ${maxPemBytes} bytes` };
  const begin = `-----BEGIN ${label}-----`;
  const from = pem.indexOf(begin);
  const to = pem.indexOf(`-----END ${label}-----`, from);
  if (from === -1 || to === -1) return { error: `PEM text has no complete ${label}` };
  if (pem.indexOf(begin, from + 1) !== -1) return { error: `PEM text has more than one ${label}` };
  const base64 = pem.slice(from + begin.length, to).replace(/\s+/g, '');
  const der = Buffer.from(base64, 'base64');
  return der.toString('base64') === base64 ? { der } : { error: `${label} is not valid base64` };
}

/** 64 characters a line, with a final newline. */
export function writePem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
