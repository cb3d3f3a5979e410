import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, gatewayDuration } from '../fields.ts';
import { checkUnique } from './unique.ts';

/** `HTTPRouteRetry` (GEP-1731, experimental). */
export interface RetryRule {
  readonly origin: Origin;
  /** Status codes from 400 to 599. */
  readonly codes: readonly number[];
  /** Retries after the first attempt, at least 1. */
  readonly attempts?: number;
  readonly backoffMs?: number;
}

export const retry = z.strictObject({
  codes: z.array(z.int().min(400).max(599)).default([]),
  attempts: z.int().min(1).optional(),
  backoff: gatewayDuration.optional(),
});

export function decodeRetry(value: z.output<typeof retry>, path: Path, context: DecodeContext): RetryRule {
  const { codes, attempts, backoff } = value;
  checkUnique(codes.map(String), { path: [...path, 'codes'], what: 'status code' }, context);
  return {
    origin: context.at(path),
    codes,
    ...(attempts === undefined ? {} : { attempts }),
    ...(backoff === undefined ? {} : { backoffMs: durationMs(backoff) }),
  };
}
