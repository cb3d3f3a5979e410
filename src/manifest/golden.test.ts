import { formatDiagnostic } from '../base/index.ts';
import { goldenTests, toGoldenYaml } from '../../test/kit/golden.ts';
import { parseManifest } from './parse.ts';

goldenTests({
  stage: 'manifest',
  run: (input, name) => {
    const { documents, diagnostics } = parseManifest(input, `${name}.in.yaml`);
    return toGoldenYaml({
      documents: documents.map((document) => {
        const { line, column } = document.locate([]);
        const object = `${document.apiVersion} ${document.kind} ${document.namespace}/${document.name}`;
        return { [`${object} at ${line}:${column}`]: document.value };
      }),
      findings: diagnostics.map(formatDiagnostic),
    });
  },
});
