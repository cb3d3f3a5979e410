export { supplyMissing, type Supplied } from './add-missing.ts';
export { analyze, destinationsOf, distinct } from './analyze.ts';
export { codes as analysisCodes } from './codes.ts';
export { hostnameCovers, intersectHostnames, normalHostname } from './hostname.ts';
export type {
  Analysis,
  BackendModel,
  CertificateModel,
  DestinationModel,
  GatewayModel,
  GuardedWorkload,
  Identity,
  ListenerModel,
  MatchedRule,
  MatchModel,
  MtlsModel,
  PlaceModel,
  PolicyModel,
  RuleModel,
  ServicePortModel,
  TlsModel,
  TrafficPolicyLookup,
  TrafficPolicyModel,
  VirtualHostModel,
  WorkloadModel,
  WorkloadPortModel,
} from './model.ts';
export type { AddedObject, BoundAddress, CompileOptions, WorkloadBinding } from './options.ts';
export { holds, type Condition, type ListenerStatus, type ObjectStatus, type ParentStatus } from './status.ts';
