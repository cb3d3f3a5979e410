/** The app behind a workload: says what it saw, and misbehaves when the call asks for it. */
import { EventEmitter, once } from 'node:events';
import {
  constants,
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Address } from './data-plane.ts';

/** The message that an app answers with, as JSON. */
export interface Seen {
  readonly backend: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the TLS that the app ended itself; null: plaintext. */
  readonly servername: string | null;
  /** The first name in the client's certificate. */
  readonly client: string | null;
}

export interface Backend {
  readonly address: Address;
  /** Every request, also those that were not answered. */
  readonly seen: readonly Seen[];
  /** Of its whole life. */
  readonly counts: { readonly connections: number; readonly ended: number; readonly pings: number };
  close(): void;
}

/** What the apps of one case share. */
export class AppState {
  /** Attempts so far, by the call's `x-call`. */
  readonly attempts = new Map<string, number>();
  readonly #events = new EventEmitter().setMaxListeners(0);

  changed(): void {
    this.#events.emit('changed');
  }

  /** Resolves when the apps have come to see what makes this true. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.#events, 'changed');
  }
}

export interface BackendOptions {
  readonly state: AppState;
  /** The app ends TLS; PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientAuthority?: string };
  /** The app takes connections and says nothing. */
  readonly isSilent?: boolean;
}

/**
 * Headers of a call that decide the answer. What goes wrong: `x-reply-status` (a gRPC status), `x-reply-late-status` (the same
 * after the message), `x-reply-http` (an HTTP status), `x-reply-reset` (the name of an HTTP/2 error), `x-reply-drop` (the
 * connection ends), `x-reply-never`. When it does: `x-fail-first` (so many attempts of a call, told apart by `x-call`), `x-fail-at` (at this
 * workload). Besides: `x-reply-header` (`name=value`).
 */
export async function startBackend(name: string, options: BackendOptions): Promise<Backend> {
  const { state, tls, isSilent = false } = options;
  const seen: Seen[] = [];
  const counts = { connections: 0, ended: 0, pings: 0 };
  const connections = new Set<{ destroy(): void }>();
  const noticed = (connection: ServerHttp2Session | Socket): void => {
    connections.add(connection);
    counts.connections++;
    connection.on('error', () => undefined);
    connection.on('close', () => {
      connections.delete(connection);
      counts.ended++;
      state.changed();
    });
    state.changed();
  };
  const server = isSilent ? createTcpServer((socket) => noticed(socket.resume())) : createApp(tls);
  server.on('session', (session: ServerHttp2Session) => {
    noticed(session);
    session.on('ping', () => {
      counts.pings++;
      state.changed();
    });
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined);
    stream.resume();
    const facts = factsOf(name, headers, stream);
    // A data plane may ask on its own account; no case is about that.
    if (facts.path.startsWith('/grpc.reflection.')) {
      refuse(stream, unimplemented);
      return;
    }
    seen.push(facts);
    state.changed();
    answer(stream, facts, state);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    seen,
    counts,
    close: () => {
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

function createApp(tls: BackendOptions['tls']): Server {
  if (tls === undefined) return createServer();
  const { cert, key, clientAuthority } = tls;
  const clients = clientAuthority === undefined ? {} : { requestCert: true, ca: clientAuthority };
  return createSecureServer({ cert, key, ALPNProtocols: ['h2'], ...clients });
}

const unimplemented = 12;

/** With headers alone, as gRPC servers do: only then may a proxy still try elsewhere. */
function refuse(stream: ServerHttp2Stream, status: number): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status) },
    { endStream: true },
  );
}

function factsOf(backend: string, headers: IncomingHttpHeaders, stream: ServerHttp2Stream): Seen {
  const plain = Object.entries(headers).filter(([key]) => !key.startsWith(':'));
  const socket = stream.session?.socket as TLSSocket | undefined;
  const certificate = socket?.encrypted === true ? socket.getPeerX509Certificate() : undefined;
  return {
    backend,
    method: String(headers[':method']),
    path: String(headers[':path']),
    authority: String(headers[':authority']),
    headers: Object.fromEntries(plain.map(([key, value]) => [key, String(value)])),
    servername: socket?.encrypted === true ? String(socket.servername) : null,
    client: certificate?.subjectAltName?.replace(/^\w+:/, '') ?? null,
  };
}

function answer(stream: ServerHttp2Stream, facts: Seen, state: AppState): void {
  const { 'x-reply-never': never, 'x-reply-header': extra = '', 'x-reply-late-status': late = '0' } = facts.headers;
  const goesWrong = isToFail(facts, state);
  if (goesWrong && never !== undefined) return;
  if (goesWrong && fail(stream, facts)) return;
  const [extraName = '', extraValue = ''] = extra.split('=');
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', ...(extra === '' ? {} : { [extraName]: extraValue }) },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': goesWrong ? late : '0' }));
  stream.end(message(JSON.stringify(facts)));
}

/** Whether that was an answer. */
function fail(stream: ServerHttp2Stream, { headers }: Seen): boolean {
  const { 'x-reply-status': status, 'x-reply-http': http, 'x-reply-reset': reset, 'x-reply-drop': drop } = headers;
  if (status !== undefined) refuse(stream, Number(status));
  else if (http !== undefined) stream.respond({ ':status': Number(http) }, { endStream: true });
  else if (reset !== undefined) stream.close(constants[`NGHTTP2_${reset}` as 'NGHTTP2_REFUSED_STREAM']);
  else if (drop !== undefined) stream.session?.destroy();
  else return false;
  return true;
}

function isToFail({ backend, headers }: Seen, { attempts }: AppState): boolean {
  const { 'x-fail-at': where = backend, 'x-fail-first': failFirst, 'x-call': call = '' } = headers;
  if (where !== backend) return false;
  if (failFirst === undefined) return true;
  const attempt = (attempts.get(call) ?? 0) + 1;
  attempts.set(call, attempt);
  return attempt <= Number(failFirst);
}

/** One gRPC message: not compressed, length in front. */
export function message(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}
