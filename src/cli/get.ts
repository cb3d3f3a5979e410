import { stringify } from 'yaml';
import { readRunFile } from '../app/index.ts';
import { compileAll } from '../compile/index.ts';
import { viewObjects, type ObjectView } from '../control/index.ts';
import { loadPaths } from '../manifest/index.ts';
import { exitCode } from './exit-codes.ts';
import { countFindings } from './findings.ts';
import { columnsFor, kindNamed } from './get-columns.ts';
import { parseSelector, type LabelTest } from './label-selector.ts';
import {
  explainMistakes,
  paperBindings,
  readSettings,
  requirePaths,
  UsageError,
  type ManifestOptions,
} from './settings.ts';
import { formatTable } from './table.ts';

interface GetOptions extends ManifestOptions {
  readonly namespace?: string;
  readonly selector?: string;
  readonly output: string;
  readonly stateDir: string;
}

const outputs = ['table', 'wide', 'json', 'yaml', 'name'];

/** `sallyport get [KIND] [NAME]`: like kubectl's, from files or from what runs. */
export async function getVerb(
  wanted: { readonly kind: string | undefined; readonly name: string | undefined },
  parsed: unknown,
): Promise<number> {
  const options = parsed as GetOptions;
  return explainMistakes(async () => {
    if (!outputs.includes(options.output))
      throw new UsageError(`--output ${options.output}: expected ${outputs.join(', ')}`);
    const { kinds, name } = parseWanted(wanted);
    const test = parseSelector(options.selector ?? '');
    if (test === undefined)
      throw new UsageError(
        `--selector ${options.selector}: expected LABEL=VALUE, LABEL!=VALUE or LABEL, joined by commas`,
      );
    const all = await objects(options);
    if (all === undefined) return exitCode.unreachable;
    const found = all.filter((object) => matches(object, { kinds, name, namespace: options.namespace, test }));
    if (found.length === 0) {
      process.stderr.write('No resources found\n');
      return name === undefined ? exitCode.ok : exitCode.failure;
    }
    process.stdout.write(print(found, options.output));
    return exitCode.ok;
  });
}

/** As kubectl takes them: `gateways`, `gtw,svc`, `gateways public`, `gateway/public`. @throws UsageError */
function parseWanted({ kind, name }: { readonly kind: string | undefined; readonly name: string | undefined }) {
  const [words = 'all', nameInWord] = kind?.split('/') ?? [];
  const kinds = words === 'all' ? undefined : words.split(',').map((word) => kindNamed(word).kind);
  return { kinds, name: name ?? nameInWord };
}

/** From files where `-f` or sallyport.yaml names some, else from the mesh that runs in the state directory. */
async function objects(options: GetOptions): Promise<readonly ObjectView[] | undefined> {
  const running = options.filename.length === 0 ? readRunFile(options.stateDir)?.admin : undefined;
  if (running !== undefined) {
    try {
      const response = await fetch(`http://${running}/objects`);
      if (response.ok) return ((await response.json()) as { objects: ObjectView[] }).objects;
    } catch {
      // What wrote the file is gone; the files named in sallyport.yaml can still be shown.
    }
  }
  let settings;
  try {
    settings = readSettings(options);
  } catch (error) {
    if (!(error instanceof UsageError) || options.filename.length > 0) throw error;
    process.stderr.write(
      `nothing runs in ${options.stateDir}, and no manifests are named: use -f PATH or start \`sallyport run\`\n`,
    );
    return undefined;
  }
  requirePaths(settings.paths);
  const loaded = await loadPaths(settings.paths);
  const result = compileAll({
    documents: loaded.documents,
    bindings: paperBindings(settings.workloads),
    placements: {},
    options: settings.compile,
  });
  const counts = countFindings([...loaded.diagnostics, ...result.diagnostics]);
  if (counts !== '') process.stderr.write(`${counts}; \`sallyport check\` shows them\n`);
  return viewObjects(loaded.documents, result.status);
}

interface Wanted {
  /** Undefined: all. */
  readonly kinds: readonly string[] | undefined;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly test: LabelTest;
}

function matches(object: ObjectView, { kinds, name, namespace, test }: Wanted): boolean {
  return (
    (kinds === undefined || kinds.includes(object.kind)) &&
    (name === undefined || object.name === name) &&
    (namespace === undefined || object.namespace === namespace) &&
    test(object.labels)
  );
}

function print(found: readonly ObjectView[], output: string): string {
  const manifests = found.map((object) => ({
    ...object.manifest,
    ...(object.status === undefined ? {} : { status: object.status }),
  }));
  const list = manifests.length === 1 ? manifests[0] : { apiVersion: 'v1', kind: 'List', items: manifests };
  if (output === 'json') return `${JSON.stringify(list, undefined, 2)}\n`;
  if (output === 'yaml') return stringify(list);
  if (output === 'name') return found.map(({ kind, name }) => `${kind.toLowerCase()}/${name}\n`).join('');
  const byKind = new Map<string, ObjectView[]>();
  for (const object of found) byKind.set(object.kind, [...(byKind.get(object.kind) ?? []), object]);
  return [...byKind]
    .map(([kind, ofKind]) => {
      const columns = columnsFor(kind, { wide: output === 'wide' });
      const table = formatTable(
        columns.map(({ heading }) => heading),
        ofKind.map((object) => columns.map(({ cell }) => cell(object))),
        { columns: process.stdout.columns },
      );
      return byKind.size === 1 ? table : `${kind}\n${table}`;
    })
    .join('\n');
}
