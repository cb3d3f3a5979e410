/** docs/supported.md, from the schemas of the kinds and from the tests that show their fields. */
import { supportedFields, type FieldSupport, type SupportedField } from '../src/resource/index.ts';
import { findShownFields, testOf, type ShownFields } from '../test/kit/shown-fields.ts';
import { reasonFor, whyUncallable } from '../test/kit/unshown-fields.ts';

export function supportedPage(root: string): string {
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
