import type { Origin } from '../base/index.ts';

/** One workload's place on this machine, from `--workload`, `--exec` or `sallyport.yaml`. */
export interface WorkloadSetting {
  readonly namespace: string;
  readonly name: string;
  readonly origin: Origin;
  /** Where the application listens. Absent with `exec`: a free port, told to the command by `PORT`. */
  readonly address?: WorkloadAddress;
  readonly exec?: {
    readonly command: string;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  };
}

export interface WorkloadAddress {
  readonly host: string;
  readonly port: number;
}

const flagForm = /^(?:([a-z0-9]([-a-z0-9]*[a-z0-9])?)\/)?([a-z0-9]([-a-z0-9.]*[a-z0-9])?)=(.+)$/;

/** `--workload [NAMESPACE/]NAME=HOST:PORT`; the namespace defaults to `default`. Undefined: not of that form. */
export function parseWorkloadFlag(text: string): WorkloadSetting | undefined {
  const parts = splitFlag(text, '--workload');
  const address = parts === undefined ? 'bad' : parseWorkloadAddress(parts.value);
  if (parts === undefined || address === 'bad') return undefined;
  return { namespace: parts.namespace, name: parts.name, origin: parts.origin, address };
}

/** `--exec [NAMESPACE/]NAME=COMMAND`, run in `cwd` by a shell. Undefined: not of that form. */
export function parseExecFlag(text: string, cwd: string): WorkloadSetting | undefined {
  const parts = splitFlag(text, '--exec');
  if (parts === undefined) return undefined;
  return {
    namespace: parts.namespace,
    name: parts.name,
    origin: parts.origin,
    exec: { command: parts.value, cwd, env: {} },
  };
}

/** `HOST:PORT`, `:PORT` or `PORT`; the host defaults to 127.0.0.1. IPv6 in brackets. */
export function parseWorkloadAddress(text: string): WorkloadAddress | 'bad' {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? 0);
  if (match === null || port < 1 || port > 65535) return 'bad';
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' || host === 'localhost' ? '127.0.0.1' : host, port };
}

function splitFlag(text: string, flag: string) {
  const match = flagForm.exec(text);
  if (match === null) return undefined;
  const namespace = match[1] ?? 'default';
  const name = match[3] ?? '';
  const origin: Origin = { kind: 'Workload', namespace, name, file: flag, line: 1 };
  return { namespace, name, origin, value: match[5] ?? '' };
}
