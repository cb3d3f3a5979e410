/** Hot file: what makes a header section well-formed (RFC 9113 §8). Values were judged when their fields were made. */
import { FieldKind } from './field-kind.ts';
import type { EngineField } from './field.ts';
import { LENGTH_UNKNOWN } from './stream.ts';

/** The message is malformed: a stream error, never forwarded (§8.1.1). */
export const MALFORMED = -2;

const seenMethod = 1 << FieldKind.method;
const seenScheme = 1 << FieldKind.scheme;
const seenPath = 1 << FieldKind.path;
const seenAuthority = 1 << FieldKind.authority;
const seenHost = 1 << FieldKind.host;
const requiredInRequest = seenMethod | seenScheme | seenPath;

/**
 * Judges a request: MALFORMED, or its content-length, or LENGTH_UNKNOWN.
 *
 * The pseudo-header fields stand first, once each; an authority is there, as `:authority` or as a single `host`.
 */
export function judgeRequest(fields: readonly EngineField[], count: number): number {
  let seen = 0;
  let contentLength = LENGTH_UNKNOWN;
  let regular = false;
  for (let i = 0; i < count; i++) {
    const field = fields[i] as EngineField;
    if (field.isMalformed) return MALFORMED;
    const kind = field.kind;
    if (kind === FieldKind.other) {
      regular = true;
    } else if (kind <= FieldKind.status) {
      const bit = 1 << kind;
      if (regular || (seen & bit) !== 0 || kind === FieldKind.status) return MALFORMED;
      seen |= bit;
    } else {
      regular = true;
      if (kind === FieldKind.host) {
        if ((seen & seenHost) !== 0) return MALFORMED;
        seen |= seenHost;
      } else if (kind === FieldKind.contentLength) {
        if (contentLength !== LENGTH_UNKNOWN) return MALFORMED;
        contentLength = Number(field.value);
      }
    }
  }
  if ((seen & requiredInRequest) !== requiredInRequest || (seen & (seenAuthority | seenHost)) === 0) return MALFORMED;
  return contentLength;
}

/** Judges a response: MALFORMED, or its content-length, or LENGTH_UNKNOWN. `:status` stands first and alone. */
export function judgeResponse(fields: readonly EngineField[], count: number): number {
  if (count === 0 || (fields[0] as EngineField).kind !== FieldKind.status) return MALFORMED;
  if ((fields[0] as EngineField).isMalformed) return MALFORMED;
  let contentLength = LENGTH_UNKNOWN;
  for (let i = 1; i < count; i++) {
    const field = fields[i] as EngineField;
    const kind = field.kind;
    if (field.isMalformed || (kind !== FieldKind.other && kind <= FieldKind.status)) return MALFORMED;
    if (kind === FieldKind.contentLength) {
      if (contentLength !== LENGTH_UNKNOWN) return MALFORMED;
      contentLength = Number(field.value);
    }
  }
  return contentLength;
}

/** Whether a trailer section is well-formed: regular fields only. */
export function areTrailersWellFormed(fields: readonly EngineField[], count: number): boolean {
  for (let i = 0; i < count; i++) {
    const field = fields[i] as EngineField;
    if (field.isMalformed || (field.kind !== FieldKind.other && field.kind <= FieldKind.status)) return false;
  }
  return true;
}
