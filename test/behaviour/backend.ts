/** The app behind a workload: says what it saw, and misbehaves when the call asks for it. */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Address } from './data-plane.ts';

/** The message that an app answers with, as JSON. */
export interface Seen {
  readonly backend: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Backend {
  readonly address: Address;
  /** Every request, also those that were not answered. */
  readonly seen: readonly Seen[];
  /** Resolves when so many requests have come in all. */
  until(count: number): Promise<void>;
  close(): void;
}

/**
 * Headers of a call that decide the answer: `x-reply-status` (a gRPC status), `x-fail-first` (so many attempts of a call fail
 * with `x-reply-status`, told apart by `x-call`), `x-reply-never`, `x-reply-header` (`name=value`).
 */
export async function startBackend(name: string, attempts: Map<string, number>): Promise<Backend> {
  const seen: Seen[] = [];
  const arrivals = new EventEmitter();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    stream.resume();
    const facts = factsOf(name, headers);
    // A data plane may ask on its own account; no case is about that.
    if (facts.path.startsWith('/grpc.reflection.')) {
      refuse(stream, unimplemented);
      return;
    }
    seen.push(facts);
    arrivals.emit('request');
    const { 'x-reply-never': never, 'x-reply-header': extra = '' } = facts.headers;
    if (never !== undefined) return;
    const [extraName = '', extraValue = ''] = extra.split('=');
    const status = statusFor(facts, attempts);
    if (status !== 0) {
      refuse(stream, status);
      return;
    }
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', ...(extra === '' ? {} : { [extraName]: extraValue }) },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(message(JSON.stringify(facts)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    seen,
    until: async (count) => {
      while (seen.length < count) await once(arrivals, 'request');
    },
    close: () => {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

const unimplemented = 12;

/** With headers alone, as gRPC servers do: only then may a proxy still try elsewhere. */
function refuse(stream: ServerHttp2Stream, status: number): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status) },
    { endStream: true },
  );
}

function factsOf(backend: string, headers: IncomingHttpHeaders): Seen {
  const plain = Object.entries(headers).filter(([key]) => !key.startsWith(':'));
  return {
    backend,
    method: String(headers[':method']),
    path: String(headers[':path']),
    authority: String(headers[':authority']),
    headers: Object.fromEntries(plain.map(([key, value]) => [key, String(value)])),
  };
}

function statusFor({ headers }: Seen, attempts: Map<string, number>): number {
  const status = Number(headers['x-reply-status'] ?? 0);
  const failFirst = headers['x-fail-first'];
  if (failFirst === undefined) return status;
  const call = headers['x-call'] ?? '';
  const attempt = (attempts.get(call) ?? 0) + 1;
  attempts.set(call, attempt);
  return attempt <= Number(failFirst) ? status : 0;
}

/** One gRPC message: not compressed, length in front. */
export function message(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}
