import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { istioDuration, istioDurationMs } from './duration.ts';
import { decodeRouteHeaders, routeHeaders, type RouteHeaders } from './route-headers.ts';

/** Where the requests of a VirtualService route go, how often they are tried, and what is done to some of them. */

export interface VirtualDestination {
  readonly origin: Origin;
  /** Lower case, as written: an FQDN, or a short name of the VirtualService's own namespace. */
  readonly host: string;
  readonly subset?: string;
  /** Absent: the only port of the service, else the port that the client called. */
  readonly port?: number;
}

export interface VirtualRouteDestination {
  readonly destination: VirtualDestination;
  readonly weight: number;
  readonly headers?: RouteHeaders;
}

export const destination = z.strictObject({
  host: z.string().min(1),
  subset: z.string().optional(),
  port: z.strictObject({ number: portNumber.or(z.literal(0)).optional() }).optional(),
});

export const routeWeight = z.int().min(0).max(2_147_483_647).default(0);

export const routeDestination = z.strictObject({
  destination,
  weight: routeWeight,
  headers: routeHeaders.optional(),
});

export function decodeDestination(
  value: z.output<typeof destination>,
  path: Path,
  context: DecodeContext,
): VirtualDestination {
  if (!/^[a-z0-9*]([-a-z0-9.*]*[a-z0-9])?$/i.test(value.host)) {
    context.error([...path, 'host'], {
      message: `"${value.host}" is not a host`,
      remedy: 'Write the name of a Service such as name.namespace.svc.cluster.local, without a port.',
    });
  }
  if (value.host.includes('*')) {
    context.error([...path, 'host'], {
      message: `a destination cannot be a wildcard such as "${value.host}"`,
      remedy: 'Write the name of one service.',
    });
  }
  const port = value.port?.number;
  return {
    origin: context.at(path),
    host: value.host.toLowerCase(),
    ...present({ subset: value.subset === '' ? undefined : value.subset, port: port === 0 ? undefined : port }),
  };
}

/** One entry gets everything, whatever its weight. Of several each gets its share, none the ones of weight 0. */
export function decodeRouteDestinations(
  values: readonly (Omit<z.output<typeof routeDestination>, 'headers'> &
    Partial<Pick<z.output<typeof routeDestination>, 'headers'>>)[],
  path: Path,
  context: DecodeContext,
): readonly VirtualRouteDestination[] {
  const total = values.reduce((sum, { weight }) => sum + weight, 0);
  if (values.length > 1 && total === 0) {
    context.error(path, { message: 'the weights sum to 0', remedy: 'Give at least one destination a weight.' });
  }
  return values.map(({ destination: target, weight, headers: written }, index) => {
    const place = [...path, index];
    const headers = written === undefined ? undefined : decodeRouteHeaders(written, [...place, 'headers'], context);
    if (headers?.authority !== undefined && values.length > 1) {
      context.refuse([...place, 'headers'], {
        message:
          'an authority of its own for one of several destinations is not yet supported: requests of this rule are answered with an error',
        remedy: 'Set Host on the route, in headers or rewrite.authority.',
      });
    }
    return {
      destination: decodeDestination(target, [...place, 'destination'], context),
      weight: values.length === 1 ? 1 : weight,
      ...present({ headers }),
    };
  });
}

export interface VirtualRetries {
  readonly origin: Origin;
  /** 0: no retries. */
  readonly attempts: number;
  /** Envoy's names; absent: Istio's defaults. */
  readonly on?: readonly string[];
  readonly statusCodes: readonly number[];
  readonly perTryTimeoutMs?: number;
  readonly backoffMs?: number;
  /** Absent: unless the destination balances by hash. */
  readonly avoidTried?: boolean;
  readonly remoteLocalities?: true;
}

export const retries = z.strictObject({
  attempts: z.int().min(-2_147_483_648).max(2_147_483_647).default(0),
  perTryTimeout: istioDuration.optional(),
  retryOn: z.string().optional(),
  retryRemoteLocalities: z.boolean().optional(),
  retryIgnorePreviousHosts: z.boolean().optional(),
  backoff: istioDuration.optional(),
});

const retryConditions: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** Valid in Istio, and without effect there too unless an EnvoyFilter says more, or HTTP/3 is used. */
const inertConditions: ReadonlySet<string> = new Set([
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
]);

export function decodeRetries(value: z.output<typeof retries>, path: Path, context: DecodeContext): VirtualRetries {
  const { attempts, perTryTimeout, backoff, retryOn = '' } = value;
  if (attempts < 0) {
    context.error([...path, 'attempts'], { message: `attempts ${attempts} is negative`, remedy: 'Write 0 or more.' });
  }
  const configured = perTryTimeout !== undefined || retryOn !== '' || value.retryRemoteLocalities !== undefined;
  if (attempts === 0 && configured) {
    context.error(path, {
      message: 'retries are disabled by attempts 0, and configured all the same',
      remedy: 'Write how many attempts there are, or take the other fields away.',
    });
  }
  const on = retryOn === '' ? undefined : decodeRetryOn(retryOn, [...path, 'retryOn'], context);
  return {
    origin: context.at(path),
    attempts,
    ...present({
      on: on?.names,
      perTryTimeoutMs:
        perTryTimeout === undefined ? undefined : istioDurationMs(perTryTimeout, [...path, 'perTryTimeout'], context),
      backoffMs: backoff === undefined ? undefined : istioDurationMs(backoff, [...path, 'backoff'], context),
    }),
    statusCodes: on?.codes ?? [],
    ...present({
      avoidTried: value.retryIgnorePreviousHosts,
      remoteLocalities: value.retryRemoteLocalities === true ? true : undefined,
    }),
  };
}

/** A comma list; numbers become status codes, which also switches `retriable-status-codes` on. */
function decodeRetryOn(
  text: string,
  path: Path,
  context: DecodeContext,
): { readonly names: readonly string[]; readonly codes: readonly number[] } {
  const names: string[] = [];
  const codes: number[] = [];
  for (const word of text.split(',')) {
    if (retryConditions.has(word)) names.push(word);
    else if (/^[1-5]\d\d$/.test(word)) codes.push(Number(word));
    else if (inertConditions.has(word)) {
      context.ignore(path, {
        message: `retryOn "${word}" has no effect, as in Istio without an EnvoyFilter`,
        remedy: 'Take it away.',
      });
    } else {
      context.error(path, {
        message: `"${word}" is no retry condition`,
        remedy: `Write names such as unavailable,reset or status codes, with commas and without spaces.`,
      });
    }
  }
  return { names: codes.length === 0 ? names : [...new Set([...names, 'retriable-status-codes'])], codes };
}

export interface VirtualFault {
  readonly origin: Origin;
  readonly delay?: { readonly percent: number; readonly delayMs: number };
  readonly abort?: { readonly percent: number } & ({ readonly httpStatus: number } | { readonly grpcStatus: number });
}

export const percentage = z.strictObject({ value: z.number().default(0) });

export const fault = z.strictObject({
  delay: z
    .strictObject({
      fixedDelay: istioDuration.optional(),
      exponentialDelay: istioDuration.optional(),
      percent: z.int().optional(),
      percentage: percentage.optional(),
    })
    .optional(),
  abort: z
    .strictObject({
      httpStatus: z.int().optional(),
      grpcStatus: z.string().optional(),
      http2Error: z.string().optional(),
      percentage: percentage.optional(),
    })
    .optional(),
});

const grpcCodes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

export function decodeFault(value: z.output<typeof fault>, path: Path, context: DecodeContext): VirtualFault {
  const { delay, abort } = value;
  if (delay === undefined && abort === undefined) {
    context.error(path, { message: 'the fault is neither a delay nor an abort', remedy: 'Add delay or abort.' });
  }
  return {
    origin: context.at(path),
    ...present({
      delay: delay && decodeDelay(delay, [...path, 'delay'], context),
      abort: abort && decodeAbort(abort, [...path, 'abort'], context),
    }),
  };
}

/** As in Istio, which passes over a fault that does not say what it does. */
function ineffective(what: 'delay' | 'abort', path: Path, context: DecodeContext): undefined {
  context.warn(path, {
    message: `the ${what} has no effect, as in Istio, since it does not say ${what === 'delay' ? 'how long it is' : 'how it answers'}`,
    remedy: what === 'delay' ? 'Write fixedDelay, such as 2s.' : 'Write httpStatus: 503, or grpcStatus: UNAVAILABLE.',
  });
}

function decodeDelay(
  value: NonNullable<z.output<typeof fault>['delay']>,
  path: Path,
  context: DecodeContext,
): VirtualFault['delay'] {
  if (value.exponentialDelay !== undefined) {
    context.error([...path, 'exponentialDelay'], {
      message: 'there is no exponential delay',
      remedy: 'Write fixedDelay, such as 2s.',
    });
  }
  const given = value.percentage ?? (value.percent === undefined ? undefined : { value: value.percent });
  const percent = faultPercent(given, path, context);
  if (value.fixedDelay === undefined) return ineffective('delay', path, context);
  return {
    percent,
    delayMs: istioDurationMs(value.fixedDelay, [...path, 'fixedDelay'], context),
  };
}

function decodeAbort(
  value: NonNullable<z.output<typeof fault>['abort']>,
  path: Path,
  context: DecodeContext,
): VirtualFault['abort'] {
  const written = ['httpStatus', 'grpcStatus', 'http2Error'].filter((field) => Reflect.get(value, field) !== undefined);
  const { httpStatus, grpcStatus } = value;
  if (written.length > 1 || value.http2Error !== undefined) {
    context.error(path, {
      message: 'an abort has one of httpStatus and grpcStatus',
      remedy: 'Write httpStatus: 503, or grpcStatus: UNAVAILABLE.',
    });
  }
  const percent = faultPercent(value.percentage, path, context);
  if (written.length === 0) return ineffective('abort', path, context);
  if (grpcStatus === undefined) {
    if (httpStatus !== undefined && (httpStatus < 200 || httpStatus > 600)) {
      context.error([...path, 'httpStatus'], {
        message: `httpStatus ${httpStatus} is not between 200 and 600`,
        remedy: 'Write a final HTTP status.',
      });
    }
    return { percent, httpStatus: httpStatus ?? 500 };
  }
  const code = grpcCodes.indexOf(grpcStatus);
  if (code === -1) {
    context.error([...path, 'grpcStatus'], {
      message: `grpcStatus "${grpcStatus}" is no name of a gRPC status`,
      remedy: 'Write a name such as UNAVAILABLE, not a number.',
    });
  }
  return { percent, grpcStatus: Math.max(code, 0) };
}

/** Absent is 0 %, unlike with mirrors: nothing happens, which is seldom meant. */
function faultPercent(value: { readonly value: number } | undefined, path: Path, context: DecodeContext): number {
  if (value !== undefined) return percentOf(value, path, context);
  context.warn(path, {
    message: 'without a percentage the fault is injected into 0 % of the requests, which is none',
    remedy: 'Add percentage: { value: 100 }.',
  });
  return 0;
}

export function percentOf(value: { readonly value: number }, path: Path, context: DecodeContext): number {
  if (value.value >= 0 && value.value <= 100) return value.value;
  context.error([...path, 'percentage'], {
    message: `${value.value} is no percentage`,
    remedy: 'Write a number from 0 to 100.',
  });
  return 0;
}
