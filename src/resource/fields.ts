import { z } from 'zod';

/** Schemas of values that several kinds share. A message has two lines: what must hold, and what to do. */

function format(pattern: RegExp, what: string, remedy: string): z.ZodString {
  return z.string().regex(pattern, `${what}\n${remedy}`);
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;

/** RFC 1123 subdomain, as names of objects, sections and rules. */
export const subdomainName = format(
  new RegExp(`^${subdomain}$`),
  'must be a name in lower case',
  'Use lower-case letters, digits, "-" and ".", with a letter or digit at both ends.',
)
  .min(1)
  .max(253);

export const namespaceName = format(
  new RegExp(`^${label}$`),
  'must be a namespace name',
  'Use lower-case letters, digits and "-", with a letter or digit at both ends.',
)
  .min(1)
  .max(63);

export const objectName = z.string().min(1).max(253);

export const apiGroup = format(
  new RegExp(`^(${subdomain})?$`),
  'must be an API group',
  'Write a group such as gateway.networking.k8s.io, without a version, or "" for core kinds.',
).max(253);

export const kindName = format(
  /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
  'must be a kind',
  'Write a kind such as Service, with letters, digits and "-".',
)
  .min(1)
  .max(63);

/** A hostname with an optional `*.` in front. */
export const hostname = format(
  new RegExp(`^(\\*\\.)?${subdomain}$`),
  'must be a hostname in lower case',
  'Write a DNS name such as api.example.com, or *.example.com; no port, no scheme, no path. To take any host, leave it out.',
)
  .min(1)
  .max(253);

/** A hostname without wildcard. */
export const preciseHostname = format(
  new RegExp(`^${subdomain}$`),
  'must be a hostname in lower case',
  'Write a DNS name such as api.example.com; no port, no scheme, no path, no wildcard.',
)
  .min(1)
  .max(253);

export const portNumber = z.int().min(1).max(65535);

/** RFC 9110 token. */
export const headerName = format(
  /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  'must be a header name',
  'Use letters, digits and -, without spaces or a colon.',
)
  .min(1)
  .max(256);

/** Printable ASCII, with single spaces or tabs in between. */
export const headerValue = format(
  /^[!-~]+(?:[\t ][!-~]+)*$/,
  'must be the value of a header',
  'Use printable ASCII characters, with single spaces in between.',
);

export const labelMap = z.record(z.string(), z.string());

/** A map from any text to texts of a bounded length. */
export function textMap(bounds: { readonly maxEntries: number; readonly maxLength: number }) {
  const { maxEntries, maxLength } = bounds;
  return z
    .record(z.string(), z.string().max(maxLength))
    .refine((map) => Object.keys(map).length <= maxEntries, `must have at most ${maxEntries} entries\nTake some away.`);
}

const labelRequirement = z.strictObject({
  key: z.string().min(1),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).default([]),
});

export const labelSelector = z.strictObject({
  matchLabels: labelMap.default({}),
  matchExpressions: z.array(labelRequirement).default([]),
});

/** Istio's workload selector; wildcards are refused there too. */
export const workloadSelector = z.strictObject({
  matchLabels: z
    .record(
      format(/^[^*]+$/, 'must be a label name without "*"', 'Write the whole name of a label.'),
      format(/^[^*]*$/, 'must be a label value without "*"', 'Write the whole value; selectors know no wildcards.').max(
        63,
      ),
    )
    .default({}),
});

/** GEP-2257: up to four parts of at most five digits each. */
export const gatewayDuration = format(
  /^([0-9]{1,5}(h|m|s|ms)){1,4}$/,
  'must be a duration',
  'Write whole numbers with units h, m, s or ms, such as 10s or 1m30s.',
);

/** Go's syntax, which Istio takes: fractions and small units too. */
export const goDuration = format(
  /^[0-9.]+(h|m|s|ms|us|µs|ns)([0-9.]+(h|m|s|ms|us|µs|ns))*$/,
  'must be a duration',
  'Write a number with a unit, such as 10s, 1.5s or 500ms.',
);

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Milliseconds of a duration that one of the two schemas accepted. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|us|µs|ns|h|m|s)/g)) {
    sum += Number(amount) * (unitMs[unit as string] as number);
  }
  return sum;
}

/** Leaves out what is undefined, for objects whose optional fields are absent rather than undefined. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const result: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const key in fields)
    if (fields[key] !== undefined) result[key] = fields[key] as Exclude<T[typeof key], undefined>;
  return result;
}
