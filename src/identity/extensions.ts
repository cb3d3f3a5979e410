/** The X.509 extensions that decide about a path (RFC 5280 §4.2.1). */
import {
  contentOf,
  contextTag,
  DerError,
  DerReader,
  derTag,
  readBoolean,
  readOid,
  readSmallInteger,
  type DerElement,
} from './der-reader.ts';
import { maxSubjectAltNames } from './limits.ts';
import { oid } from './oids.ts';

/** One GeneralName: its context tag number and raw content. */
export interface GeneralName {
  readonly form: number;
  readonly value: Buffer;
}

/** Form numbers of GeneralName (RFC 5280 §4.2.1.6). */
export const nameForm = { dns: 2, directory: 4, uri: 6, ip: 7 } as const;

/** Bit numbers of KeyUsage (RFC 5280 §4.2.1.3). */
export const keyUsageBit = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

export interface Extensions {
  readonly subjectAltName?: { readonly critical: boolean; readonly names: readonly GeneralName[] };
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  /** Bit n of `bits` is bit n of the ASN.1 type. */
  readonly keyUsage?: { readonly critical: boolean; readonly bits: number };
  readonly extendedKeyUsage?: readonly string[];
  readonly nameConstraints?: { readonly permitted: readonly GeneralName[]; readonly excluded: readonly GeneralName[] };
  readonly subjectKeyId?: Buffer;
  readonly authorityKeyId?: Buffer;
  /** Critical ones that are not understood here; RFC 5280 §4.2: such a certificate must be refused. */
  readonly unknownCritical: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the `Extensions` SEQUENCE. Throws `DerError`, also for an extension that occurs twice. */
export function readExtensions(bytes: Buffer, list: DerReader): Extensions {
  const found: Mutable<Extensions> & { unknownCritical: string[] } = { unknownCritical: [] };
  const seen = new Set<string>();
  while (!list.done) {
    const fields = list.enter(derTag.sequence);
    const id = readOid(contentOf(bytes, fields.expect(derTag.oid)));
    const criticalField = fields.optional(derTag.boolean);
    const critical = criticalField !== undefined && readBoolean(contentOf(bytes, criticalField));
    const value = fields.expect(derTag.octetString);
    fields.finish();
    if (seen.has(id)) throw new DerError(`extension ${id} occurs twice`);
    seen.add(id);
    const isKnown = readExtension(found, { id, critical, bytes, value });
    if (!isKnown && critical) found.unknownCritical.push(id);
  }
  return found;
}

interface RawExtension {
  readonly id: string;
  readonly critical: boolean;
  readonly bytes: Buffer;
  readonly value: DerElement;
}

function readExtension(found: Mutable<Extensions>, { id, critical, bytes, value }: RawExtension): boolean {
  const reader = new DerReader(bytes, value);
  switch (id) {
    case oid.subjectAltName:
      found.subjectAltName = { critical, names: readGeneralNames(bytes, reader.enter(derTag.sequence)) };
      break;
    case oid.basicConstraints:
      found.basicConstraints = readBasicConstraints(bytes, reader.enter(derTag.sequence));
      break;
    case oid.keyUsage:
      found.keyUsage = { critical, bits: readKeyUsage(contentOf(bytes, reader.expect(derTag.bitString))) };
      break;
    case oid.extendedKeyUsage:
      found.extendedKeyUsage = readOidList(bytes, reader.enter(derTag.sequence));
      break;
    case oid.nameConstraints:
      found.nameConstraints = readNameConstraints(bytes, reader.enter(derTag.sequence));
      break;
    case oid.subjectKeyIdentifier:
      found.subjectKeyId = contentOf(bytes, reader.expect(derTag.octetString));
      break;
    case oid.authorityKeyIdentifier:
      readAuthorityKeyId(found, bytes, reader.enter(derTag.sequence));
      break;
    default:
      return false;
  }
  reader.finish();
  return true;
}

function readGeneralNames(bytes: Buffer, list: DerReader): GeneralName[] {
  const names: GeneralName[] = [];
  while (!list.done) {
    if (names.length === maxSubjectAltNames) throw new DerError(`more than ${maxSubjectAltNames} alternative names`);
    names.push(readGeneralName(bytes, list));
  }
  if (names.length === 0) throw new DerError('list of alternative names is empty');
  return names;
}

function readGeneralName(bytes: Buffer, list: DerReader): GeneralName {
  const element = list.any();
  const form = element.tag & 0x1f;
  // otherName, x400Address, directoryName and ediPartyName are constructed, the rest primitive.
  const isConstructed = form === 0 || (form >= 3 && form <= 5);
  if (form > 8 || element.tag !== contextTag(form, isConstructed ? 'constructed' : 'primitive')) {
    throw new DerError('alternative name of no known form');
  }
  return { form, value: contentOf(bytes, element) };
}

function readBasicConstraints(bytes: Buffer, fields: DerReader): { ca: boolean; pathLength?: number } {
  const caField = fields.optional(derTag.boolean);
  const pathField = fields.optional(derTag.integer);
  fields.finish();
  const ca = caField !== undefined && readBoolean(contentOf(bytes, caField));
  return pathField === undefined ? { ca } : { ca, pathLength: readSmallInteger(contentOf(bytes, pathField)) };
}

function readKeyUsage(content: Buffer): number {
  const [unused, first, second, ...more] = content;
  if (unused === undefined || unused > 7 || first === undefined || more.length > 0) {
    throw new DerError('key usage has another form');
  }
  let bits = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    if ((first & (0x80 >> bit)) !== 0) bits |= 1 << bit;
    if (((second ?? 0) & (0x80 >> bit)) !== 0) bits |= 1 << (bit + 8);
  }
  return bits;
}

function readOidList(bytes: Buffer, list: DerReader): string[] {
  const oids: string[] = [];
  while (!list.done) oids.push(readOid(contentOf(bytes, list.expect(derTag.oid))));
  if (oids.length === 0) throw new DerError('extended key usage is empty');
  return oids;
}

function readNameConstraints(bytes: Buffer, fields: DerReader): { permitted: GeneralName[]; excluded: GeneralName[] } {
  const permitted = fields.optional(contextTag(0, 'constructed'));
  const excluded = fields.optional(contextTag(1, 'constructed'));
  fields.finish();
  return { permitted: readSubtrees(bytes, permitted), excluded: readSubtrees(bytes, excluded) };
}

function readSubtrees(bytes: Buffer, element: DerElement | undefined): GeneralName[] {
  const names: GeneralName[] = [];
  if (element === undefined) return names;
  const list = new DerReader(bytes, element);
  while (!list.done) {
    const subtree = list.enter(derTag.sequence);
    names.push(readGeneralName(bytes, subtree));
    // RFC 5280 §4.2.1.10: minimum and maximum are not used and must be absent.
    subtree.finish();
  }
  return names;
}

function readAuthorityKeyId(found: Mutable<Extensions>, bytes: Buffer, fields: DerReader): void {
  const keyId = fields.optional(contextTag(0, 'primitive'));
  fields.optional(contextTag(1, 'constructed'));
  fields.optional(contextTag(2, 'primitive'));
  fields.finish();
  if (keyId !== undefined) found.authorityKeyId = contentOf(bytes, keyId);
}
