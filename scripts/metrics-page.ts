/** docs/metrics.md: every metric with its labels, from the definitions that the page of a running mesh is written from. */
import { metricCatalogue } from '../src/telemetry/index.ts';

/** Labels that most of Istio's metrics share; told once, below the table. */
const shared = metricCatalogue.find(({ name }) => name === 'istio_request_messages_total')?.labels ?? [];

export function metricsPage(): string {
  const rows = metricCatalogue.map(
    ({ name, type, help, labels }) => `| \`${name}\` | ${type} | ${labelsOf(labels)} | ${help} |`,
  );
  return `<!-- Generated from src/telemetry/metric-catalogue.ts by \`npm run generate\`. -->
# Metrics

On the admin port, \`http://127.0.0.1:15000/metrics\`, for all proxies of a run together, in Prometheus text. Names beginning with
\`istio_\` have Istio's meaning and labels, so dashboards made for Istio work; Telemetry resources can drop and change them.
Histograms have Envoy's buckets. Beyond a bound (limits.md) new label values are counted under \`overflow\`.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

*ends*: who called whom, as the reporter sees it: ${shared.map((label) => `\`${label}\``).join(', ')}.
`;
}

function labelsOf(labels: readonly string[]): string {
  const hasShared = shared.every((label, index) => labels[index] === label);
  const own = (hasShared ? labels.slice(shared.length) : labels).map((label) => `\`${label}\``);
  return [...(hasShared ? ['*ends*'] : []), ...own].join(', ') || '–';
}
