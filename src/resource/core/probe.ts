import { z } from 'zod';
import type { Origin } from '../../base/index.ts';
import type { Path } from '../../manifest/index.ts';
import type { DecodeContext } from '../context.ts';
import { portNumber, present } from '../fields.ts';
import { acceptedFields, wellFormedIgnored } from '../schema.ts';

/** A question that an application is asked again and again, whether it can take calls (`core/v1.Probe`). */
export interface Probe {
  readonly origin: Origin;
  readonly handler: ProbeHandler;
  /** From the start of the container to the first question. */
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  /** Successes in a row that make an application ready. */
  readonly successThreshold: number;
  /** Failures in a row that make it unready. */
  readonly failureThreshold: number;
}

/** `port` is absent where its name is no port of the container: then it never succeeds, as with a kubelet. */
export type ProbeHandler =
  /** `grpc.health.v1.Health/Check`, in plaintext. */
  | { readonly type: 'grpc'; readonly port?: number; readonly service: string }
  /** Something accepts connections. */
  | { readonly type: 'tcp'; readonly port?: number; readonly host?: string }
  /** A GET by HTTP/1.1 that is answered with a status from 200 to 399. */
  | {
      readonly type: 'http';
      readonly port?: number;
      readonly host?: string;
      readonly scheme: 'http' | 'https';
      readonly path: string;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    };

const wholeNumber = z.int().min(0).max(2_147_483_647).optional();
const portOrName = z.union([portNumber, z.string().regex(/^(?=.*[a-z])[a-z0-9-]{1,15}$/)], {
  error: 'must be a port number or the name of a container port\nWrite 1 to 65535 without quotes, or a name.',
});
const header = z.strictObject({ name: z.string().regex(/^[-_A-Za-z0-9]+$/), value: z.string().default('') });

/** What a command in a container would find is not on this machine, and what it would do here nobody knows. */
const execConsequence =
  'commands of a container are not run here: the workload counts as ready while it runs; grpc, tcpSocket and httpGet are asked';

const timing = {
  initialDelaySeconds: wholeNumber,
  periodSeconds: wholeNumber,
  timeoutSeconds: wholeNumber,
  successThreshold: wholeNumber,
  failureThreshold: wholeNumber,
};

/** `core/v1.Probe`. */
export const containerProbe = z.strictObject({
  ...timing,
  grpc: z.strictObject({ port: portNumber, service: z.string().default('') }).optional(),
  tcpSocket: z.strictObject({ port: portOrName, host: z.string().default('') }).optional(),
  httpGet: z
    .strictObject({
      port: portOrName,
      host: z.string().default(''),
      scheme: z.enum(['HTTP', 'HTTPS', '']).default('HTTP'),
      path: z.string().default(''),
      httpHeaders: z.array(header).default([]),
    })
    .optional(),
  exec: wellFormedIgnored(z.strictObject({ command: z.array(z.string()).default([]) }), execConsequence),
  ...acceptedFields('terminationGracePeriodSeconds'),
});

/** `networking.istio.io/v1.ReadinessProbe`: no names of ports, and a handler may be missing. */
export const groupProbe = z.strictObject({
  ...timing,
  grpc: z.strictObject({ port: portNumber.optional(), service: z.string().default('') }).optional(),
  tcpSocket: z.strictObject({ port: portNumber, host: z.string().default('') }).optional(),
  httpGet: z
    .strictObject({
      port: portNumber,
      host: z.string().default(''),
      scheme: z.enum(['HTTP', 'HTTPS', '']).default('HTTP'),
      path: z.string().default(''),
      httpHeaders: z.array(header.extend({ name: header.shape.name.optional() })).default([]),
    })
    .optional(),
  exec: wellFormedIgnored(z.strictObject({ command: z.array(z.string().min(1)) }), execConsequence),
});

type Written = z.output<typeof containerProbe> | z.output<typeof groupProbe>;

interface ProbePlace {
  readonly path: Path;
  /** The ports of the container by name. */
  readonly portNamed: (name: string) => number | undefined;
  /** An API server refuses a probe without any handler. */
  readonly needsHandler: boolean;
  readonly context: DecodeContext;
}

/** Undefined where there is nothing to ask: no handler, or a command. */
export function decodeProbe(written: Written, at: ProbePlace): Probe | undefined {
  checkHandlers(written, at);
  const handler = decodeHandler(written, at);
  if (handler === undefined) return undefined;
  // Zero is how the API says "not set" for all of these.
  const orDefault = (value: number | undefined, ifNotSet: number): number => value || ifNotSet;
  return {
    origin: at.context.at(at.path),
    handler,
    initialDelayMs: 1_000 * orDefault(written.initialDelaySeconds, 0),
    periodMs: 1_000 * orDefault(written.periodSeconds, 10),
    timeoutMs: 1_000 * orDefault(written.timeoutSeconds, 1),
    successThreshold: orDefault(written.successThreshold, 1),
    failureThreshold: orDefault(written.failureThreshold, 3),
  };
}

function checkHandlers(written: Written, { path, needsHandler, context }: ProbePlace): void {
  const given = (['grpc', 'tcpSocket', 'httpGet', 'exec'] as const).filter((field) => written[field] !== undefined);
  const remedy = 'Give one of grpc, tcpSocket, httpGet and exec.';
  if (given.length > 1) context.error(path, { message: `a probe has one handler, not ${given.join(' and ')}`, remedy });
  if (given.length === 0 && needsHandler)
    context.error(path, { message: 'the probe does not say what to ask', remedy });
}

function decodeHandler({ grpc, tcpSocket, httpGet }: Written, at: ProbePlace): ProbeHandler | undefined {
  const { path } = at;
  if (grpc !== undefined) {
    return { type: 'grpc', ...numberOf(grpc.port, [...path, 'grpc'], at), service: grpc.service };
  }
  if (tcpSocket !== undefined) {
    return { type: 'tcp', ...numberOf(tcpSocket.port, [...path, 'tcpSocket'], at), ...hostOf(tcpSocket) };
  }
  if (httpGet === undefined) return undefined;
  return {
    type: 'http',
    ...numberOf(httpGet.port, [...path, 'httpGet'], at),
    ...hostOf(httpGet),
    scheme: httpGet.scheme === 'HTTPS' ? 'https' : 'http',
    path: httpGet.path.startsWith('/') ? httpGet.path : `/${httpGet.path}`,
    headers: httpGet.httpHeaders.flatMap(({ name, value }) => (name === undefined ? [] : [{ name, value }])),
  };
}

function hostOf({ host }: { readonly host: string }): { readonly host?: string } {
  return present({ host: host || undefined });
}

function numberOf(
  port: number | string | undefined,
  path: Path,
  { portNamed, context }: ProbePlace,
): { readonly port?: number } {
  const found = typeof port === 'string' ? portNamed(port) : port;
  if (found !== undefined) return { port: found };
  context.warn([...path, 'port'], {
    message:
      port === undefined
        ? 'has no port: the probe never succeeds'
        : `"${port}" is no port of the container: the probe never succeeds`,
    remedy: 'Name one of the ports of the same container, or give a number.',
  });
  return {};
}
