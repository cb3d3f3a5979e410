/** docs/diagnostics.md, from the codes that the folders declare. */
import { analysisCodes } from '../src/analysis/index.ts';
import { compareText, type DiagnosticCode } from '../src/base/index.ts';
import { manifestCodes } from '../src/manifest/index.ts';
import { fieldCodes } from '../src/resource/index.ts';

export function diagnosticsPage(): string {
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
