import { compareDiagnostics, type Severity } from '../base/index.ts';
import { compileAll } from '../compile/index.ts';
import { loadPaths } from '../manifest/index.ts';
import { exitCode } from './exit-codes.ts';
import { countFindings, formatFindings, wantsColour } from './findings.ts';
import {
  explainMistakes,
  InputError,
  paperBindings,
  readSettings,
  UsageError,
  type ManifestOptions,
} from './settings.ts';

interface CheckOptions extends ManifestOptions {
  readonly output: string;
  readonly failureThreshold: string;
}

const severityRank: Readonly<Record<string, number>> = { error: 0, warning: 1, info: 2 } satisfies Record<
  Severity,
  number
>;

/** `sallyport check`: the findings of `run` without running anything. Exit code 79 when one reaches the threshold. */
export async function checkVerb(parsed: unknown): Promise<number> {
  const options = parsed as CheckOptions;
  const threshold = severityRank[options.failureThreshold];
  return explainMistakes(async () => {
    if (threshold === undefined)
      throw new UsageError(`--failure-threshold ${options.failureThreshold}: expected error, warning or info`);
    if (!['text', 'json'].includes(options.output))
      throw new UsageError(`--output ${options.output}: expected text or json`);
    const settings = readSettings(options);
    const loaded = await loadPaths(settings.paths);
    const result = compileAll({
      documents: loaded.documents,
      bindings: paperBindings(settings.workloads),
      placements: {},
      options: settings.compile,
    });
    const diagnostics = [...loaded.diagnostics, ...result.diagnostics].sort(compareDiagnostics);
    // An empty pipe is a mistake before it, and "no findings" would hide that.
    if (loaded.documents.length === 0 && diagnostics.length === 0)
      throw new InputError(`no Kubernetes objects in ${settings.paths.join(', ')}`);
    if (options.output === 'json') {
      process.stdout.write(`${JSON.stringify({ version: 1, diagnostics }, undefined, 2)}\n`);
    } else {
      process.stdout.write(formatFindings(diagnostics, { colour: wantsColour(process.stdout) }));
      const counts = countFindings(diagnostics);
      const objects = `${loaded.documents.length} object${loaded.documents.length === 1 ? '' : 's'}`;
      process.stderr.write(counts === '' ? `✔ No findings in ${objects}\n` : `${counts} in ${objects}\n`);
    }
    return diagnostics.some(({ severity }) => (severityRank[severity] ?? 0) <= threshold)
      ? exitCode.findings
      : exitCode.ok;
  });
}
