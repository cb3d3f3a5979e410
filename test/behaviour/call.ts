/** One call to a data plane, and what came of it. */
import { connect, constants, type IncomingHttpHeaders } from 'node:http2';
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
  /** What the app said it saw, when an app answered. */
  readonly seen: Seen | undefined;
}

/** A connection that carries calls one after the other, as one client of an app does. */
export interface Caller {
  call(request: CallRequest): Promise<Outcome>;
  close(): void;
}

export function openCaller({ host, port }: Address): Caller {
  const session = connect(`http://${host}:${port}`);
  session.on('error', () => undefined);
  return {
    call: ({ method, path, authority, headers }) =>
      new Promise((resolve) => {
        if (session.destroyed) {
          resolve({ http: undefined, status: undefined, headers: {}, seen: undefined });
          return;
        }
        const stream = session.request({
          ...{ ':method': method, ':path': path, ':authority': authority, ':scheme': 'http' },
          ...(method === 'POST' ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
          ...headers,
        });
        let answer: IncomingHttpHeaders = {};
        let trailers: IncomingHttpHeaders = {};
        const body: Buffer[] = [];
        stream.on('response', (received) => (answer = received));
        stream.on('trailers', (received) => (trailers = received));
        stream.on('data', (chunk: Buffer) => body.push(chunk));
        stream.on('error', () => undefined);
        stream.on('close', () => {
          const status = trailers['grpc-status'] ?? answer['grpc-status'];
          resolve({
            http: answer[':status'] === undefined ? undefined : Number(answer[':status']),
            status: status === undefined ? undefined : Number(status),
            headers: answer,
            seen: stream.rstCode === constants.NGHTTP2_NO_ERROR ? seenIn(Buffer.concat(body)) : undefined,
          });
        });
        if (method === 'POST') stream.end(message('hello'));
        else stream.end();
      }),
    close: () => session.destroy(),
  };
}

function seenIn(body: Buffer): Seen | undefined {
  const text = body.subarray(5).toString();
  return text.startsWith('{') ? (JSON.parse(text) as Seen) : undefined;
}
