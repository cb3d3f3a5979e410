import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { durationMs, goDuration, headerName, present } from '../fields.ts';
import { ignored } from '../schema.ts';
import type { Origin } from '../../base/index.ts';
import type { Located } from '../object.ts';
import { atLeastOneMs } from './durations.ts';
import { decodeLocality, localityLb, type LocalitySetting } from './locality-lb.ts';

export interface LoadBalancer {
  readonly origin: Origin;
  /** `LEAST_CONN`, `UNSPECIFIED` and `PASSTHROUGH` (which is reported) are read as `LEAST_REQUEST`. */
  readonly simple?: Located<'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM'>;
  readonly consistentHash?: ConsistentHash;
  readonly locality?: LocalitySetting;
  readonly warmup?: WarmupSetting;
}

export interface ConsistentHash {
  readonly origin: Origin;
  readonly key:
    | { readonly type: 'header'; readonly name: string }
    | {
        readonly type: 'cookie';
        readonly name: string;
        readonly path?: string;
        /** Present: a cookie is made where none is sent; 0 is one of the session. */
        readonly ttlMs?: number;
        readonly attributes: readonly { readonly name: string; readonly value: string }[];
      }
    | { readonly type: 'source-ip' }
    | { readonly type: 'query'; readonly name: string };
  readonly table:
    | { readonly type: 'ring'; readonly minimumSize: number }
    | { readonly type: 'maglev'; readonly size: number };
}

export interface WarmupSetting {
  readonly origin: Origin;
  readonly durationMs: number;
  /** 0 to 100. */
  readonly minimumPercent: number;
  /** At least 1. */
  readonly aggression: number;
}

const size = z.int().min(0).optional();

const consistentHash = z.strictObject({
  httpHeaderName: headerName.optional(),
  httpCookie: z
    .strictObject({
      name: z.string().min(1),
      path: z.string().optional(),
      ttl: goDuration.optional(),
      attributes: z.array(z.strictObject({ name: z.string().min(1), value: z.string().default('') })).default([]),
    })
    .optional(),
  useSourceIp: z.boolean().optional(),
  httpQueryParameterName: z.string().min(1).optional(),
  ringHash: z.strictObject({ minimumRingSize: size }).optional(),
  maglev: z.strictObject({ tableSize: size }).optional(),
  minimumRingSize: size,
});

const withoutZones = 'endpoints are chosen without regard to their zone';

export const loadBalancer = z.strictObject({
  simple: z.enum(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']).optional(),
  consistentHash: consistentHash.optional(),
  localityLbSetting: localityLb.optional(),
  zoneAwareLbSetting: ignored(withoutZones),
  warmup: z
    .strictObject({
      duration: goDuration,
      minimumPercent: z.number().min(0).max(100).optional(),
      aggression: z.number().min(0).optional(),
    })
    .optional(),
  warmupDurationSecs: goDuration.optional(),
});

type Value = z.output<typeof loadBalancer>;

export function decodeLoadBalancer(value: Value, path: Path, context: DecodeContext): LoadBalancer {
  const { simple, consistentHash: hash, localityLbSetting: locality } = value;
  if (simple !== undefined && hash !== undefined) {
    context.error([...path, 'consistentHash'], {
      message: 'loadBalancer has both simple and consistentHash',
      remedy: 'Keep one of the two.',
    });
  }
  const simplePath = [...path, 'simple'];
  if (simple === 'PASSTHROUGH') {
    context.ignore(simplePath, {
      message: 'loadBalancer PASSTHROUGH is not yet supported: LEAST_REQUEST is used',
      remedy: 'Write LEAST_REQUEST, ROUND_ROBIN or RANDOM.',
    });
  }
  const consistent = hash && decodeHash(hash, [...path, 'consistentHash'], context);
  const method = hash !== undefined && consistent === undefined ? 'RANDOM' : simple;
  return {
    origin: context.at(path),
    ...present({
      simple: method === undefined ? undefined : { value: supported(method), origin: context.at(simplePath) },
      consistentHash: consistent,
      locality: locality && decodeLocality(locality, [...path, 'localityLbSetting'], context),
      warmup: decodeWarmup(value, path, context),
    }),
  };
}

function supported(simple: string): 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' {
  return simple === 'ROUND_ROBIN' || simple === 'RANDOM' ? simple : 'LEAST_REQUEST';
}

/** Envoy's defaults and Maglev's upper bound. */
const ringSize = 1_024;
const maxRingSize = 8_388_608;
const maglevSize = 65_537;
const maxMaglevSize = 5_000_011;

/** Undefined: it has no key, so that each request goes anywhere. */
function decodeHash(
  value: z.output<typeof consistentHash>,
  path: Path,
  context: DecodeContext,
): ConsistentHash | undefined {
  if (value.ringHash !== undefined && value.maglev !== undefined) {
    context.error([...path, 'maglev'], {
      message: 'consistentHash has both ringHash and maglev',
      remedy: 'Keep one of the two.',
    });
  }
  if (value.minimumRingSize && (value.ringHash ?? value.maglev) !== undefined) {
    context.error([...path, 'minimumRingSize'], {
      message: `consistentHash has both minimumRingSize and ${value.maglev === undefined ? 'ringHash' : 'maglev'}`,
      remedy: 'Write ringHash.minimumRingSize, or maglev.',
    });
  }
  const key = decodeKey(value, path, context);
  const table: ConsistentHash['table'] =
    value.maglev === undefined
      ? { type: 'ring', minimumSize: decodeRingSize(value, path, context) }
      : { type: 'maglev', size: decodeTableSize(value.maglev.tableSize, [...path, 'maglev', 'tableSize'], context) };
  return key && { origin: context.at(path), key, table };
}

function decodeKey(
  value: z.output<typeof consistentHash>,
  path: Path,
  context: DecodeContext,
): ConsistentHash['key'] | undefined {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = value;
  const named = [httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName].filter((one) => one !== undefined);
  const remedy = 'Write one of httpHeaderName, httpCookie, useSourceIp: true and httpQueryParameterName.';
  if (named.length > 1) context.error(path, { message: 'consistentHash has more than one key', remedy });
  if (named.length === 0 || useSourceIp === false) {
    context.warn(path, { message: 'consistentHash has no key: requests go anywhere, as in Istio', remedy });
    return undefined;
  }
  if (httpHeaderName !== undefined) return { type: 'header', name: httpHeaderName.toLowerCase() };
  if (httpQueryParameterName !== undefined) return { type: 'query', name: httpQueryParameterName };
  if (httpCookie === undefined) return { type: 'source-ip' };
  const { name, path: cookiePath, ttl, attributes } = httpCookie;
  const ttlMs = ttl === undefined ? undefined : durationMs(ttl);
  checkCookie([name, cookiePath ?? '', ...attributes.flatMap((one) => [one.name, one.value])], path, context);
  return { type: 'cookie', name, attributes, ...present({ path: cookiePath, ttlMs }) };
}

/** These go into `set-cookie` as they are. */
function checkCookie(texts: readonly string[], path: Path, context: DecodeContext): void {
  if (texts.every((text) => /^[\x21-\x3a\x3c-\x7e]*$/.test(text))) return;
  context.error([...path, 'httpCookie'], {
    message: 'httpCookie has a space, a semicolon or a control character',
    remedy: 'Use visible ASCII characters without ";".',
  });
}

function decodeRingSize(value: z.output<typeof consistentHash>, path: Path, context: DecodeContext): number {
  const wanted = value.ringHash?.minimumRingSize ?? value.minimumRingSize ?? 0;
  if (wanted > maxRingSize) {
    const where = value.ringHash === undefined ? ['minimumRingSize'] : ['ringHash', 'minimumRingSize'];
    context.error([...path, ...where], {
      message: `minimumRingSize ${wanted} is more than ${maxRingSize}`,
      remedy: `Write at most ${maxRingSize}; some hundred per endpoint are enough.`,
    });
  }
  return wanted === 0 ? ringSize : wanted;
}

function decodeTableSize(value: number | undefined, path: Path, context: DecodeContext): number {
  if (value !== undefined && value < maxMaglevSize && isPrime(value)) return value;
  context.error(path, {
    message:
      value === undefined ? 'maglev has no tableSize' : `tableSize ${value} is not a prime below ${maxMaglevSize}`,
    remedy: `Write a prime, such as ${maglevSize}.`,
  });
  return maglevSize;
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}

/** Envoy's slow start knows only balancers that weigh endpoints on each request. */
function decodeWarmup(value: Value, path: Path, context: DecodeContext): WarmupSetting | undefined {
  const { warmup, warmupDurationSecs: old, simple, consistentHash: hash } = value;
  if (warmup === undefined && old === undefined) return undefined;
  const where = [...path, warmup === undefined ? 'warmupDurationSecs' : 'warmup'];
  if (hash !== undefined || simple === 'RANDOM' || simple === 'PASSTHROUGH') {
    context.ignore(where, {
      message: `warm-up is only for ROUND_ROBIN and LEAST_REQUEST, as in Istio: new endpoints get their full share at once`,
      remedy: 'Take it away, or change loadBalancer.simple.',
    });
    return undefined;
  }
  const durationPath = warmup === undefined ? where : [...where, 'duration'];
  const duration = atLeastOneMs(warmup?.duration ?? old, durationPath, context) ?? 1;
  const aggression = warmup?.aggression ?? 1;
  if (aggression < 1) {
    context.error([...where, 'aggression'], {
      message: `aggression ${aggression} is less than 1`,
      remedy: 'Write at least 1: 1 is linear, more is faster at first.',
    });
  }
  return { origin: context.at(where), durationMs: duration, minimumPercent: warmup?.minimumPercent ?? 10, aggression };
}
