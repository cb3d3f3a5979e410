export { supplyMissing, type Supplied } from './add-missing.ts';
export { analyze, destinationsOf, distinct } from './analyze.ts';
export { defaultRetry } from './default-retry.ts';
export { codes as analysisCodes } from './codes.ts';
export type { AimedProbe, ContainerHealth } from './probes.ts';
export { labelsOfPlace, placesOf } from './subsets.ts';
export { formatLocality, labelsOfLocality, localityOfLabels, parseLocality, type Locality } from './locality.ts';
export type {
  Analysis,
  BackendModel,
  ClientModel,
  DestinationModel,
  GatewayModel,
  GuardedWorkload,
  Identity,
  ListenerModel,
  MatchedRule,
  OutboundHostModel,
  OutboundModel,
  OutboundScopeModel,
  PlaceModel,
  PolicyModel,
  RemoteKeySource,
  RequestAuthenticationModel,
  RuleModel,
  TrafficPolicyLookup,
  TrafficPolicyModel,
  VirtualHostModel,
  WorkloadPortModel,
} from './model.ts';
export type { RouteMemory } from './route-memory.ts';
export type { AddedObject, BoundAddress, CompileOptions, FetchedKeySets, WorkloadBinding } from './options.ts';
export type { Condition, ListenerStatus, ObjectStatus, ParentStatus } from './status.ts';
