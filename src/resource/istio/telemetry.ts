import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { present } from '../fields.ts';
import { defineKind, objectOf } from '../kind.ts';
import type { Located, ResourceObject } from '../object.ts';
import { ignored } from '../schema.ts';
import { decodeTargets, targetFields, type PolicyTargets } from './targets.ts';

export interface Telemetry extends ResourceObject {
  /** A section without entries is inherited, as one that is not there. */
  readonly spec: PolicyTargets & {
    readonly accessLogging: readonly AccessLogging[];
    readonly metricOverrides: readonly MetricOverride[];
  };
}

/** Which side's requests an entry is about: those that come in, those that go out, or both. */
export type TelemetryMode = 'CLIENT_AND_SERVER' | 'CLIENT' | 'SERVER';

export interface AccessLogging {
  readonly origin: Origin;
  readonly mode: TelemetryMode;
  readonly disabled: boolean;
  /** CEL, as written. */
  readonly filter?: Located<string>;
}

/** Metrics that are counted here. */
const metricNames = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
] as const;

export type MetricName = (typeof metricNames)[number];

export interface MetricOverride {
  readonly origin: Origin;
  /** `ALL_METRICS` is written out. */
  readonly metrics: readonly MetricName[];
  readonly mode: TelemetryMode;
  /** Absent: as inherited. */
  readonly disabled?: boolean;
  readonly tags: readonly TagOverride[];
}

export interface TagOverride {
  readonly origin: Origin;
  readonly name: string;
  /** CEL, as written; absent: the tag is taken away. */
  readonly value?: string;
}

const match = z.strictObject({ mode: z.enum(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']).default('CLIENT_AND_SERVER') });
const providers = z.array(z.strictObject({ name: z.string().min(1) })).default([]);

const accessLogging = z.strictObject({
  match: match.prefault({}),
  providers,
  disabled: z.boolean().default(false),
  filter: z.strictObject({ expression: z.string().default('') }).optional(),
});

const tagOverride = z.strictObject({
  operation: z.enum(['UPSERT', 'REMOVE']).optional(),
  value: z.string().optional(),
});

const override = z.strictObject({
  match: z
    .strictObject({
      metric: z.enum(['ALL_METRICS', ...metricNames]).optional(),
      customMetric: z.string().min(1).optional(),
      mode: z.enum(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']).default('CLIENT_AND_SERVER'),
    })
    .prefault({}),
  disabled: z.boolean().optional(),
  tagOverrides: z.record(z.string(), tagOverride).default({}),
});

const schema = objectOf({
  spec: z
    .strictObject({
      ...targetFields,
      accessLogging: z.array(accessLogging).default([]),
      metrics: z
        .array(
          z.strictObject({
            providers,
            overrides: z.array(override).default([]),
            reportingInterval: ignored('metrics are what they are when they are scraped'),
          }),
        )
        .default([]),
      tracing: ignored('no spans are made; trace headers are passed on as they come'),
    })
    .prefault({}),
});

export const telemetryKind = defineKind<Telemetry, typeof schema>({
  group: 'telemetry.istio.io',
  kind: 'Telemetry',
  versions: ['v1', 'v1alpha1'],
  schema,
  decode: ({ spec }, context) => ({
    spec: {
      ...decodeTargets(spec, context),
      accessLogging: spec.accessLogging.flatMap((entry, index) => {
        const path = ['spec', 'accessLogging', index];
        const known = isKnownProvider(entry.providers, { path, context, known: accessLogProviders });
        return known ? [decodeAccessLogging(entry, path, context)] : [];
      }),
      metricOverrides: spec.metrics.flatMap(({ providers: named, overrides }, index) => {
        const path = ['spec', 'metrics', index];
        // An override is valid or not, whoever it is for.
        const decoded = overrides.flatMap((entry, at) => decodeOverride(entry, [...path, 'overrides', at], context));
        return isKnownProvider(named, { path, context, known: metricProviders }) ? decoded : [];
      }),
    },
  }),
});

/** Istio's own names for the log on standard output and for the page that Prometheus reads. */
const accessLogProviders: ReadonlySet<string> = new Set(['envoy', 'envoy-json']);
const metricProviders: ReadonlySet<string> = new Set(['prometheus']);

/** Whether an entry is about what there is here; without providers it is. */
function isKnownProvider(
  named: readonly { readonly name: string }[],
  {
    path,
    context,
    known,
  }: { readonly path: Path; readonly context: DecodeContext; readonly known: ReadonlySet<string> },
): boolean {
  for (const [index, { name }] of named.entries()) {
    if (known.has(name)) continue;
    context.ignore([...path, 'providers', index], {
      message: `provider "${name}" does not exist here: nothing is sent to it`,
      remedy: `Use ${[...known].join(' or ')}, or read the log and the metrics of Sallyport.`,
    });
  }
  return named.length === 0 || named.some(({ name }) => known.has(name));
}

function decodeAccessLogging(entry: z.output<typeof accessLogging>, path: Path, context: DecodeContext): AccessLogging {
  const expression = entry.filter?.expression ?? '';
  return {
    origin: context.at(path),
    mode: entry.match.mode,
    disabled: entry.disabled,
    ...present({
      filter:
        expression === '' ? undefined : { value: expression, origin: context.at([...path, 'filter', 'expression']) },
    }),
  };
}

function decodeOverride(entry: z.output<typeof override>, path: Path, context: DecodeContext): MetricOverride[] {
  const { metric = 'ALL_METRICS', customMetric, mode } = entry.match;
  if (customMetric !== undefined && entry.match.metric !== undefined) {
    context.error([...path, 'match', 'customMetric'], {
      message: 'the match names both a metric and a customMetric',
      remedy: 'Keep one.',
    });
  }
  const tags = Object.entries(entry.tagOverrides).flatMap(([name, tag]) =>
    decodeTag({ name, ...tag }, [...path, 'tagOverrides', name], context),
  );
  const metrics = metric === 'ALL_METRICS' ? metricNames : metricNames.filter((name) => name === metric);
  if (customMetric !== undefined) {
    context.ignore([...path, 'match'], {
      message: `metric ${customMetric} is not counted here: the override has no effect`,
      remedy: `These are: ${metricNames.join(', ')}.`,
    });
    return [];
  }
  return [{ origin: context.at(path), metrics, mode, ...present({ disabled: entry.disabled }), tags }];
}

function decodeTag(
  { name, operation, value }: z.output<typeof tagOverride> & { readonly name: string },
  path: Path,
  context: DecodeContext,
): TagOverride[] {
  if (operation === 'REMOVE') {
    if (value !== undefined) {
      context.error([...path, 'value'], { message: 'REMOVE takes no value', remedy: 'Take the value away.' });
    }
    return [{ origin: context.at(path), name }];
  }
  if (value !== undefined && value !== '') return [{ origin: context.at(path), name, value }];
  const finding = {
    message: 'UPSERT needs a value',
    remedy: 'Add a value such as \'"production"\', or REMOVE the tag.',
  };
  if (operation === 'UPSERT') context.error(path, finding);
  else context.warn(path, finding);
  return [];
}
