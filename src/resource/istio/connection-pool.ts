import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, goDuration, present } from '../fields.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import { atLeastOneMs } from './durations.ts';

/** Absent: unlimited, or Istio's default. Durations in milliseconds. */
export interface ConnectionPoolSettings {
  readonly origin: Origin;
  readonly connectTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly maxConnectionDurationMs?: number;
  readonly tcpKeepalive?: { readonly timeMs?: number; readonly intervalMs?: number; readonly probes?: number };
  readonly http2MaxRequests?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxRetries?: number;
  readonly maxConcurrentStreams?: number;
  /** `http.idleTimeout`, or where that is absent `tcp.idleTimeout`; 0: for ever. */
  readonly idleTimeoutMs?: number;
  readonly http2KeepAlive?: { readonly intervalMs: number; readonly timeoutMs: number };
}

/** Zero is how the wire says "not set"; a limit cannot be zero. */
const limit = z.int().min(0).max(2_147_483_647).optional();
const duration = goDuration.optional();

export const connectionPool = z.strictObject({
  tcp: z
    .strictObject({
      connectTimeout: duration,
      maxConnections: limit,
      idleTimeout: duration,
      maxConnectionDuration: duration,
      tcpKeepalive: z
        .strictObject({ probes: z.int().min(0).max(4_294_967_295).optional(), time: duration, interval: duration })
        .optional(),
    })
    .optional(),
  http: z
    .strictObject({
      http2MaxRequests: limit,
      maxRequestsPerConnection: limit,
      http1MaxPendingRequests: limit,
      maxRetries: limit,
      idleTimeout: duration,
      h2UpgradePolicy: ignored('HTTP/2 is used always'),
      useClientProtocol: ignored('HTTP/2 is used always'),
      maxConcurrentStreams: limit,
      http2KeepAlive: z.strictObject({ interval: duration, timeout: duration }).optional(),
    })
    .optional(),
});

type Pool = z.output<typeof connectionPool>;

export function decodePool(value: Pool, path: Path, context: DecodeContext): ConnectionPoolSettings {
  const { tcp, http } = value;
  if (tcp === undefined && http === undefined) {
    context.error(path, { message: 'connectionPool is empty', remedy: 'Add tcp or http settings, or take it away.' });
  }
  const tcpPath = [...path, 'tcp'];
  return {
    origin: context.at(path),
    ...present({
      connectTimeoutMs: atLeastOneMs(tcp?.connectTimeout, [...tcpPath, 'connectTimeout'], context),
      maxConnections: set(tcp?.maxConnections),
      maxConnectionDurationMs: atLeastOneMs(tcp?.maxConnectionDuration, [...tcpPath, 'maxConnectionDuration'], context),
      tcpKeepalive: decodeTcpKeepalive(tcp?.tcpKeepalive, [...tcpPath, 'tcpKeepalive'], context),
      http2MaxRequests: set(http?.http2MaxRequests),
      maxPendingRequests: set(http?.http1MaxPendingRequests),
      maxRequestsPerConnection: set(http?.maxRequestsPerConnection),
      maxRetries: set(http?.maxRetries),
      maxConcurrentStreams: set(http?.maxConcurrentStreams),
      idleTimeoutMs: idleTimeout(value, path, context),
      http2KeepAlive: decodeHttp2KeepAlive(http?.http2KeepAlive, [...path, 'http', 'http2KeepAlive'], context),
    }),
  };
}

function set(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

/** Istio lets `tcp.idleTimeout: 0s` switch the timeout off; `http.idleTimeout` must be more. */
function idleTimeout({ tcp, http }: Pool, path: Path, context: DecodeContext): number | undefined {
  const ofHttp = atLeastOneMs(http?.idleTimeout, [...path, 'http', 'idleTimeout'], context);
  if (ofHttp !== undefined || tcp?.idleTimeout === undefined) return ofHttp;
  return durationMs(tcp.idleTimeout);
}

function decodeTcpKeepalive(
  value: NonNullable<Pool['tcp']>['tcpKeepalive'],
  path: Path,
  context: DecodeContext,
): ConnectionPoolSettings['tcpKeepalive'] {
  if (value === undefined) return undefined;
  return present({
    timeMs: wholeSeconds(value.time, [...path, 'time'], context),
    intervalMs: wholeSeconds(value.interval, [...path, 'interval'], context),
    probes: set(value.probes),
  });
}

/** The socket options count in seconds, so that Envoy and the kernel cannot do less either. */
function wholeSeconds(text: string | undefined, path: Path, context: DecodeContext): number | undefined {
  const value = atLeastOneMs(text, path, context);
  return value === undefined ? undefined : Math.max(1, Math.floor(value / 1_000)) * 1_000;
}

function decodeHttp2KeepAlive(
  value: NonNullable<Pool['http']>['http2KeepAlive'],
  path: Path,
  context: DecodeContext,
): ConnectionPoolSettings['http2KeepAlive'] {
  if (value === undefined) return undefined;
  const intervalMs = atLeastOneMs(value.interval, [...path, 'interval'], context);
  const timeoutMs = atLeastOneMs(value.timeout, [...path, 'timeout'], context);
  if (intervalMs === undefined || timeoutMs === undefined) {
    context.error(path, {
      message: `http2KeepAlive has no ${intervalMs === undefined ? 'interval' : 'timeout'}`,
      remedy: 'Write both interval and timeout.',
    });
    return undefined;
  }
  return { intervalMs, timeoutMs };
}
