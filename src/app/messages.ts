/**
 * What control and a proxy process say to each other, over the IPC channel that the proxy inherits (a socketpair nobody
 * else can reach, so control knows which child speaks). Sent with structured cloning: maps and bytes stay what they are.
 */
import type { DescriptorSource } from '../protobuf/index.ts';
import type { PackedPlan, PlanChange } from '../plan/index.ts';
import type { LimitSettings } from '../proxy/index.ts';
import type { MetricsSnapshot } from '../telemetry/index.ts';

/** How access log lines are written to standard output. */
export type AccessLogMode = 'text' | 'json' | 'off';

/** What the workload behind a service serves, as its own proxy learned it; without `source`: forget it. */
export interface ServiceDescriptors {
  /** `cluster.service.host` of the plan. */
  readonly service: string;
  readonly source: DescriptorSource | undefined;
}

/** Control to proxy. */
export type ControlMessage =
  /** The first message: what this process is. */
  | {
      readonly type: 'start';
      readonly proxy: string;
      readonly accessLog: AccessLogMode;
      readonly limits: LimitSettings;
      /** Other processes of the proxy listen on the same ports. */
      readonly sharesPorts: boolean;
    }
  /** A new plan slice. `keys`: private keys of listener certificates, PEM by certificate id. */
  | {
      readonly type: 'plan';
      readonly version: number;
      readonly slice: PackedPlan;
      readonly keys: ReadonlyMap<string, string>;
    }
  /** The difference to the plan slice that was sent before; undefined: none but in `keys`. */
  | {
      readonly type: 'plan-change';
      readonly version: number;
      readonly change: PlanChange | undefined;
      readonly keys: ReadonlyMap<string, string>;
    }
  /** The answer to `csr`, or (for the same chain) a changed bundle. */
  | { readonly type: 'svid'; readonly chainPem: string; readonly bundlePem: string }
  /** The CSR was not granted; ask again later. */
  | { readonly type: 'svid-refused'; readonly error: string }
  /** The plan gave this proxy another identity: ask for a certificate now. */
  | { readonly type: 'renew' }
  /** To gateways. */
  | { readonly type: 'descriptors'; readonly descriptors: ServiceDescriptors }
  | { readonly type: 'scrape'; readonly id: number }
  /** Answer with `listener` for each open port, then `listeners-passed`. */
  | { readonly type: 'pass-listeners' }
  /** Comes with the socket on which another process listens for this port; before the first plan. */
  | { readonly type: 'listener'; readonly port: string }
  /** Finish what is under way within `graceMs`, then end the process. */
  | { readonly type: 'drain'; readonly graceMs: number };

/** Proxy to control. */
export type ProxyMessage =
  | { readonly type: 'csr'; readonly csrPem: string }
  | { readonly type: 'listening'; readonly port: string; readonly host: string; readonly number: number }
  | { readonly type: 'bind-failed'; readonly port: string; readonly message: string }
  /** The plan of this version is in force, and every port of it has been bound or reported as failed. */
  | { readonly type: 'applied'; readonly version: number }
  /** A token named a key that the set fetched from this URL does not have. */
  | { readonly type: 'key-missing'; readonly url: string }
  /** From sidecars. */
  | { readonly type: 'descriptors'; readonly service: string; readonly source: DescriptorSource }
  | { readonly type: 'metrics'; readonly id: number; readonly snapshot: MetricsSnapshot }
  /** Comes with the socket on which this process listens for this port. */
  | { readonly type: 'listener'; readonly port: string }
  | { readonly type: 'listeners-passed' }
  | { readonly type: 'log'; readonly line: string }
  | { readonly type: 'identity-error'; readonly message: string };

/** Whether a message is one of control's; the channel is inherited from it, so no more than the outside is looked at. */
export function isControlMessage(value: unknown): value is ControlMessage {
  return isObject(value) && typeof value['type'] === 'string';
}

/** Longest text taken from a proxy for a log line; a proxy that runs wild must not fill control's memory. */
const maxTextLength = 4_096;

/**
 * A proxy's message, checked for its shape: a broken child must not take control with it. `undefined` for anything else.
 * Snapshots and descriptors are checked at their outside only; who reads them copes with what is inside.
 */
export function readProxyMessage(value: unknown): ProxyMessage | undefined {
  if (!isObject(value)) return undefined;
  switch (value['type']) {
    case 'csr':
      return hasText(value, 'csrPem') ? { type: 'csr', csrPem: value.csrPem } : undefined;
    case 'listening':
      return hasText(value, 'port') && hasText(value, 'host') && isPortNumber(value['number'])
        ? { type: 'listening', port: value.port, host: value.host, number: value['number'] }
        : undefined;
    case 'bind-failed':
      return hasText(value, 'port') && hasText(value, 'message')
        ? { type: 'bind-failed', port: value.port, message: cut(value.message) }
        : undefined;
    case 'applied':
      return typeof value['version'] === 'number' ? { type: 'applied', version: value['version'] } : undefined;
    case 'descriptors':
      return hasText(value, 'service') && isSource(value['source'])
        ? { type: 'descriptors', service: value.service, source: value['source'] }
        : undefined;
    case 'key-missing':
      return hasText(value, 'url') ? { type: 'key-missing', url: value.url } : undefined;
    case 'metrics':
      return typeof value['id'] === 'number' && isSnapshot(value['snapshot'])
        ? { type: 'metrics', id: value['id'], snapshot: value['snapshot'] }
        : undefined;
    case 'listener':
      return hasText(value, 'port') ? { type: 'listener', port: value.port } : undefined;
    case 'listeners-passed':
      return { type: 'listeners-passed' };
    case 'log':
      return hasText(value, 'line') ? { type: 'log', line: cut(value.line) } : undefined;
    case 'identity-error':
      return hasText(value, 'message') ? { type: 'identity-error', message: cut(value.message) } : undefined;
    default:
      return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function hasText<K extends string>(
  value: Record<string, unknown>,
  key: K,
): value is Record<string, unknown> & Record<K, string> {
  return typeof value[key] === 'string';
}

function isPortNumber(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function isSource(value: unknown): value is DescriptorSource {
  if (!isObject(value)) return false;
  const { files, services } = value;
  return (
    Array.isArray(files) &&
    files.every((file) => file instanceof Uint8Array) &&
    (services === undefined || isTextList(services))
  );
}

function isSnapshot(value: unknown): value is MetricsSnapshot {
  return (
    isObject(value) &&
    Array.isArray(value['pairs']) &&
    Array.isArray(value['series']) &&
    Array.isArray(value['counters'])
  );
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function cut(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`;
}
