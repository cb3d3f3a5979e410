/** Istio's metric labels, in Istio's order (istio.md, metrics). */

/** Who sends or receives; `unknown` where nothing is known, `latest` for an unknown revision. Same shape as the plan's `WorkloadLabels`. */
export interface WorkloadIdentity {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
  /** `spiffe://…`, or `unknown`. */
  readonly principal: string;
}

export const unknownWorkload: WorkloadIdentity = {
  workload: 'unknown',
  namespace: 'unknown',
  app: 'unknown',
  version: 'unknown',
  canonicalService: 'unknown',
  canonicalRevision: 'latest',
  cluster: 'unknown',
  principal: 'unknown',
};

/** The service that a request was for. */
export interface ServiceIdentity {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export const unknownService: ServiceIdentity = { host: 'unknown', name: 'unknown', namespace: 'unknown' };

export type Reporter = 'source' | 'destination';
export type ConnectionSecurity = 'mutual_tls' | 'none' | 'unknown';

/** What stays the same for all requests of one client to one destination. */
export interface PairLabels {
  /** `source` at gateways and on the client's side, `destination` at the sidecar of the workload. */
  readonly reporter: Reporter;
  readonly source: WorkloadIdentity;
  readonly destination: WorkloadIdentity;
  readonly service: ServiceIdentity;
  /** Of the incoming connection where the reporter is the destination; else `unknown`, as in Istio. */
  readonly security: ConnectionSecurity;
}

/** Labels that the two message counters have, in order. */
export const pairLabelNames = [
  'reporter',
  'source_workload',
  'source_workload_namespace',
  'source_app',
  'source_version',
  'source_canonical_service',
  'source_canonical_revision',
  'source_cluster',
  'source_principal',
  'destination_principal',
  'destination_workload',
  'destination_workload_namespace',
  'destination_app',
  'destination_version',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_cluster',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
] as const;

/** The further labels of all other request metrics, in order. */
export const responseLabelNames = [
  'request_protocol',
  'response_code',
  'grpc_response_status',
  'response_flags',
  'connection_security_policy',
] as const;

/** Values for `pairLabelNames`. */
export function pairLabelValues({ reporter, source, destination, service }: PairLabels): string[] {
  return [
    reporter,
    source.workload,
    source.namespace,
    source.app,
    source.version,
    source.canonicalService,
    source.canonicalRevision,
    source.cluster,
    source.principal,
    destination.principal,
    destination.workload,
    destination.namespace,
    destination.app,
    destination.version,
    destination.canonicalService,
    destination.canonicalRevision,
    destination.cluster,
    service.host,
    service.name,
    service.namespace,
  ];
}
