import type { ObjectView } from '../control/index.ts';
import { UsageError } from './settings.ts';

interface KindName {
  readonly kind: string;
  /** Names a user may type besides the kind itself, plural first. */
  readonly names: readonly string[];
}

interface Column {
  readonly heading: string;
  readonly cell: (object: ObjectView) => string;
}

const kinds: readonly KindName[] = [
  { kind: 'GatewayClass', names: ['gatewayclasses', 'gc'] },
  { kind: 'Gateway', names: ['gateways', 'gtw'] },
  { kind: 'ListenerSet', names: ['listenersets', 'lset'] },
  { kind: 'HTTPRoute', names: ['httproutes'] },
  { kind: 'GRPCRoute', names: ['grpcroutes'] },
  { kind: 'TLSRoute', names: ['tlsroutes'] },
  { kind: 'TCPRoute', names: ['tcproutes'] },
  { kind: 'BackendTLSPolicy', names: ['backendtlspolicies', 'btlspolicy'] },
  { kind: 'ReferenceGrant', names: ['referencegrants', 'refgrant'] },
  { kind: 'Namespace', names: ['namespaces', 'ns'] },
  { kind: 'Service', names: ['services', 'svc'] },
  { kind: 'EndpointSlice', names: ['endpointslices'] },
  { kind: 'ServiceAccount', names: ['serviceaccounts', 'sa'] },
  { kind: 'Secret', names: ['secrets'] },
  { kind: 'ConfigMap', names: ['configmaps', 'cm'] },
  { kind: 'Pod', names: ['pods', 'po'] },
  { kind: 'Deployment', names: ['deployments', 'deploy'] },
  { kind: 'StatefulSet', names: ['statefulsets', 'sts'] },
  { kind: 'DaemonSet', names: ['daemonsets', 'ds'] },
  { kind: 'WorkloadEntry', names: ['workloadentries', 'we'] },
  { kind: 'Sidecar', names: ['sidecars'] },
  { kind: 'ServiceEntry', names: ['serviceentries', 'se'] },
  { kind: 'DestinationRule', names: ['destinationrules', 'dr'] },
  { kind: 'VirtualService', names: ['virtualservices', 'vs'] },
  { kind: 'AuthorizationPolicy', names: ['authorizationpolicies', 'ap'] },
  { kind: 'PeerAuthentication', names: ['peerauthentications', 'pa'] },
  { kind: 'RequestAuthentication', names: ['requestauthentications', 'ra'] },
  { kind: 'Telemetry', names: ['telemetries', 'telemetry'] },
  { kind: 'WorkloadGroup', names: ['workloadgroups', 'wg'] },
  { kind: 'ProxyConfig', names: ['proxyconfigs'] },
];

/** The kind that a word names, as kubectl takes them: singular, plural or short, any case. @throws UsageError */
export function kindNamed(word: string): KindName {
  const lower = word.toLowerCase();
  const found = kinds.find(({ kind, names }) => kind.toLowerCase() === lower || names.includes(lower));
  if (found === undefined)
    throw new UsageError(`no kind "${word}"; kinds: ${kinds.map(({ names }) => names[0] ?? '').join(', ')}`);
  return found;
}

/** What a table of this kind shows. */
export function columnsFor(kind: string, { wide }: { readonly wide: boolean }): Column[] {
  const labels: Column = {
    heading: 'LABELS',
    cell: ({ labels: own }) =>
      Object.entries(own)
        .map(([name, value]) => `${name}=${value}`)
        .join(',') || '<none>',
  };
  return [
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace || '-' },
    { heading: 'NAME', cell: ({ name }) => name },
    ...(kindColumns[kind] ?? []),
    ...(wide ? [labels] : []),
    { heading: 'SOURCE', cell: ({ source }) => source },
  ];
}

const accepted: Column = { heading: 'ACCEPTED', cell: (object) => parentCondition(object, 'Accepted') };
const resolved: Column = { heading: 'RESOLVED', cell: (object) => parentCondition(object, 'ResolvedRefs') };
const hostnames: Column = { heading: 'HOSTNAMES', cell: (object) => list(spec(object, 'hostnames')) };
const parents: Column = {
  heading: 'PARENTS',
  cell: ({ status }) =>
    (status?.parents ?? []).map(({ parentRef }) => `${parentRef.namespace}/${parentRef.name}`).join(',') || '-',
};

const outbound: Column = { heading: 'OUTBOUND', cell: (object) => object.outbound ?? '-' };
const ready: Column = {
  heading: 'READY',
  cell: ({ health }) => (health === undefined ? '-' : health.isReady ? 'True' : `False (${health.reason})`),
};
const listeners: Column = {
  heading: 'LISTENERS',
  cell: ({ status }) =>
    (status?.listeners ?? []).map(({ name, attachedRoutes }) => `${name}(${attachedRoutes})`).join(',') || '-',
};
const programmed: Column = {
  heading: 'PROGRAMMED',
  cell: ({ status }) => condition(status?.conditions, 'Programmed'),
};

const kindColumns: Readonly<Record<string, readonly Column[]>> = {
  GatewayClass: [{ heading: 'CONTROLLER', cell: (object) => text(spec(object, 'controllerName')) }],
  Gateway: [{ heading: 'CLASS', cell: (object) => text(spec(object, 'gatewayClassName')) }, listeners, programmed],
  ListenerSet: [
    { heading: 'GATEWAY', cell: (object) => text(field(spec(object, 'parentRef'), 'name')) },
    listeners,
    programmed,
  ],
  HTTPRoute: [hostnames, parents, accepted, resolved],
  GRPCRoute: [hostnames, parents, accepted, resolved],
  TLSRoute: [hostnames, parents, accepted, resolved],
  TCPRoute: [parents, accepted, resolved],
  BackendTLSPolicy: [
    { heading: 'TARGETS', cell: (object) => list(spec(object, 'targetRefs'), 'name') },
    { heading: 'GATEWAYS', cell: ancestors },
    accepted,
    resolved,
  ],
  Service: [{ heading: 'PORTS', cell: (object) => list(spec(object, 'ports'), 'port') }],
  Pod: [ready, outbound],
  Deployment: [ready, outbound],
  StatefulSet: [ready, outbound],
  DaemonSet: [ready, outbound],
  WorkloadEntry: [ready, outbound],
  ServiceEntry: [
    { heading: 'HOSTS', cell: (object) => list(spec(object, 'hosts')) },
    { heading: 'LOCATION', cell: (object) => text(spec(object, 'location')) },
    { heading: 'RESOLUTION', cell: (object) => text(spec(object, 'resolution')) },
  ],
  DestinationRule: [{ heading: 'HOST', cell: (object) => text(spec(object, 'host')) }],
  VirtualService: [
    { heading: 'GATEWAYS', cell: (object) => list(spec(object, 'gateways')) },
    { heading: 'HOSTS', cell: (object) => list(spec(object, 'hosts')) },
  ],
  AuthorizationPolicy: [
    {
      heading: 'ACTION',
      cell: (object) => (text(spec(object, 'action')) === '-' ? 'ALLOW' : text(spec(object, 'action'))),
    },
  ],
  PeerAuthentication: [{ heading: 'MODE', cell: (object) => text(field(spec(object, 'mtls'), 'mode')) }],
};

/** The reason stands beside a condition that does not hold: it is what the reader looks for. */
function condition(conditions: NonNullable<ObjectView['status']>['conditions'], type: string): string {
  const found = conditions?.find((entry) => entry.type === type);
  if (found === undefined) return '-';
  return found.status === 'True' ? 'True' : `${found.status} (${found.reason})`;
}

function ancestors({ status }: ObjectView): string {
  return (
    (status?.ancestors ?? []).map(({ ancestorRef: { namespace, name } }) => `${namespace}/${name}`).join(',') || '-'
  );
}

function parentCondition({ status }: ObjectView, type: string): string {
  const entries = [...(status?.parents ?? []), ...(status?.ancestors ?? [])];
  return [...new Set(entries.map(({ conditions }) => condition(conditions, type)))].join(',') || '-';
}

function spec(object: ObjectView, name: string): unknown {
  return field(object.manifest['spec'], name);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

function list(value: unknown, name?: string): string {
  if (!Array.isArray(value) || value.length === 0) return '-';
  return value.map((item) => text(name === undefined ? item : field(item, name))).join(',');
}
