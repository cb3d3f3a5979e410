/**
 * Which test shows a field: the behaviour case or golden in which taking the field away changes what is compiled (the plan,
 * a status, a finding), or at least what is decoded. Found by doing so, hence never out of date.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FetchedKeySets } from '../../src/analysis/index.ts';
import { compileAll, type CompileOptions, type Readiness, type ResolvedNames } from '../../src/compile/index.ts';
import { parseManifest, type Document, type Path } from '../../src/manifest/index.ts';
import { decodeAll, supportedFields, type SupportedField } from '../../src/resource/index.ts';
import { readCases as readBehaviourCases } from '../behaviour/case.ts';
import { Certificates, fill } from '../behaviour/fill.ts';
import { bindingsOf, placementsFor, readHeader, testOptions } from './compile-kit.ts';

/** `group/Kind path` to the name of the test, for fields that one shows. */
export type ShownFields = ReadonlyMap<string, string>;

export function fieldKey({ group, kind, path }: Pick<SupportedField, 'group' | 'kind' | 'path'>): string {
  return `${group}/${kind} ${path}`;
}

/** Places of one field that are tried in one case; a value may be the default in one place and not in the next. */
const maxTries = 4;

/** A document holds these beside its value, so taking them out of the value changes nothing. */
const keptApart: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata.namespace']);

interface Case {
  readonly name: string;
  readonly documents: readonly Document[];
  /** What the documents come to, as text to be compared. */
  readonly outcome: (documents: readonly Document[]) => string;
}

export function findShownFields(root: string): ShownFields {
  const known = lookedUp.get(root) ?? lookForFields(root);
  lookedUp.set(root, known);
  return known;
}

/** It takes seconds. */
const lookedUp = new Map<string, ShownFields>();

function lookForFields(root: string): ShownFields {
  const shown = new Map<string, string>();
  const fields = supportedFields();
  const wanted = new Set(
    fields.filter(({ support, path }) => support !== 'accepted' && !keptApart.has(path)).map(fieldKey),
  );
  const maps = mapPaths(fields);
  for (const one of readCases(root)) {
    let whole: string | undefined;
    for (const [key, places] of fieldsIn(one.documents, maps)) {
      if (shown.has(key) || !wanted.has(key)) continue;
      whole ??= one.outcome(one.documents);
      const isShown = places.slice(0, maxTries).some(({ document, path }) => {
        const without = one.documents.map((other) => (other === document ? withoutField(document, path) : other));
        return one.outcome(without) !== whole;
      });
      if (isShown) shown.set(key, one.name);
    }
  }
  return shown;
}

/**
 * Fields that one schema and one piece of code read in several places: what shows them in one place shows them in all. Each
 * pair is applied to `group/Kind path`, in order, until a place is found that a test shows.
 */
const sharedSchemas: readonly (readonly [RegExp, string])[] = [
  [/^\S+ metadata\.labels/, '/Namespace metadata.labels'],
  [/^\S+ metadata\.annotations/, 'gateway.networking.k8s.io/Gateway metadata.annotations'],
  [/^\S+ metadata\.(creationTimestamp|generation)/, 'gateway.networking.k8s.io/HTTPRoute metadata.$1'],
  [/^apps\/(?:StatefulSet|DaemonSet) /, 'apps/Deployment '],
  [/^(\S+ spec\.(?:template\.spec\.)?)initContainers/, '$1containers'],
  [/startupProbe\./, 'readinessProbe.'],
  [/^\/Pod spec\./, 'apps/Deployment spec.template.spec.'],
  [/^(\S+DestinationRule) spec\.subsets\[\]\.trafficPolicy/, '$1 spec.trafficPolicy'],
  [/^(\S+DestinationRule spec\.trafficPolicy\.)portLevelSettings\[\]\./, '$1'],
  [
    /^(\S+)Sidecar spec\.(?:ingress\[\]\.c|inboundC)onnectionPool/,
    '$1DestinationRule spec.trafficPolicy.connectionPool',
  ],
  [/^(\S+)Sidecar spec\.(?:ingress|egress)\[\]\.tls/, '$1Gateway spec.servers[].tls'],
  [/^(\S+)ServiceEntry spec\.endpoints\[\]\./, '$1WorkloadEntry spec.'],
  [/^(\S+)(?:GRPC|TCP|TLS)Route spec\./, '$1HTTPRoute spec.'],
  [/^(\S+HTTPRoute spec\.rules\[\]\.)backendRefs\[\]\.filters/, '$1filters'],
  [/^(\S+)ListenerSet spec\.listeners/, '$1Gateway spec.listeners'],
  [/^(\S+Gateway spec\.)tls\.backend\.clientCertificateRef\./, '$1listeners[].tls.certificateRefs[].'],
  [/^(\S+Gateway spec\.)allowedListeners\.namespaces/, '$1listeners[].allowedRoutes.namespaces'],
];

/** The best test that shows a field, in this place or in another one that is read by the same code. */
export function testOf(shown: ShownFields, field: SupportedField): string | undefined {
  let key = fieldKey(field);
  const found = new Set([shown.get(key)]);
  for (const [place, other] of sharedSchemas) {
    key = key.replace(place, other);
    found.add(shown.get(key));
  }
  const tests = [...found].filter((name) => name !== undefined);
  return kindsOfTests.map((kind) => tests.find((name) => name.startsWith(kind))).find((name) => name !== undefined);
}

/** Best first: what calls show, what a plan shows, what is only read. */
const kindsOfTests = ['behaviour ', 'golden ', 'decoding golden '] as const;

/** Behaviour first: there, real calls depend on it. */
function readCases(root: string): Case[] {
  const behaviour = readBehaviourCases().map((one) => {
    const apps = Object.fromEntries(
      one.backends.map((name, index) => [name, { host: '127.0.0.1', port: 50_051 + index }]),
    );
    const { names = {}, urls = {} } = one;
    return makeCase(
      `behaviour ${basename(one.file, '.yaml')}`,
      fill(one.manifests, { apps, certificates: new Certificates() }),
      {
        workloads: Object.entries(apps).map(([name, { host, port }]) => `${name}=${host}:${port}`),
        placed: true,
        started: true,
        options: { outbound: true },
        resolved: names,
        jwks: Object.fromEntries(Object.entries(urls).map(([url, answer]) => [url, { text: answer }])),
      },
    );
  });
  const goldens = filesIn(join(root, 'test/golden/compile'), '.in.yaml').map(({ name, text }) =>
    makeCase(`golden ${name}`, text, readHeader(text)),
  );
  const decoded = filesIn(join(root, 'test/golden/resource'), '.in.yaml').map(({ name, text }) => ({
    name: `decoding golden ${name}`,
    documents: parseManifest(text, `${name}.yaml`).documents,
    outcome: (documents: readonly Document[]) => JSON.stringify(decodeAll(documents)),
  }));
  return [...behaviour, ...goldens, ...decoded];
}

function filesIn(folder: string, suffix: string): { readonly name: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(suffix))
    .sort()
    .map((file) => ({ name: file.slice(0, -suffix.length), text: readFileSync(join(folder, file), 'utf8') }));
}

interface CaseSettings {
  readonly workloads: readonly string[];
  readonly placed: boolean;
  /** Workloads are started here, and so told of Services by host and port. */
  readonly started?: boolean;
  readonly options: Partial<CompileOptions>;
  readonly resolved?: ResolvedNames;
  readonly jwks?: FetchedKeySets;
  readonly readiness?: Readiness;
}

function makeCase(name: string, text: string, settings: CaseSettings): Case {
  const { workloads, placed, started = false, options, resolved = {}, jwks = {}, readiness } = settings;
  const { documents } = parseManifest(text, `${name}.yaml`);
  const snapshot = {
    bindings: bindingsOf(workloads).map((one) => (started ? { ...one, isStarted: true as const } : one)),
    resolved,
    jwks,
    options: { ...testOptions, ...options },
    ...(readiness === undefined ? {} : { readiness }),
  };
  const placements = placed ? placementsFor(compileAll({ ...snapshot, documents, placements: {} })) : {};
  const outcome = (changed: readonly Document[]): string => {
    const { plan, status, diagnostics, health, remoteKeys } = compileAll({
      ...snapshot,
      documents: changed,
      placements,
    });
    return JSON.stringify([plan, status, diagnostics, health, remoteKeys]);
  };
  return { name, documents, outcome };
}

interface FieldPlace {
  readonly document: Document;
  readonly path: Path;
}

/** Every field that is written, in the notation of `supportedFields`. */
function fieldsIn(documents: readonly Document[], maps: ReadonlySet<string>): Map<string, FieldPlace[]> {
  const found = new Map<string, FieldPlace[]>();
  for (const document of documents) {
    const slash = document.apiVersion.indexOf('/');
    const group = slash === -1 ? '' : document.apiVersion.slice(0, slash);
    const keyOf = (pattern: string): string => fieldKey({ group, kind: document.kind, path: pattern });
    const visit = (value: unknown, path: Path, pattern: string): void => {
      if (path.length > 0) {
        const key = keyOf(pattern);
        const places = found.get(key) ?? [];
        found.set(key, [...places, { document, path }]);
      }
      if (typeof value !== 'object' || value === null) return;
      const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
        ? [...value.entries()]
        : Object.entries(value);
      for (const [step, below] of entries)
        visit(below, [...path, step], patternBelow(pattern, step, maps.has(keyOf(pattern))));
    };
    visit(document.value, [], '');
  }
  return found;
}

function patternBelow(pattern: string, step: string | number, isMap: boolean): string {
  if (typeof step === 'number') return `${pattern}[]`;
  if (isMap) return `${pattern}{}`;
  return pattern === '' ? step : `${pattern}.${step}`;
}

/** Fields whose keys are the user's own. */
function mapPaths(fields: readonly SupportedField[]): ReadonlySet<string> {
  return new Set(
    fields.flatMap((field) =>
      [...field.path.matchAll(/\{\}/g)].map(({ index }) => fieldKey({ ...field, path: field.path.slice(0, index) })),
    ),
  );
}

function withoutField(document: Document, path: Path): Document {
  const value = structuredClone(document.value) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], value);
  const last = path.at(-1) as string | number;
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string, unknown>)[last];
  const { file, apiVersion, kind, name, namespace } = document;
  return {
    ...{ file, apiVersion, kind, name, namespace, value },
    locate: (at) => document.locate(at),
    locateValue: (at) => document.locateValue(at),
  };
}
