import { compileLogFilter } from '../decide/index.ts';
import type { ProxyTelemetry } from '../plan/index.ts';
import type { RequestRecord } from '../telemetry/index.ts';

type Filter = (record: RequestRecord) => boolean;

interface LogRules {
  readonly source: Filter;
  readonly destination: Filter;
}

/** Made once per plan, when its first request ends. */
const compiled = new WeakMap<ProxyTelemetry, LogRules>();

/** Whether the proxy's Telemetry wants a line for a request. */
export function isLogged(telemetry: ProxyTelemetry, record: RequestRecord): boolean {
  let rules = compiled.get(telemetry);
  if (rules === undefined) {
    rules = { source: filterOf(telemetry, 'source'), destination: filterOf(telemetry, 'destination') };
    compiled.set(telemetry, rules);
  }
  return rules[record.reporter](record);
}

function filterOf({ accessLog }: ProxyTelemetry, reporter: 'source' | 'destination'): Filter {
  const rule = accessLog.find((one) => one.reporter === reporter);
  if (rule === undefined) return () => true;
  if (rule.disabled) return () => false;
  return rule.filter === undefined ? () => true : compileLogFilter(rule.filter);
}
