/** What a proxy logs and counts: Telemetry in the words of the data plane. */
import type { Origin } from '../base/index.ts';

/** Settings for each side that a proxy reports as; what is absent is as without any Telemetry: all is logged and counted. */
export interface ProxyTelemetry {
  readonly accessLog: readonly AccessLogRule[];
  readonly metrics: readonly MetricRule[];
}

/** `source`: requests that go out, and those of a gateway. `destination`: requests that come in at a sidecar. */
export type TelemetryReporter = 'source' | 'destination';

/** At most one for each reporter. */
export interface AccessLogRule {
  readonly origin: Origin;
  readonly reporter: TelemetryReporter;
  /** No line at all. */
  readonly disabled: boolean;
  /** Only requests for which it holds get a line; absent: all. */
  readonly filter?: LogFilter;
}

/** At most one for each reporter and metric. */
export interface MetricRule {
  readonly origin: Origin;
  readonly reporter: TelemetryReporter;
  /** Name of the metric without suffix, for example `istio_requests_total`. */
  readonly metric: string;
  readonly disabled: boolean;
  /** New values of labels by name; an empty one takes the label away. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The part of CEL that is understood, over Envoy's attributes. */
export type LogFilter =
  | { readonly type: 'and' | 'or'; readonly of: readonly LogFilter[] }
  | { readonly type: 'not'; readonly of: LogFilter }
  | {
      readonly type: 'compare';
      readonly attribute: LogAttribute;
      readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=';
      /** A number for attributes that are numbers, text for the others. */
      readonly value: number | string;
    }
  | {
      readonly type: 'test';
      readonly attribute: (typeof textAttributes)[number];
      readonly test: (typeof textTests)[number];
      /** For `matches` an RE2 expression, of which some part of the text must be a match. */
      readonly value: string;
    };

export const textTests = ['startsWith', 'endsWith', 'contains', 'matches'] as const;

export type LogAttribute = (typeof numberAttributes)[number] | (typeof textAttributes)[number];

/** `response.grpc_status` is absent for what is not gRPC; a comparison with it then neither holds nor fails, as in CEL. */
export const numberAttributes = ['response.code', 'response.grpc_status'] as const;
export const textAttributes = [
  'request.method',
  'request.host',
  'request.path',
  'request.url_path',
  'request.useragent',
] as const;
