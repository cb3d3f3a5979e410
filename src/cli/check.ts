import type { Severity } from '../base/index.ts';
import { compileAll } from '../compile/index.ts';
import { loadPaths } from '../manifest/index.ts';
import { exitCode } from './exit-codes.ts';
import { countFindings, formatFindings, wantsColour } from './findings.ts';
import { explainUsage, paperBindings, readSettings, type ManifestOptions } from './settings.ts';

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
  if (threshold === undefined || !['text', 'json'].includes(options.output)) {
    process.stderr.write('expected --failure-threshold error|warning|info and --output text|json\n');
    return exitCode.usage;
  }
  try {
    const settings = readSettings(options);
    const loaded = await loadPaths(settings.paths);
    const result = compileAll({
      documents: loaded.documents,
      bindings: paperBindings(settings.workloads),
      placements: {},
      options: settings.compile,
    });
    const diagnostics = [...loaded.diagnostics, ...result.diagnostics];
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
  } catch (error) {
    const usage = explainUsage(error);
    if (usage === undefined) throw error;
    process.stderr.write(usage);
    return exitCode.usage;
  }
}
