/** What our decoder says of an object, and how it is compared with what the official CRD says. */
import type { Diagnostic } from '../../src/base/index.ts';
import type { Document } from '../../src/manifest/index.ts';
import { decodeAll, supportedFields } from '../../src/resource/index.ts';
import type { CrdSchema, CrdVersion } from './official.ts';
import { officialVersions } from './official.ts';
import type { Oracle, Problem } from './oracle.ts';

export type CustomObject = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
};

/** A kind that is decoded here and defined by an official CRD. */
export interface CrdKind {
  readonly group: string;
  readonly kind: string;
  readonly versions: readonly CrdVersion[];
  /** Paths, as in `supportedFields`, of fields below which the decoder does not look. */
  readonly unread: readonly string[];
}

/** Every kind that is decoded and has a CRD, without a list that somebody would have to keep. */
export function crdKinds(): readonly CrdKind[] {
  known ??= findKinds();
  return known;
}

let known: readonly CrdKind[] | undefined;

function findKinds(): CrdKind[] {
  const fieldsOfKind = Map.groupBy(supportedFields(), ({ group, kind }) => `${group}/${kind}`);
  return [...fieldsOfKind.values()].flatMap((fields) => {
    const [{ group, kind } = { group: '', kind: '' }] = fields;
    const versions = officialVersions(group, kind);
    const unread = fields.filter(({ support }) => support !== 'implemented').map(({ path }) => path);
    return versions.length === 0 ? [] : [{ group, kind, versions, unread }];
  });
}

/** The schema of the version that an object is written in. */
export function schemaOf(kind: CrdKind, { apiVersion }: CustomObject): CrdSchema {
  const version = kind.versions.find(({ name }) => `${kind.group}/${name}` === apiVersion);
  if (version === undefined) throw new Error(`${kind.kind} has no served version ${apiVersion}`);
  return version.schema.openAPIV3Schema;
}

/** One reason for which only one of the two refuses an object. */
export interface Difference {
  /** `stricter`: we alone refuse; `laxer`: the CRD alone does. */
  readonly side: 'stricter' | 'laxer';
  readonly group: string;
  readonly kind: string;
  /** Ours: the message of the finding. The CRD's: the path, a space, and the keyword or CEL rule. */
  readonly reason: string;
}

/** Empty when both say the same; what lies in fields that were reported as not supported does not count. */
export function differencesOf(oracle: Oracle, kind: CrdKind, object: CustomObject): readonly Difference[] {
  const problems = oracle(schemaOf(kind, object), object);
  const own = ownVerdict(object);
  if (own.valid === (problems.length === 0)) return [];
  if (!own.valid)
    return own.errors.map(({ message }) => ({ side: 'stricter', group: kind.group, kind: kind.kind, reason: message }));
  return problems
    .filter((problem) => !isUnread(kind, problem))
    .map(({ path, rule }) => ({
      side: 'laxer',
      group: kind.group,
      kind: kind.kind,
      reason: `${pathPattern(path)} ${rule}`,
    }));
}

/** `['spec', 'rules', 0, 'name']` as `spec.rules[].name`, the notation of `supportedFields`. */
function pathPattern(path: readonly (string | number)[]): string {
  return path
    .map((step) => (typeof step === 'number' ? '[]' : `.${step}`))
    .join('')
    .slice(1);
}

function isUnread(kind: CrdKind, { path }: Problem): boolean {
  const pattern = pathPattern(path);
  return kind.unread.some(
    (field) => pattern === field || pattern.startsWith(`${field}.`) || pattern.startsWith(`${field}[`),
  );
}

function ownVerdict(object: CustomObject): { readonly valid: boolean; readonly errors: readonly Diagnostic[] } {
  const position = { line: 1, column: 1 };
  const document: Document = {
    file: 'object.yaml',
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: String(object.metadata['name']),
    namespace: 'default',
    value: object,
    locate: () => position,
    locateValue: () => position,
  };
  const { resources, diagnostics } = decodeAll([document]);
  return {
    valid: resources.rejected.length === 0,
    errors: diagnostics.filter(({ severity, code }) => severity === 'error' && code !== refusedField),
  };
}

/** A refused field is reported as an error and leaves its object valid. */
const refusedField = 'SP0206';
