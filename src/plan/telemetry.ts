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
  readonly filter?: CallCondition;
}

/** At most one for each reporter and metric. */
export interface MetricRule {
  readonly origin: Origin;
  readonly reporter: TelemetryReporter;
  /** Name of the metric without suffix, for example `istio_requests_total`. */
  readonly metric: string;
  readonly disabled: boolean;
  /** New values of labels by name, of labels that Istio does not have too; an empty one takes the label away. */
  readonly labels: Readonly<Record<string, string | ComputedLabel>>;
}

/** A label whose value is computed for each request or connection; `unknown` where its expression has none, as in Istio. */
export interface ComputedLabel {
  /** As written; equal texts have equal values. */
  readonly text: string;
  readonly expression: TextExpression;
}

/** What makes a text of attributes. */
export type TextExpression =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'attribute'; readonly attribute: CallAttribute }
  | { readonly type: 'join'; readonly of: readonly TextExpression[] }
  | {
      readonly type: 'choice';
      readonly when: CallCondition;
      readonly yes: TextExpression;
      readonly no: TextExpression;
    };

/** The part of CEL that is understood, over Envoy's attributes. */
export type CallCondition =
  | { readonly type: 'and' | 'or'; readonly of: readonly CallCondition[] }
  | { readonly type: 'not'; readonly of: CallCondition }
  | {
      readonly type: 'compare';
      readonly attribute: CallAttribute;
      readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=';
      /** A number for attributes that are numbers, text for the others. */
      readonly value: number | string;
    }
  /** Whether there is such a header. */
  | { readonly type: 'present'; readonly attribute: HeaderAttribute }
  | {
      readonly type: 'test';
      readonly attribute: TextAttribute;
      readonly test: (typeof textTests)[number];
      /** For `matches` an RE2 expression, of which some part of the text must be a match. */
      readonly value: string;
    };

export const textTests = ['startsWith', 'endsWith', 'contains', 'matches'] as const;

/** An attribute of Envoy's that is known here. */
export type CallAttribute = (typeof numberAttributes)[number] | (typeof booleanAttributes)[number] | TextAttribute;

export type TextAttribute = (typeof textAttributes)[number] | HeaderAttribute;

/** `request.headers.` and the name in lower case: a header of the request. */
export type HeaderAttribute = `request.headers.${string}`;

/** Absent are `response.*` before there is a response, and `upstream.*` before there is an endpoint. */
export const numberAttributes = [
  'response.code',
  'response.grpc_status',
  'source.port',
  'destination.port',
  'upstream.port',
] as const;
/** `true` or `false`. */
export const booleanAttributes = ['connection.mtls'] as const;
export const textAttributes = [
  'request.method',
  'request.host',
  'request.path',
  'request.url_path',
  'request.useragent',
  'request.scheme',
  'request.id',
  'request.referer',
  'request.protocol',
  'response.code_details',
  'connection.requested_server_name',
  'connection.uri_san_peer_certificate',
  'source.address',
  'destination.address',
  'upstream.address',
  'xds.cluster_name',
] as const;
