import { z } from 'zod';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import type { Origin } from '../../base/index.ts';

/** `LocalityLoadBalancerSetting`; at most one of `distribute` and the two failover lists is not empty. */
export interface LocalitySetting {
  readonly origin: Origin;
  /** False switches failover by locality off, even where outlier detection would bring it. */
  readonly enabled: boolean;
  readonly distribute: readonly Distribution[];
  /** By region. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels in order of weight, each `key` or `key=value`. */
  readonly failoverPriority: readonly string[];
}

export interface Distribution {
  readonly origin: Origin;
  /** `region/zone/subzone`, a part may be `*` at the end; `*` alone is anywhere. */
  readonly from: string;
  readonly to: readonly { readonly locality: string; readonly weight: number }[];
}

export const localityLb = z.strictObject({
  enabled: z.boolean().default(true),
  distribute: z
    .array(
      z.strictObject({
        from: z.string().default(''),
        to: z.record(z.string(), z.int().min(0).max(4_294_967_295)).default({}),
      }),
    )
    .default([]),
  failover: z.array(z.strictObject({ from: z.string().default(''), to: z.string().default('') })).default([]),
  failoverPriority: z.array(z.string().min(1)).default([]),
});

export function decodeLocality(
  value: z.output<typeof localityLb>,
  path: Path,
  context: DecodeContext,
): LocalitySetting {
  const { enabled, distribute, failover, failoverPriority } = value;
  if (distribute.length > 0 && failover.length + failoverPriority.length > 0) {
    context.error([...path, 'distribute'], {
      message: 'localityLbSetting has both distribute and failover',
      remedy: 'Keep one of the two.',
    });
  }
  for (const [index, { from, to }] of failover.entries()) {
    if (from !== to && from !== '' && to !== '' && !`${from}${to}`.includes('/')) continue;
    context.error([...path, 'failover', index], {
      message: `failover from "${from}" to "${to}" does not name two regions`,
      remedy: 'Write the names of two different regions, without zones.',
    });
  }
  return {
    origin: context.at(path),
    enabled,
    distribute: distribute.map((entry, index) => decodeDistribution(entry, [...path, 'distribute', index], context)),
    failover,
    failoverPriority,
  };
}

function decodeDistribution(
  { from, to }: z.output<typeof localityLb>['distribute'][number],
  path: Path,
  context: DecodeContext,
): Distribution {
  for (const locality of [from, ...Object.keys(to)]) {
    if (/^(?:\*|[^*/]+(?:\/[^*/]+){0,2}|[^*/]+(?:\/[^*/]+)?\/\*)$/.test(locality)) continue;
    context.error(path, {
      message: `"${locality}" is not a locality`,
      remedy: 'Write region/zone/subzone, region/zone, region, region/* or *.',
    });
  }
  const sum = Object.values(to).reduce((total, weight) => total + weight, 0);
  if (sum !== 100 || Object.values(to).includes(0)) {
    context.error([...path, 'to'], {
      message: `the weights of distribute from "${from}" sum to ${sum}, or one is 0`,
      remedy: 'Write weights above 0 that sum to 100.',
    });
  }
  return {
    origin: context.at(path),
    from,
    to: Object.entries(to).map(([locality, weight]) => ({ locality, weight })),
  };
}
