import type { ObjectStatus } from '../compile/index.ts';
import type { Document } from '../manifest/index.ts';

/** One object as `get` and the admin pages show it: the manifest as written, its place, its status. */
export interface ObjectView {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `file:line`. */
  readonly source: string;
  /** The manifest; contents of Secrets are replaced. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Workloads of a running mesh: `HOST:PORT` where the app calls other Services through its sidecar. */
  readonly outbound?: string;
  /** Workloads of a running mesh that have probes. `reason`: what keeps it from being ready, or empty. */
  readonly health?: { readonly isReady: boolean; readonly reason: string };
  readonly status?: Omit<ObjectStatus, 'kind' | 'namespace' | 'name' | 'origin'>;
}

const redacted = '[redacted]';

/** Views of all documents, in the order of the files. */
export function viewObjects(documents: readonly Document[], status: readonly ObjectStatus[]): ObjectView[] {
  const statusOf = new Map(status.map((entry) => [key(entry.origin, entry), entry]));
  return documents.map((document) => {
    const {
      kind: _kind,
      namespace: _namespace,
      name: _name,
      origin: _origin,
      ...own
    } = statusOf.get(key({ file: document.file, line: document.locate([]).line }, document)) ?? {};
    return {
      apiVersion: document.apiVersion,
      kind: document.kind,
      namespace: document.namespace,
      name: document.name,
      labels: labelsOf(document.value),
      source: `${document.file}:${document.locate([]).line}`,
      manifest: document.kind === 'Secret' ? redactSecret(document.value) : document.value,
      ...(Object.keys(own).length === 0 ? {} : { status: own }),
    };
  });
}

interface Named {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Kind and name are not enough: Istio and the Gateway API both have a Gateway. */
function key(
  { file, line }: { readonly file: string; readonly line: number },
  { kind, namespace, name }: Named,
): string {
  return `${file}:${line} ${kind}/${namespace}/${name}`;
}

function labelsOf(value: Readonly<Record<string, unknown>>): Record<string, string> {
  const metadata = value['metadata'];
  const labels =
    typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>)['labels'] : undefined;
  if (typeof labels !== 'object' || labels === null) return {};
  return Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, String(text)]));
}

function redactSecret(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const hide = (part: unknown) =>
    typeof part === 'object' && part !== null
      ? Object.fromEntries(Object.keys(part).map((name) => [name, redacted]))
      : redacted;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      if (name === 'data' || name === 'stringData') return [name, hide(part)];
      if (name !== 'metadata' || typeof part !== 'object' || part === null) return [name, part];
      // kubectl leaves a copy of the whole object, contents included, in this annotation.
      const { annotations, ...metadata } = part as Record<string, unknown>;
      return [name, annotations === undefined ? metadata : { ...metadata, annotations: hide(annotations) }];
    }),
  );
}
