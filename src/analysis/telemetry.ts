/** Which Telemetry counts for a proxy, section by section: workload before namespace before root namespace (istio.md 5). */
import { diagnose, formatOrigin } from '../base/index.ts';
import type { AccessLogRule, MetricRule, ProxyTelemetry, TelemetryReporter } from '../plan/index.ts';
import type { AccessLogging, MetricName, MetricOverride, Telemetry, TelemetryMode } from '../resource/index.ts';
import { compareObjects } from './age.ts';
import { codes } from './codes.ts';
import { parseLogFilter } from './log-filter.ts';
import { lowerTag, withChanges } from './metric-labels.ts';
import { binds, type Enforcer } from './policies.ts';
import { groupBy, type World } from './world.ts';

/** What a proxy logs and counts; undefined where no Telemetry says anything about it. */
export type TelemetryLookup = (enforcer: Enforcer) => ProxyTelemetry | undefined;

export function makeTelemetryLookup(world: World): TelemetryLookup {
  const byNamespace = new Map<string, readonly Telemetry[]>();
  for (const [namespace, all] of groupBy(world.resources.telemetries, ({ metadata }) => metadata.namespace)) {
    const sorted = [...all].sort(compareObjects);
    byNamespace.set(namespace, sorted);
    reportShadowed(world, sorted.filter(isWide));
  }
  const lowered = lowerOnce(world);
  const wideOf = (namespace: string): Telemetry | undefined => byNamespace.get(namespace)?.find(isWide);
  return (enforcer) => {
    const { namespace } = enforcer.identity;
    const { rootNamespace } = world.options;
    const selecting = (byNamespace.get(namespace) ?? []).filter((one) => !isWide(one) && binds(one, enforcer));
    reportShadowed(world, selecting);
    const levels = [selecting[0], wideOf(namespace), namespace === rootNamespace ? undefined : wideOf(rootNamespace)]
      .filter((one) => one !== undefined)
      .map(lowered);
    const accessLog = levels.find((one) => one.accessLog.length > 0)?.accessLog ?? [];
    const metrics = levels.find((one) => one.metrics.length > 0)?.metrics ?? [];
    return accessLog.length + metrics.length === 0 ? undefined : { accessLog, metrics };
  };
}

/** The field of a model, where there is one. */
export function telemetryPart(telemetry: ProxyTelemetry | undefined): { readonly telemetry?: ProxyTelemetry } {
  return telemetry === undefined ? {} : { telemetry };
}

function isWide({ spec }: Telemetry): boolean {
  return spec.selector === undefined && spec.targetRefs.length === 0;
}

/** Several for one scope: only the oldest counts (istioctl: IST0159, IST0160). */
function reportShadowed(world: World, [winner, ...others]: readonly Telemetry[]): void {
  for (const { origin } of others) {
    world.report(
      diagnose(codes.telemetryShadowed, {
        origin,
        message: `ignored: ${winner === undefined ? '' : formatOrigin(winner.origin)} is for the same, and is older or first by name`,
        remedy: 'Keep one Telemetry for each workload, and one without a selector for each namespace.',
      }),
    );
  }
}

function lowerOnce(world: World): (telemetry: Telemetry) => ProxyTelemetry {
  const known = new Map<Telemetry, ProxyTelemetry>();
  return (telemetry) => {
    const found = known.get(telemetry);
    if (found !== undefined) return found;
    const { accessLogging, metricOverrides } = telemetry.spec;
    const lowered = {
      accessLog: reporters.flatMap((reporter) => lowerAccessLog(world, accessLogging, reporter)),
      metrics: reporters.flatMap((reporter) => lowerMetrics(world, metricOverrides, reporter)),
    };
    known.set(telemetry, lowered);
    return lowered;
  };
}

const reporters: readonly TelemetryReporter[] = ['source', 'destination'];

/** A gateway is a client in Istio's eyes, and so reports as the source. */
function isAbout(mode: TelemetryMode, reporter: TelemetryReporter): boolean {
  return mode === 'CLIENT_AND_SERVER' || mode === (reporter === 'source' ? 'CLIENT' : 'SERVER');
}

function lowerAccessLog(
  world: World,
  entries: readonly AccessLogging[],
  reporter: TelemetryReporter,
): readonly AccessLogRule[] {
  const last = entries.findLast(({ mode }) => isAbout(mode, reporter));
  if (last === undefined) return [];
  const { origin, disabled, filter } = last;
  if (filter === undefined) return [{ origin, reporter, disabled }];
  const parsed = parseLogFilter(filter.value);
  if (!('error' in parsed)) return [{ origin, reporter, disabled, filter: parsed }];
  world.report(
    diagnose(codes.logFilterUnsupported, {
      origin: filter.origin,
      message: `filter ${JSON.stringify(filter.value)} is not understood, so that every request is logged: ${parsed.error}`,
      remedy:
        'Use comparisons of attributes such as response.code, response.grpc_status, request.method, request.host, request.url_path or request.headers["x"], in, startsWith, endsWith, contains and matches, joined by && and ||.',
    }),
  );
  return [{ origin, reporter, disabled }];
}

const metricNames: Readonly<Record<MetricName, string>> = {
  REQUEST_COUNT: 'istio_requests_total',
  REQUEST_DURATION: 'istio_request_duration_milliseconds',
  REQUEST_SIZE: 'istio_request_bytes',
  RESPONSE_SIZE: 'istio_response_bytes',
  GRPC_REQUEST_MESSAGES: 'istio_request_messages_total',
  GRPC_RESPONSE_MESSAGES: 'istio_response_messages_total',
  TCP_OPENED_CONNECTIONS: 'istio_tcp_connections_opened_total',
  TCP_CLOSED_CONNECTIONS: 'istio_tcp_connections_closed_total',
  TCP_SENT_BYTES: 'istio_tcp_sent_bytes_total',
  TCP_RECEIVED_BYTES: 'istio_tcp_received_bytes_total',
};

/** Overrides in order, each on what those before it left. */
function lowerMetrics(
  world: World,
  overrides: readonly MetricOverride[],
  reporter: TelemetryReporter,
): readonly MetricRule[] {
  const rules = new Map<MetricName, MetricRule>();
  for (const { origin, metrics, mode, disabled, tags } of overrides) {
    if (!isAbout(mode, reporter)) continue;
    const changes = tags.flatMap((tag) => lowerTag(world, tag));
    for (const metric of metrics) {
      const before = rules.get(metric);
      rules.set(metric, {
        origin,
        reporter,
        metric: metricNames[metric],
        disabled: disabled ?? before?.disabled ?? false,
        labels: withChanges(before?.labels ?? {}, changes),
      });
    }
  }
  return [...rules.values()];
}
