/**
 * Cases, `cases/*.yaml`: the first document says what is called and what must come of it, the others are the manifests. Nothing
 * in a case knows which data plane runs it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { LogExpectation, MetricExpectation } from './observe.ts';

export interface Case {
  readonly file: string;
  readonly title: string;
  /** Workloads whose apps take calls, `namespace/name`, or one port of them, `namespace/name#PORT`. */
  readonly backends: readonly string[];
  /** Those of them whose apps take bytes that are no HTTP. */
  readonly bytes?: readonly string[];
  /** Apps that end TLS themselves. */
  readonly encrypted?: Readonly<Record<string, AppTls>>;
  /** Apps that take connections and say nothing. */
  readonly silent?: readonly string[];
  /** The manifests are as they should be: nothing of them may be an error. */
  readonly sound?: boolean;
  /** What DNS says of hosts: addresses. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** What GET of these URLs answers. */
  readonly urls?: Readonly<Record<string, string>>;
  readonly calls: readonly Call[];
  readonly manifests: string;
  /** Manifests that come in addition with the first call that is `later`. */
  readonly later?: string;
}

export interface AppTls {
  /** `NAME by AUTHORITY`, see `fill.ts`. */
  readonly certificate: string;
  /** The authority of the client certificates that it asks for; default: none is asked for. */
  readonly clients?: string;
}

export interface Call {
  readonly title: string;
  /** `gateway NAMESPACE/NAME:PORT` (default: `gateway default/gw:80`), or `workload NAMESPACE/NAME:PORT`. */
  readonly to?: string;
  /** The workload whose app makes the call; default: a client outside. */
  readonly from?: string;
  /** With `from`: through the port of one Service port (`SERVICE:PORT`, of its own namespace). */
  readonly service?: string;
  /** In place of a request: these bytes, on a connection of their own. */
  readonly send?: string;
  readonly method?: string;
  /** `{i}` in a path or header is the number of the call among `times`. */
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS; default: plaintext. */
  readonly tls?: CallTls;
  /** Calls of the case with the same name here share a connection, the first one's; default: one of its own. */
  readonly connection?: string;
  /** Default 1. */
  readonly times?: number;
  /** Each of `times` on a connection of its own. */
  readonly apart?: boolean;
  /** Cookies of answers are sent with the next of `times`. */
  readonly cookies?: boolean;
  /** So many calls like this one are under way, and get no answer, while it is made. */
  readonly held?: number;
  /** Headers of the held calls on top; default: those that have the app never answer. */
  readonly heldWith?: Readonly<Record<string, string>>;
  /** The held calls reach no app. */
  readonly unseen?: boolean;
  /** The manifests that come later are in force, from here on. */
  readonly later?: boolean;
  /** What is expected may take a while: made again until it is so, for ten seconds. */
  readonly eventually?: boolean;
  readonly expect: Expectation;
}

export interface CallTls {
  /** Of the ClientHello; default: the authority. */
  readonly servername?: string;
  /** What the client presents: `NAME by AUTHORITY`; default: nothing. */
  readonly certificate?: string;
  /** The client presents the certificate that the mesh gave this workload. */
  readonly member?: string;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** What is absent is not looked at. */
export interface Expectation {
  /** gRPC status; 0 where only a backend is expected. */
  readonly status?: number;
  readonly http?: number;
  /** No HTTP answer at all; with `send`: not a byte. */
  readonly refused?: boolean;
  /** What the server presented: `NAME by AUTHORITY`. */
  readonly certificate?: string;
  /** The workload that answered. */
  readonly backend?: string;
  /** Shares of the calls by workload that answered, and how far each may be off. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Shares of the calls by gRPC status. */
  readonly statuses?: Readonly<Record<string, number>>;
  readonly tolerance?: number;
  /** One workload answered all calls (true), or more than one did (false). */
  readonly together?: boolean;
  /** What the app saw; a null header must be absent; one that begins with `~ ` is an expression. */
  readonly saw?: {
    readonly path?: string;
    readonly authority?: string;
    readonly headers?: Readonly<Record<string, string | null>>;
    /** Of the TLS handshake with the app; null: it was plaintext. */
    readonly servername?: string | null;
    /** The first name in the client's certificate; null: none was presented. */
    readonly client?: string | null;
  };
  /** Of the answer; null: absent; one that begins with `~ ` is an expression. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
  /** The answer takes at least so long. */
  readonly afterMs?: number;
  /** Requests that workloads have seen for this call in all, those without an answer included; or between which numbers. */
  readonly requests?: Readonly<Record<string, number | readonly [least: number, most: number]>>;
  /** Connections that apps got for this call, or between which numbers. */
  readonly connections?: Readonly<Record<string, number | readonly [least: number, most: number]>>;
  /** Connections of apps that ended by and by, since the case began. */
  readonly ended?: Readonly<Record<string, number>>;
  /** At least so many HTTP/2 PINGs have come to apps by and by, since the case began. */
  readonly pings?: Readonly<Record<string, number>>;
  readonly log?: readonly LogExpectation[];
  readonly metrics?: readonly MetricExpectation[];
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
      for (const call of head.calls) checkKeys(file, call);
      return { ...head, file, manifests: text.slice(end + 1) };
    });
}

const expectationKeys = {
  status: true,
  http: true,
  refused: true,
  certificate: true,
  backend: true,
  shares: true,
  statuses: true,
  tolerance: true,
  together: true,
  saw: true,
  headers: true,
  body: true,
  afterMs: true,
  requests: true,
  connections: true,
  ended: true,
  pings: true,
  log: true,
  metrics: true,
} as const satisfies Readonly<Record<keyof Expectation, true>>;

/** What nobody reads would seem to be checked. */
function checkKeys(file: string, { title, expect }: Call): void {
  const unread = Object.keys(expect).filter((key) => !(key in expectationKeys));
  if (unread.length > 0) throw new Error(`${file}: ${title}: nobody reads ${unread.join(', ')}`);
}
