/**
 * Cases, `cases/*.yaml`: the first document says what is called and what must come of it, the others are the manifests. Nothing
 * in a case knows which data plane runs it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Case {
  readonly file: string;
  readonly title: string;
  /** Workloads whose apps take calls, `namespace/name`. */
  readonly backends: readonly string[];
  readonly calls: readonly Call[];
  readonly manifests: string;
}

export interface Call {
  readonly title: string;
  /** `gateway NAMESPACE/NAME:PORT` (default: `gateway default/gw:80`), or `workload NAMESPACE/NAME:PORT`. */
  readonly to?: string;
  /** The workload whose app makes the call; default: a client outside. */
  readonly from?: string;
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 1. */
  readonly times?: number;
  readonly expect: Expectation;
}

/** What is absent is not looked at. */
export interface Expectation {
  /** gRPC status; 0 where only a backend is expected. */
  readonly status?: number;
  readonly http?: number;
  /** No HTTP answer at all. */
  readonly refused?: boolean;
  /** The workload that answered. */
  readonly backend?: string;
  /** Shares of the calls by workload that answered, and how far each may be off. */
  readonly shares?: Readonly<Record<string, number>>;
  readonly tolerance?: number;
  /** What the app saw; a null header must be absent. */
  readonly saw?: {
    readonly path?: string;
    readonly authority?: string;
    readonly headers?: Readonly<Record<string, string | null>>;
  };
  /** Of the answer; null: absent. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Requests that workloads have seen for this call in all, those without an answer included. */
  readonly requests?: Readonly<Record<string, number>>;
}

export function readCases(): Case[] {
  const folder = join(import.meta.dirname, 'cases');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const end = text.indexOf('\n---\n');
      const head = parse(text.slice(0, end)) as Omit<Case, 'file' | 'manifests'>;
      return { ...head, file, manifests: text.slice(end + 1) };
    });
}
