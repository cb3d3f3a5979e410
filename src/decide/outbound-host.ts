/** Off the hot path: once per authority that an outbound port has not seen. */
import { canonicalHost } from './host.ts';
import { lookupHost, type HostIndex } from './host-index.ts';
import type { LocalCause } from './local-answer.ts';
import type { CompiledOutbound } from './types.ts';

/** What Kubernetes' DNS appends to a Service's name and namespace. */
const serviceSuffix = 'svc.cluster.local';

/**
 * The value for an authority at an outbound port, whose index has `host:port` for each Service port, and `host` for the
 * port that stands for none. The host is a name as a client in the cluster writes it, with or without a part of
 * `.<namespace>.svc.cluster.local`, as Istio's sidecars and a pod's resolver take it. The port is the one written: a wrong
 * one finds nothing.
 */
export function lookupOutbound<T>(
  index: HostIndex<T>,
  { authority, namespace }: { readonly authority: string; readonly namespace: string },
): T | undefined {
  const port = portPart(authority);
  const host = canonicalHost(authority);
  for (const name of namesFor(host, namespace)) {
    const found = index.exact.get(name + port);
    if (found !== undefined) return found;
  }
  return lookupHost(index, host + port);
}

/** The answer for an authority that an outbound port has no virtual host for. */
export function missedOutbound(outbound: CompiledOutbound, authority: string): LocalCause {
  return idleHost(outbound, authority) === undefined ? 'unknown_host' : 'idle_host';
}

/** The full name of the Service without endpoints that an authority means. */
export function idleHost({ idleHosts, namespace }: CompiledOutbound, authority: string): string | undefined {
  return namesFor(canonicalHost(authority), namespace).find((name) => idleHosts.has(name));
}

/** The full names that a host may stand for: itself, and those of Services it may be short for. */
function namesFor(host: string, namespace: string): readonly string[] {
  const labels = host.split('.');
  const names = [host];
  if (labels.length === 1) names.push(`${host}.${namespace}.${serviceSuffix}`);
  if (labels.length === 2) names.push(`${host}.${serviceSuffix}`);
  if (labels.length === 3 && labels[2] === 'svc') names.push(`${host}.cluster.local`);
  return names;
}

/** `:8080`, or nothing. Leading zeros are no other port. */
function portPart(authority: string): string {
  const digits = /:0*([0-9]+)$/.exec(authority)?.[1];
  return digits === undefined ? '' : `:${digits}`;
}
