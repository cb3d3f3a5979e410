import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { goDuration, present } from '../fields.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import { atLeastOneMs } from './durations.ts';

/** With Istio's defaults filled in; 0 failures: that kind never ejects. Durations in milliseconds. */
export interface OutlierDetection {
  readonly origin: Origin;
  readonly consecutive5xxErrors: number;
  readonly consecutiveGatewayErrors: number;
  readonly consecutiveLocalOriginFailures: number;
  readonly splitLocalOriginErrors: boolean;
  readonly errorCodes?: readonly number[];
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  /** 0 to 100. */
  readonly maxEjectionPercent: number;
  /** 0 to 100. */
  readonly minHealthPercent: number;
}

const count = z.int().min(0).max(4_294_967_295).optional();
const percent = z.int().min(0).max(100).optional();
const duration = goDuration.optional();

export const outlierDetection = z.strictObject({
  consecutive5xxErrors: count,
  consecutiveGatewayErrors: count,
  consecutiveLocalOriginFailures: count,
  splitExternalLocalOriginErrors: z.boolean().default(false),
  consecutiveErrors: ignored('Istio does not read it any more either; consecutive5xxErrors takes its place'),
  outlierDetectionHttpErrorCodes: z.array(z.int().min(100).max(599)).optional(),
  interval: duration,
  baseEjectionTime: duration,
  maxEjectionPercent: percent,
  minHealthPercent: percent,
});

/** Envoy's, and for `maxEjectionPercent` what zero on the wire means to Istio: not set. */
const defaults = { failures: 5, intervalMs: 10_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 10 };

export function decodeOutlierDetection(
  value: z.output<typeof outlierDetection>,
  path: Path,
  context: DecodeContext,
): OutlierDetection {
  const split = value.splitExternalLocalOriginErrors;
  const local = value.consecutiveLocalOriginFailures;
  if (local !== undefined && local > 0 && !split) {
    context.error([...path, 'consecutiveLocalOriginFailures'], {
      message: 'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true',
      remedy: 'Set it, or take consecutiveLocalOriginFailures away: local failures then count as 503 and 504.',
    });
  }
  const codes = value.outlierDetectionHttpErrorCodes;
  return {
    origin: context.at(path),
    consecutive5xxErrors: value.consecutive5xxErrors ?? defaults.failures,
    consecutiveGatewayErrors: value.consecutiveGatewayErrors ?? 0,
    consecutiveLocalOriginFailures: split ? (local ?? defaults.failures) : 0,
    splitLocalOriginErrors: split,
    ...present({ errorCodes: codes === undefined || codes.length === 0 ? undefined : codes }),
    intervalMs: atLeastOneMs(value.interval, [...path, 'interval'], context) ?? defaults.intervalMs,
    baseEjectionTimeMs:
      atLeastOneMs(value.baseEjectionTime, [...path, 'baseEjectionTime'], context) ?? defaults.baseEjectionTimeMs,
    maxEjectionPercent: value.maxEjectionPercent || defaults.maxEjectionPercent,
    minHealthPercent: value.minHealthPercent ?? 0,
  };
}
