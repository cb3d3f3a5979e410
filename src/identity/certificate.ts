/** An X.509 v3 certificate, read strictly (RFC 5280 §4.1). */
import {
  checkInteger,
  contentOf,
  contextTag,
  DerError,
  DerReader,
  derTag,
  readBitStringBytes,
  readOid,
  readSmallInteger,
  readTime,
  wholeOf,
} from './der-reader.ts';
import { readExtensions, type Extensions } from './extensions.ts';
import { maxCertificateBytes } from './limits.ts';

/** The parts that path validation reads; buffers share memory with `der`. */
export interface ParsedCertificate {
  readonly der: Buffer;
  /** What the signature covers. */
  readonly tbs: Buffer;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Buffer;
  readonly serialHex: string;
  /** Names as whole DER, for comparison byte by byte. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly subjectIsEmpty: boolean;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyInfo: Buffer;
  readonly extensions: Extensions;
}

interface SignatureAlgorithm {
  readonly oid: string;
  readonly parameters: 'absent' | 'null' | 'other';
}

export type ParseResult =
  | { readonly certificate: ParsedCertificate; readonly error?: undefined }
  | { readonly error: string; readonly certificate?: undefined };

/** Reads one certificate. Never throws; the error is safe to log. */
export function parseCertificate(der: Buffer): ParseResult {
  if (der.length > maxCertificateBytes) return { error: `certificate is larger than ${maxCertificateBytes} bytes` };
  try {
    return { certificate: readCertificate(der) };
  } catch (error) {
    if (error instanceof DerError) return { error: `certificate is malformed: ${error.message}` };
    throw error;
  }
}

function readCertificate(der: Buffer): ParsedCertificate {
  const outer = new DerReader(der);
  const fields = outer.enter(derTag.sequence);
  outer.finish();
  const tbs = fields.expect(derTag.sequence);
  const outerAlgorithm = fields.expect(derTag.sequence);
  const signature = readBitStringBytes(contentOf(der, fields.expect(derTag.bitString)));
  fields.finish();

  const body = new DerReader(der, tbs);
  readVersion(der, body);
  const serial = contentOf(der, body.expect(derTag.integer));
  checkInteger(serial);
  const innerAlgorithm = body.expect(derTag.sequence);
  if (!wholeOf(der, innerAlgorithm).equals(wholeOf(der, outerAlgorithm))) {
    throw new DerError('the two signature algorithms differ');
  }
  const issuer = body.expect(derTag.sequence);
  const validity = body.enter(derTag.sequence);
  const notBeforeMs = readTime(der, validity.any());
  const notAfterMs = readTime(der, validity.any());
  validity.finish();
  const subject = body.expect(derTag.sequence);
  const publicKeyInfo = wholeOf(der, body.expect(derTag.sequence));
  // Unique identifiers (RFC 5280 §4.1.2.8) say nothing here; conforming CAs leave them out.
  body.optional(contextTag(1, 'primitive'));
  body.optional(contextTag(2, 'primitive'));
  const extensions = body.enter(contextTag(3, 'constructed'));
  body.finish();
  const list = extensions.enter(derTag.sequence);
  extensions.finish();
  return {
    der,
    tbs: wholeOf(der, tbs),
    signatureAlgorithm: readAlgorithm(der, new DerReader(der, innerAlgorithm)),
    signature,
    serialHex: serial.toString('hex'),
    issuer: wholeOf(der, issuer),
    subject: wholeOf(der, subject),
    subjectIsEmpty: subject.contentStart === subject.end,
    notBeforeMs,
    notAfterMs,
    publicKeyInfo,
    extensions: readExtensions(der, list),
  };
}

/** Extensions exist in version 3 only, and without them no certificate is any use here. */
function readVersion(der: Buffer, body: DerReader): void {
  const explicit = body.optional(contextTag(0, 'constructed'));
  if (explicit === undefined) throw new DerError('version is not 3');
  const reader = new DerReader(der, explicit);
  const version = readSmallInteger(contentOf(der, reader.expect(derTag.integer)));
  reader.finish();
  if (version !== 2) throw new DerError('version is not 3');
}

function readAlgorithm(der: Buffer, fields: DerReader): SignatureAlgorithm {
  const name = readOid(contentOf(der, fields.expect(derTag.oid)));
  if (fields.done) return { oid: name, parameters: 'absent' };
  const parameters = fields.any();
  fields.finish();
  const isNull = parameters.tag === derTag.null && parameters.contentStart === parameters.end;
  return { oid: name, parameters: isNull ? 'null' : 'other' };
}
