import { compareText, type Diagnostic } from '../base/index.ts';
import type { Document } from '../manifest/index.ts';
import { fieldCodes } from './codes.ts';
import { compact } from './compact.ts';
import { createContext, pathText, type DecodeContext } from './context.ts';
import { leaveOutNewerFields, reportIssues } from './issues.ts';
import { isKubernetesGroup, isTrafficKind, kinds } from './kinds.ts';
import { objectMeta, type Kind } from './kind.ts';
import type { ResourceObject } from './object.ts';
import type { RejectedResource } from './resources.ts';
import { unsupportedKinds } from './unsupported-kinds.ts';
import { markedFields } from './schema.ts';

const listOfKind = new Map(Object.entries(kinds).map(([list, { group, kind }]) => [`${group}/${kind}`, list]));

/** What one document alone gives. */
export interface Decoded {
  readonly document: Document;
  /** Of `Resources`. */
  readonly list: string;
  readonly resource?: ResourceObject | undefined;
  readonly rejected?: RejectedResource;
  readonly diagnostics: readonly Diagnostic[];
}

/** Gives a document its type and defaults, as an API server would, and says what is wrong, unknown or not yet supported in it. */
export function decodeDocument(document: Document): Decoded {
  return { document, ...decodeAnew(document) };
}

function decodeAnew(document: Document): Omit<Decoded, 'document'> {
  const context = createContext(document);
  const group = groupOf(document);
  const list = listOfKind.get(`${group}/${document.kind}`);
  if (list === undefined) {
    reportUnread(context);
    return { list: '', diagnostics: context.diagnostics };
  }
  const resource = decodeOne((kinds as Readonly<Record<string, Kind>>)[list] as Kind, context);
  const diagnostics = compact(context.diagnostics);
  if (resource === undefined) return { list, rejected: { origin: context.at([]), group }, diagnostics };
  return { list, resource, diagnostics };
}

/** `''` for core. */
export function groupOf({ apiVersion }: { readonly apiVersion: string }): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

function decodeOne(kind: Kind, context: DecodeContext): ResourceObject | undefined {
  const { document } = context;
  const version = document.apiVersion.slice(document.apiVersion.indexOf('/') + 1);
  if (!kind.versions.includes(version)) {
    const served = kind.versions.map((one) => (kind.group === '' ? one : `${kind.group}/${one}`));
    context.report(fieldCodes.versionNotServed, document.locateValue(['apiVersion']), {
      message: `${kind.kind} does not exist in apiVersion ${document.apiVersion}`,
      remedy: `Write apiVersion: ${served.join(' or ')}.`,
    });
    return undefined;
  }
  const value = document.isNullFree === true ? document.value : withoutNulls(document.value);
  reportMarked(markedFields(kind.schema, value), context);
  let parsed = kind.schema.safeParse(value);
  if (!parsed.success && isKubernetesGroup(kind.group)) {
    const known = leaveOutNewerFields(context, { issues: parsed.error.issues, schema: kind.schema, value });
    if (known !== undefined) parsed = kind.schema.safeParse(known);
  }
  if (!parsed.success) {
    reportIssues(context, { issues: parsed.error.issues, schema: kind.schema, value });
    return undefined;
  }
  const fields = kind.decode(parsed.data, context);
  if (context.rejected()) return undefined;
  return compact({
    origin: context.at([]),
    apiVersion: document.apiVersion,
    metadata: objectMeta(parsed.data, context),
    ...fields,
  });
}

function reportMarked(fields: ReturnType<typeof markedFields>, context: DecodeContext): void {
  for (const { path, mark, value } of fields) {
    const type =
      typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
        ? ` (${value.type})`
        : '';
    const finding = {
      message: `${pathText(path)}${type} is not yet supported: ${mark.consequence}`,
      remedy: 'Take it away here, or keep it for the cluster and do not rely on it locally.',
    };
    if (mark.support === 'refused') context.refuse(path, finding);
    else context.ignore(path, finding);
  }
}

function reportUnread(context: DecodeContext): void {
  const { document } = context;
  const place = document.locateValue(['kind']);
  const why = unsupportedKinds.get(`${groupOf(document)}/${document.kind}`);
  if (why !== undefined) {
    const message = `${document.kind} (${document.apiVersion}) is not supported: ${why.message}`;
    context.report(fieldCodes.kindNotSupported, place, { message, remedy: why.remedy });
    return;
  }
  if (isTrafficKind(groupOf(document), document.kind)) {
    context.report(fieldCodes.kindNotSupported, place, {
      message: `${document.kind} (${document.apiVersion}) is not yet supported: what it asks for does not happen`,
      remedy: `These kinds are: ${[...new Set(Object.values(kinds).map(({ kind }) => kind))].sort(compareText).join(', ')}.`,
    });
    return;
  }
  context.report(fieldCodes.kindNotRead, place, {
    message: `${document.kind} (${document.apiVersion}) is not a kind Sallyport reads`,
    remedy: 'Nothing to do, unless the kind or its apiVersion is misspelt.',
  });
}

/** A null is the same as no value, as the API server prunes it; the file itself stays as it is. Copies only what holds one. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !holdsNull(value)) return value;
  if (Array.isArray(value)) return value.map(withoutNulls);
  const result = Object.create(null) as Record<string, unknown>;
  for (const [key, field] of Object.entries(value)) {
    if (field !== null) result[key] = withoutNulls(field);
  }
  return result;
}

/** Hardly any does, so that to look first is much less work than to copy. An item of a list stays null, but is looked into. */
function holdsNull(value: object): boolean {
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key in fields) {
    const field = fields[key];
    if (field === null ? !Array.isArray(value) : typeof field === 'object' && holdsNull(field)) return true;
  }
  return false;
}
