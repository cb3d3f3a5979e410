/**
 * Writes what is made from the sources: docs/diagnostics.md, docs/supported.md, docs/limits.md, docs/metrics.md, src/protobuf/gen/. With `--check` it writes
 * nothing and fails when one of them is not what the sources would give now.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { analysisCodes } from '../src/analysis/index.ts';
import { compareText, type DiagnosticCode } from '../src/base/index.ts';
import { manifestCodes } from '../src/manifest/index.ts';
import { fieldCodes, supportedFields, type FieldSupport, type SupportedField } from '../src/resource/index.ts';
import { findShownFields, testOf, type ShownFields } from '../test/kit/shown-fields.ts';
import { reasonFor, whyUncallable } from '../test/kit/unshown-fields.ts';
import { limitsPage } from './limits-page.ts';
import { metricsPage } from './metrics-page.ts';

const root = dirname(import.meta.dirname);
const check = process.argv.includes('--check');
const stale: string[] = [];

writeOrCompare('docs/diagnostics.md', diagnosticsPage());
writeOrCompare('docs/supported.md', supportedPage());
writeOrCompare('docs/limits.md', limitsPage(root));
writeOrCompare('docs/metrics.md', metricsPage());
generateProtobuf();

if (stale.length > 0) {
  process.stderr.write(`not current, run \`npm run generate\`:\n${stale.map((file) => `  ${file}\n`).join('')}`);
  process.exit(1);
}

function writeOrCompare(file: string, content: string): void {
  const path = join(root, file);
  if (!check) return writeFileSync(path, content);
  if (readOrEmpty(path) !== content) stale.push(file);
}

function diagnosticsPage(): string {
  const codes: readonly DiagnosticCode[] = [manifestCodes, fieldCodes, analysisCodes].flatMap((area) =>
    Object.values(area),
  );
  const rows = [...codes]
    .sort((a, b) => compareText(a.code, b.code))
    .map(({ code, severity, title, also = [] }) => `| ${code} | ${severity} | ${title} | ${also.join(', ') || '–'} |`);
  return `<!-- Generated from src/*/codes.ts by \`npm run generate\`. -->
# Findings

\`sallyport check\` and \`sallyport run\` print these with the object, file, line and a remedy. SP00xx: manifests as text.
SP01xx: references between objects. SP02xx: fields and values. SP03xx: policy and mutual TLS. SP04xx: workloads. SP05xx: what
\`--add-missing\` supplied. The last column names the codes under which istioctl (IST) and Kiali (KIA) report the same.

| code | severity | meaning | elsewhere |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function supportedPage(): string {
  const words: Readonly<Record<FieldSupport, string>> = {
    implemented: '✔ implemented',
    ignored: 'reported: no effect',
    refused: 'reported: what holds it is not served',
    accepted: 'accepted, has no meaning for traffic',
  };
  const byKind = new Map<string, string[]>();
  const shown = findShownFields(root);
  for (const field of supportedFields()) {
    const { group, kind, path, support, consequence } = field;
    const title = group === '' ? kind : `${kind} (${group})`;
    const rows = byKind.get(title) ?? [];
    const state = `${words[support]}${consequence === '' ? '' : `: ${consequence}`}`;
    rows.push(`| \`${path}\` | ${state} | ${shownBy(shown, field)} |`);
    byKind.set(title, rows);
  }
  const sections = [...byKind].map(
    ([title, rows]) => `## ${title}\n\n| field | state | shown by |\n| --- | --- | --- |\n${rows.join('\n')}\n`,
  );
  return `<!-- Generated from the schemas in src/resource/ by \`npm run generate\`. -->
# Supported fields

Every field of every kind that Sallyport reads. A field that is not implemented is always reported with its place in the file;
a field marked so stands for all below it. Fields that are not listed are unknown and an error.

The last column names a test in which taking the field away changes something: a case of \`test/behaviour\` (what is in force there is
called), a golden of \`test/golden/compile\` (the plan, a status or a finding), or one of \`test/golden/resource\` (what is decoded).
Where one piece of code reads a field in several places, it is a test of one of them. An implemented field without a test has the
reason in its place, one of Istio's that no call can show has it beside the golden.

${sections.join('\n')}`;
}

function shownBy(shown: ShownFields, field: SupportedField): string {
  const test = testOf(shown, field);
  const reason =
    field.support === 'implemented' && (test?.startsWith('decoding ') ?? true) ? reasonFor(field) : undefined;
  if (reason !== undefined) return `– (${reason})`;
  const golden = field.support === 'implemented' && test?.startsWith('golden ') === true;
  const why = golden ? whyUncallable(field) : undefined;
  return `${test ?? '–'}${why === undefined ? '' : ` (${why})`}`;
}

/** `buf generate` into the tree, or with `--check` into a scratch directory that is compared with it. */
function generateProtobuf(): void {
  const target = check ? mkdtempSync(join(tmpdir(), 'sallyport-gen-')) : root;
  const { status, stderr } = spawnSync('buf', ['generate', '--output', target], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`buf generate: ${stderr}`);
  if (!check) return;
  const gen = join('src', 'protobuf', 'gen');
  for (const file of new Set([...filesBelow(join(root, gen)), ...filesBelow(join(target, gen))]))
    if (readOrEmpty(join(root, gen, file)) !== readOrEmpty(join(target, gen, file))) stale.push(join(gen, file));
  rmSync(target, { recursive: true });
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
