/** The identity of a workload in Istio's metric labels; absent values are `unknown` (revision: `latest`). */
export interface WorkloadLabels {
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
