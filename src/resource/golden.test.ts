import { formatDiagnostic, type Origin } from '../base/index.ts';
import { parseManifest } from '../manifest/index.ts';
import { goldenTests, toGoldenYaml } from '../../test/kit/golden.ts';
import { decodeAll } from './decode-all.ts';

goldenTests({
  stage: 'resource',
  run: (input, name) => {
    const parsed = parseManifest(input, `${name}.in.yaml`);
    const { resources, diagnostics } = decodeAll(parsed.documents);
    const lists = Object.entries(resources).filter(([, list]) => (list as unknown[]).length > 0);
    const text = JSON.stringify(Object.fromEntries(lists), (key, value: unknown) =>
      key === 'origin' ? place(value as Origin) : value,
    );
    return toGoldenYaml({
      ...(JSON.parse(text) as object),
      findings: [...parsed.diagnostics, ...diagnostics].map(formatDiagnostic),
    });
  },
});

/** An origin in few letters, so that outs can be read: the object is plain from where it stands. */
function place({ line, column }: Origin): string {
  return `${line}:${column}`;
}
