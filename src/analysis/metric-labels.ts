/** Labels of metrics that a Telemetry sets, adds and takes away. */
import { diagnose } from '../base/index.ts';
import type { ComputedLabel, MetricRule } from '../plan/index.ts';
import type { TagOverride } from '../resource/index.ts';
import { codes } from './codes.ts';
import { parseTextExpression } from './text-expression.ts';
import type { World } from './world.ts';

/** Labels that Istio's metrics have. */
const standardLabels =
  /^(?:reporter|(?:source|destination)_(?:workload|workload_namespace|principal|app|version|canonical_service|canonical_revision|cluster)|destination_service(?:_name|_namespace)?|request_protocol|response_code|grpc_response_status|response_flags|connection_security_policy)$/;

/** What Prometheus takes for a label and does not keep for itself (`le` is that of buckets). */
const labelName = /^(?!__|le$)[A-Za-z_]\w*$/;

type Labels = MetricRule['labels'];

export interface LabelChange {
  readonly name: string;
  /** Undefined: the label is taken away. */
  readonly value: string | ComputedLabel | undefined;
}

/** A label that Istio has is taken away by its empty value, another by forgetting it. */
export function withChanges(before: Labels, changes: readonly LabelChange[]): Labels {
  const labels = new Map(Object.entries(before));
  for (const { name, value } of changes) {
    if (value !== undefined) labels.set(name, value);
    else if (standardLabels.test(name)) labels.set(name, '');
    else labels.delete(name);
  }
  return Object.fromEntries(labels);
}

/** Nothing, and reported, where the label cannot be had. */
export function lowerTag(world: World, { name, value, origin }: TagOverride): readonly LabelChange[] {
  const isStandard = standardLabels.test(name);
  const refuse = (message: string, remedy: string): readonly LabelChange[] => {
    world.report(diagnose(codes.tagOverrideUnsupported, { origin, message, remedy }));
    return [];
  };
  if (!labelName.test(name)) {
    return refuse(
      `${JSON.stringify(name)} cannot be the name of a label`,
      'Use letters, digits and _, no digit first.',
    );
  }
  if (value === undefined) return [{ name, value: undefined }];
  const expression = parseTextExpression(value);
  if ('error' in expression) {
    return refuse(
      `label ${name} ${isStandard ? 'stays as it is' : 'is not added'}: ${JSON.stringify(value)} is not understood: ${expression.error}`,
      'Use a text such as \'"production"\', attributes such as request.host, request.url_path, request.headers["x"], response.code or destination.port, string(), + and a ? b : c; whose certificate it was says connection.uri_san_peer_certificate.',
    );
  }
  return [{ name, value: expression.type === 'text' ? expression.text : { text: value.trim(), expression } }];
}
