import { compileTextExpression } from '../decide/index.ts';
import type { MetricRule, ProxyTelemetry, TelemetryReporter } from '../plan/index.ts';
import { makeTags, type RequestRecord, type Tags } from '../telemetry/index.ts';

type TagReader = (record: RequestRecord) => Tags;

/** What is computed for labels, by the metrics that have them; undefined: nothing. */
export interface TagRules {
  readonly requests: TagReader | undefined;
  readonly messages: TagReader | undefined;
  readonly connections: TagReader | undefined;
}

type Rules = { readonly [reporter in TelemetryReporter]: TagRules | undefined };

/** Made once per plan, when its first request ends. */
const compiled = new WeakMap<ProxyTelemetry, Rules>();

/** Undefined where the proxy's Telemetry computes no label. */
export function tagRules(telemetry: ProxyTelemetry, reporter: TelemetryReporter): TagRules | undefined {
  let rules = compiled.get(telemetry);
  if (rules === undefined) {
    rules = { source: rulesOf(telemetry, 'source'), destination: rulesOf(telemetry, 'destination') };
    compiled.set(telemetry, rules);
  }
  return rules[reporter];
}

function rulesOf({ metrics }: ProxyTelemetry, reporter: TelemetryReporter): TagRules | undefined {
  const own = metrics.filter((rule) => rule.reporter === reporter && !rule.disabled);
  const readerOf = (test: RegExp): TagReader | undefined => makeReader(own.filter(({ metric }) => test.test(metric)));
  const rules = {
    requests: readerOf(/^istio_(?:request|response)(?!.*_messages_)/),
    messages: readerOf(/_messages_/),
    connections: readerOf(/^istio_tcp_/),
  };
  return Object.values(rules).every((reader) => reader === undefined) ? undefined : rules;
}

function makeReader(rules: readonly MetricRule[]): TagReader | undefined {
  const computed = new Map(
    rules
      .flatMap(({ labels }) => Object.values(labels))
      .flatMap((label) => (typeof label === 'string' ? [] : [[label.text, compileTextExpression(label.expression)]])),
  );
  if (computed.size === 0) return undefined;
  const [texts, readers] = [[...computed.keys()], [...computed.values()]];
  return (record) =>
    makeTags(
      texts,
      readers.map((read) => read(record)),
    );
}
