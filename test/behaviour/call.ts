/** One call to a data plane, and what came of it. */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTls, TLSSocket, type ConnectionOptions } from 'node:tls';
import { message, type Seen } from './backend.ts';
import type { Address } from './data-plane.ts';

export interface CallRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Outcome {
  /** Undefined: no HTTP answer, the connection or stream was refused. */
  readonly http: number | undefined;
  /** The gRPC status, of trailers or of the only header block. */
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What the app said it saw, when an app answered. */
  readonly seen: Seen | undefined;
  /** What the server presented, DER. */
  readonly certificate: Buffer | undefined;
  readonly tookMs: number;
}

/** A connection that carries calls, as one client of an app does. */
export interface Caller {
  call(request: CallRequest): Promise<Outcome>;
  close(): void;
}

/** With `tls` over TLS, without judging the certificate of the other side. */
export function openCaller({ host, port }: Address, tls?: ConnectionOptions): Caller {
  const scheme = tls === undefined ? 'http' : 'https';
  const session = connect(
    `${scheme}://${host}:${port}`,
    tls && {
      createConnection: () => connectTls({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false, ...tls }),
    },
  );
  session.on('error', () => undefined);
  let certificate: Buffer | undefined;
  session.on('connect', (_, socket) => {
    if (socket instanceof TLSSocket) certificate = socket.getPeerX509Certificate()?.raw;
  });
  return {
    call: async (request) => ({ ...(await callOn(session, { scheme, ...request })), certificate }),
    close: () => session.destroy(),
  };
}

function callOn(
  session: ClientHttp2Session,
  { scheme, method, path, authority, headers }: CallRequest & { readonly scheme: string },
): Promise<Omit<Outcome, 'certificate'>> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    if (session.destroyed) {
      resolve({ http: undefined, status: undefined, headers: {}, body: '', seen: undefined, tookMs: 0 });
      return;
    }
    const stream = session.request({
      ...{ ':method': method, ':path': path, ':authority': authority, ':scheme': scheme },
      ...(method === 'POST' ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
      ...headers,
    });
    let answer: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => (answer = received));
    stream.on('trailers', (received) => (trailers = received));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      const status = trailers['grpc-status'] ?? answer['grpc-status'];
      const body = Buffer.concat(chunks);
      resolve({
        http: answer[':status'] === undefined ? undefined : Number(answer[':status']),
        status: status === undefined ? undefined : Number(status),
        headers: answer,
        body: body.toString(),
        seen: stream.rstCode === constants.NGHTTP2_NO_ERROR ? seenIn(body) : undefined,
        tookMs: performance.now() - beganMs,
      });
    });
    if (method === 'POST') stream.end(message('hello'));
    else stream.end();
  });
}

function seenIn(body: Buffer): Seen | undefined {
  const text = body.subarray(5).toString();
  return text.startsWith('{') ? (JSON.parse(text) as Seen) : undefined;
}
