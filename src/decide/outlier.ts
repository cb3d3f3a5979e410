/**
 * Outlier detection as Envoy does it with Istio's settings (istio.md 3.4): failures in a row eject an endpoint at once, a
 * sweep lets it return. Success rates play no part in Istio. Pure: the clock is the caller's. Unlike there, a gRPC status counts
 * in trailers as well as in headers: a call that ends UNAVAILABLE has failed, however its server frames that.
 */
import type { OutlierDetection } from '../plan/index.ts';

/** What is known of one endpoint. */
export interface HostHealth {
  consecutive5xx: number;
  consecutiveGateway: number;
  consecutiveLocal: number;
  ejected: boolean;
  /** Monotonic, of the last ejection. */
  ejectedAtMs: number;
  /** How often it was ejected of late; the next ejection lasts that much longer. */
  ejections: number;
}

export function newHostHealth(): HostHealth {
  return {
    consecutive5xx: 0,
    consecutiveGateway: 0,
    consecutiveLocal: 0,
    ejected: false,
    ejectedAtMs: 0,
    ejections: 0,
  };
}

/** Which of the endpoint's failures filled its measure. */
export type EjectionCause = 'consecutive5xxErrors' | 'consecutiveGatewayErrors' | 'consecutiveLocalOriginFailures';

/** Envoy's `max_ejection_time` default. */
const maxEjectionMs = 300_000;

/** Failures of this side: no connection, a connection lost, a reset; a timeout counts as 504, the others as 503. */
export type LocalFailure = 'reset' | 'timeout';

/** A response arrived, or the part of it that has a status; the cause when this fills the measure. */
export function noteStatus(
  settings: OutlierDetection,
  health: HostHealth,
  httpStatus: number,
): EjectionCause | undefined {
  health.consecutiveLocal = 0;
  return noteError(settings, health, httpStatus);
}

/** The attempt failed on this side; the cause when this fills the measure. */
export function noteLocalFailure(
  settings: OutlierDetection,
  health: HostHealth,
  failure: LocalFailure,
): EjectionCause | undefined {
  if (!settings.splitLocalOriginErrors) return noteError(settings, health, failure === 'timeout' ? 504 : 503);
  health.consecutiveLocal++;
  if (health.consecutiveLocal !== settings.consecutiveLocalOriginFailures) return undefined;
  health.consecutiveLocal = 0;
  return 'consecutiveLocalOriginFailures';
}

function noteError(settings: OutlierDetection, health: HostHealth, httpStatus: number): EjectionCause | undefined {
  const { errorCodes } = settings;
  const isError = errorCodes === undefined ? httpStatus >= 500 : errorCodes.includes(httpStatus);
  if (!isError) {
    health.consecutive5xx = 0;
    health.consecutiveGateway = 0;
    return undefined;
  }
  const isGateway = httpStatus >= 502 && httpStatus <= 504;
  health.consecutiveGateway = isGateway ? health.consecutiveGateway + 1 : 0;
  health.consecutive5xx++;
  // A measure that is full is emptied, whether the endpoint may be ejected then or not.
  const gatewayFull = isGateway && health.consecutiveGateway === settings.consecutiveGatewayErrors;
  if (gatewayFull) health.consecutiveGateway = 0;
  const full = health.consecutive5xx === settings.consecutive5xxErrors;
  if (full) health.consecutive5xx = 0;
  if (gatewayFull) return 'consecutiveGatewayErrors';
  return full ? 'consecutive5xxErrors' : undefined;
}

/** Whether one more of `total` endpoints may be ejected; strict, so that 10 % of nine endpoints is none. */
export function mayEject(
  settings: OutlierDetection,
  hosts: { readonly ejected: number; readonly total: number },
): boolean {
  return 100 * (hosts.ejected + 1) <= settings.maxEjectionPercent * hosts.total;
}

export function eject(settings: OutlierDetection, health: HostHealth, nowMs: number): void {
  health.ejected = true;
  health.ejectedAtMs = nowMs;
  const { baseEjectionTimeMs } = settings;
  if (health.ejections * baseEjectionTimeMs < longestEjectionMs(settings) + baseEjectionTimeMs) health.ejections++;
}

/** In milliseconds: the base time for each recent ejection, at most five minutes or the base time itself. */
export function ejectionMs(settings: OutlierDetection, health: HostHealth): number {
  return Math.min(settings.baseEjectionTimeMs * health.ejections, longestEjectionMs(settings));
}

function longestEjectionMs({ baseEjectionTimeMs }: OutlierDetection): number {
  return Math.max(maxEjectionMs, baseEjectionTimeMs);
}

/** One look in each interval: true when the endpoint returns. One that stayed healthy is forgiven an ejection. */
export function sweepHost(settings: OutlierDetection, health: HostHealth, nowMs: number): boolean {
  if (!health.ejected) {
    if (health.ejections > 0) health.ejections--;
    return false;
  }
  if (nowMs - health.ejectedAtMs < ejectionMs(settings, health)) return false;
  health.ejected = false;
  health.consecutive5xx = 0;
  health.consecutiveGateway = 0;
  health.consecutiveLocal = 0;
  return true;
}

/** HTTP statuses of gRPC statuses, as Envoy's `grpcToHttpStatus`. */
const httpStatuses: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** The HTTP status that a `grpc-status` stands for; one that does not exist is 500. */
export function httpStatusOfGrpc(grpcStatus: number): number {
  return httpStatuses[grpcStatus] ?? 500;
}
