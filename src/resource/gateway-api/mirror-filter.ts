import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { backendObjectRef, decodeBackendObjectRef, type BackendObjectRef } from './object-ref.ts';

/** `HTTPRequestMirrorFilter`. */
export interface MirrorFilter {
  readonly origin: Origin;
  readonly backendRef: BackendObjectRef;
  /** From 0 to 100, from `percent` or `fraction`. */
  readonly percent: number;
}

export const requestMirror = z.strictObject({
  backendRef: z.strictObject(backendObjectRef),
  percent: z.int().min(0).max(100).optional(),
  fraction: z.strictObject({ numerator: z.int32().min(0), denominator: z.int32().min(1).default(100) }).optional(),
});

export function decodeMirror(value: z.output<typeof requestMirror>, path: Path, context: DecodeContext): MirrorFilter {
  const { percent, fraction } = value;
  if (percent !== undefined && fraction !== undefined) {
    context.error(path, { message: 'percent and fraction exclude each other', remedy: 'Keep one of them.' });
  }
  if (fraction !== undefined && fraction.numerator > fraction.denominator) {
    context.error([...path, 'fraction'], {
      message: `numerator ${fraction.numerator} is greater than denominator ${fraction.denominator}`,
      remedy: 'Write a fraction of at most 1.',
    });
  }
  return {
    origin: context.at(path),
    backendRef: decodeBackendObjectRef(value.backendRef, [...path, 'backendRef'], context),
    percent: percent ?? (fraction === undefined ? 100 : (100 * fraction.numerator) / fraction.denominator),
  };
}
