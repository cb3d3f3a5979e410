/**
 * Compiling for tests. A golden's first comment lines say what the manifests do not:
 *
 *     # show: routes, endpoints          the parts of the result to print
 *     # workloads: default/a=127.0.0.1:50051, default/b#9090=127.0.0.1:9090
 *     # placed                           sidecar ports have reported addresses
 *     # options: {"addMissing":true}
 *     # jwks: {"https://issuer/keys":{"text":"{}"}}      what came of fetching key sets
 *     # readiness: {"default/a":false}                  which workloads answer their probes; without it, all do
 *     # resolved: {"api.example.com":["192.0.2.1"]}    what DNS says
 */
import assert from 'node:assert/strict';
import { Document, visit } from 'yaml';
import type {
  CompileOptions,
  Condition,
  FetchedKeySets,
  ObjectStatus,
  WorkloadBinding,
} from '../../src/analysis/index.ts';
import { formatDiagnostic, formatOrigin, qualifiedName, type Origin } from '../../src/base/index.ts';
import {
  compileAll,
  type CompileResult,
  type Placements,
  type Readiness,
  type ResolvedNames,
} from '../../src/compile/index.ts';
import { parseManifest } from '../../src/manifest/index.ts';

export const testOptions: CompileOptions = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  addMissing: false,
  bindHost: '127.0.0.1',
  freePorts: false,
  reflection: true,
};

export interface Header {
  readonly show: readonly string[];
  readonly workloads: readonly string[];
  readonly placed: boolean;
  readonly options: Partial<CompileOptions>;
  readonly jwks: FetchedKeySets;
  readonly resolved: ResolvedNames;
  readonly readiness?: Readiness;
}

export function readHeader(text: string): Header {
  const lines = text.split('\n').filter((line) => line.startsWith('# '));
  const value = (key: string): string | undefined =>
    lines
      .find((line) => line.startsWith(`# ${key}:`))
      ?.slice(key.length + 3)
      .trim();
  const list = (key: string): readonly string[] =>
    value(key)
      ?.split(',')
      .map((item) => item.trim()) ?? [];
  return {
    show: list('show'),
    workloads: list('workloads'),
    placed: lines.includes('# placed'),
    options: JSON.parse(value('options') ?? '{}') as Partial<CompileOptions>,
    jwks: JSON.parse(value('jwks') ?? '{}') as FetchedKeySets,
    resolved: JSON.parse(value('resolved') ?? '{}') as ResolvedNames,
    ...readinessOf(value('readiness')),
  };
}

function readinessOf(text: string | undefined): { readonly readiness?: Readiness } {
  return text === undefined ? {} : { readiness: JSON.parse(text) as Readiness };
}

/** `ns/name=host:port`, or `ns/name#containerPort=host:port`. */
export function bindingsOf(workloads: readonly string[]): readonly WorkloadBinding[] {
  return workloads.map((text) => {
    const [, namespace = '', name = '', port, host = '', portNumber = ''] =
      /^([^/]+)\/([^#=]+)(?:#(\d+))?=(.+):(\d+)$/.exec(text) ?? [];
    const address = { host, portNumber: Number(portNumber), ...(port === undefined ? {} : { port: Number(port) }) };
    const origin = { kind: 'Workload', namespace, name, file: '--workload', line: 1 };
    return { namespace, name, addresses: [address], origin };
  });
}

export interface CompileTextInput {
  readonly bindings?: readonly WorkloadBinding[];
  readonly options?: Partial<CompileOptions>;
  /** Compile twice: the second time every sidecar port has an address, 127.0.0.1:20001 and so on. */
  readonly placed?: boolean;
  /** Addresses that were reported, by port id. */
  readonly placements?: Placements;
  readonly resolved?: ResolvedNames;
  /** Absent: all workloads count as ready. */
  readonly readiness?: Readiness;
  readonly file?: string;
  readonly jwks?: FetchedKeySets;
}

export function compileText(text: string, input: CompileTextInput = {}): CompileResult {
  const { documents, diagnostics } = parseManifest(text, input.file ?? 'in.yaml');
  assert.deepEqual(diagnostics.map(formatDiagnostic), []);
  const snapshot = {
    documents,
    bindings: input.bindings ?? [],
    placements: input.placements ?? {},
    resolved: input.resolved ?? {},
    ...(input.readiness === undefined ? {} : { readiness: input.readiness }),
    options: { ...testOptions, ...input.options },
    jwks: input.jwks ?? {},
  };
  const first = compileAll(snapshot);
  return input.placed === true ? compileAll({ ...snapshot, placements: placementsFor(first) }) : first;
}

/** An address for each sidecar port of a plan. */
export function placementsFor({ plan }: CompileResult): Placements {
  const sidecarPorts = Object.values(plan.ports).filter(({ direction }) => direction === 'inbound');
  return Object.fromEntries(sidecarPorts.map(({ id }, index) => [id, { host: '127.0.0.1', port: 20_001 + index }]));
}

/** The wanted parts for a golden, origins in one line each, defaults that say nothing left out. */
export function presentResult(result: CompileResult, show: readonly string[]): Record<string, unknown> {
  const parts: Record<string, unknown> = {
    ...result.plan,
    secrets: [...result.secrets].map(([id, secret]) => `${id} ${JSON.stringify(secret)}`),
    status: Object.fromEntries(
      result.status.map((status) => [`${status.kind} ${qualifiedName(status)}`, presentStatus(status)]),
    ),
    diagnostics: result.diagnostics.map(formatDiagnostic),
    names: result.names,
    remoteKeys: result.remoteKeys,
    health: result.health.filter(({ containers }) => containers.length > 0),
    added: result.added.map(({ neededBy, ...object }) => ({ ...object, neededBy })),
  };
  const withLabels = show.includes('labels');
  const entries = show.filter((part) => part in parts).map((part) => [part, compact(parts[part], withLabels)] as const);
  return Object.fromEntries(entries);
}

function presentStatus(status: ObjectStatus): Record<string, unknown> {
  const { conditions, listeners, parents, ancestors, addresses, supportedFeatures, attachedListenerSets = 0 } = status;
  const ofListeners = listeners?.map(({ name, supportedKinds, attachedRoutes, ...listener }) => [
    `listener ${name} (${supportedKinds.map(({ kind }) => kind).join(' ')}; ${attachedRoutes} routes)`,
    listener.conditions.map(presentCondition),
  ]);
  const ofParents = parents?.map(({ parentRef, controllerName, ...parent }) => [
    `parent ${presentReference(parentRef)}${byController(controllerName)}`,
    parent.conditions.map(presentCondition),
  ]);
  const ofAncestors = ancestors?.map(({ ancestorRef, controllerName, ...ancestor }) => [
    `ancestor Gateway/${presentReference(ancestorRef)}${byController(controllerName)}`,
    ancestor.conditions.map(presentCondition),
  ]);
  return Object.fromEntries([
    ...(ofAncestors ?? []),
    ...(conditions === undefined ? [] : [['conditions', conditions.map(presentCondition)]]),
    ...(addresses === undefined || addresses[0]?.value === testOptions.bindHost ? [] : [['addresses', addresses]]),
    ...(attachedListenerSets === 0 ? [] : [['attachedListenerSets', attachedListenerSets]]),
    ...(supportedFeatures === undefined ? [] : [['supportedFeatures', supportedFeatures.map(({ name }) => name)]]),
    ...(ofListeners ?? []),
    ...(ofParents ?? []),
  ]) as Record<string, unknown>;
}

/** Without what is the same nearly everywhere. */
function presentReference(reference: { readonly group: string; readonly kind: string }): string {
  const { kind } = reference;
  const rest = Object.entries(reference).filter(([name]) => name !== 'group' && name !== 'kind');
  return [...(kind === 'Gateway' ? [] : [kind]), ...rest.map(([, value]) => value)].join('/');
}

function byController(name: string): string {
  return name === 'istio.io/gateway-controller' ? '' : ` by ${name}`;
}

/** Messages repeat those of the diagnostics. */
function presentCondition({ type, status, reason, observedGeneration }: Condition): string {
  return `${type}=${status} ${reason}${observedGeneration === undefined ? '' : ` @${observedGeneration}`}`;
}

/** YAML with one line for each field of each element, so that a golden can be read at a glance. */
export function toCompactYaml(value: unknown): string {
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Collection: (_, node, path) => {
      // Ancestors: the document, then a map and a pair for each of: part, element, field.
      if (path.length > blockDepth) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}

const blockDepth = 5;

function compact(value: unknown, withLabels: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => compact(item, withLabels));
  if (typeof value !== 'object' || value === null) return value;
  if (isOrigin(value)) return formatOrigin(value);
  // The key of a plan element is its id.
  const isNamed = Object.values(value).every((item) => typeof item === 'object' && item !== null && 'id' in item);
  const entries = Object.entries(value).map(([key, item]) => {
    const left = isNamed ? Object.entries(item as object).filter(([name]) => name !== 'id') : undefined;
    return [key, compact(left === undefined ? item : Object.fromEntries(left), withLabels)] as const;
  });
  return Object.fromEntries(entries.filter(([key, item]) => withLabels || key !== 'labels' || !isMetricLabels(item)));
}

function isMetricLabels(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'canonicalService' in value;
}

function isOrigin(value: object): value is Origin {
  return 'file' in value && 'line' in value && 'kind' in value;
}
