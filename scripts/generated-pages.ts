/** The pages in docs/ that are made from the sources, by their path. */
import { diagnosticsPage } from './diagnostics-page.ts';
import { limitsPage } from './limits-page.ts';
import { metricsPage } from './metrics-page.ts';
import { supportedPage } from './supported-page.ts';

export function generatedPages(root: string): Readonly<Record<string, string>> {
  return {
    'docs/diagnostics.md': diagnosticsPage(),
    'docs/supported.md': supportedPage(root),
    'docs/limits.md': limitsPage(root),
    'docs/metrics.md': metricsPage(),
  };
}
