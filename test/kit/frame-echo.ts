/** Both ends of a transport over real sockets: a server that echoes requests, a client that makes one call. */
import type { Socket } from 'node:net';
import { Secret } from '../../src/base/index.ts';
import {
  defaultLimits,
  ErrorCode,
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Limits,
  type Http2Stream,
} from '../../src/http2/index.ts';
import {
  createTlsIdentity,
  Http2Transport,
  type CloseReason,
  type SocketFacts,
  type TimerWheel,
  type TransportLimits,
  type VerifyPeer,
} from '../../src/transport/index.ts';
import { issueSvid, makeCa, type TestCa } from './cert-kit.ts';

const status = internField(':status', '200');
const trailers: readonly Field[] = [internField('grpc-status', '0')];

/** Does nothing; tests spread their own callbacks over it. */
const quietHandler: ConnectionHandler<Call> = {
  onHeaders: () => {},
  onTrailers: () => {},
  onData: () => {},
  onReset: () => {},
  onWindow: () => {},
  onStreamClosed: () => {},
  onSettings: () => {},
  onPingAck: () => {},
  onPing: () => {},
  onGoaway: () => {},
  onRefused: () => {},
  onConnectionError: () => {},
  onLimit: () => {},
};

/** What one side collects of a stream. */
export interface Call {
  body: Buffer[];
  /** Bytes of `body` that were sent back. */
  sent: number;
  isComplete: boolean;
  status: string;
  grpcStatus: string;
  done: (call: Call) => void;
}

export function newCall(done: (call: Call) => void = () => {}): Call {
  return { body: [], sent: 0, isComplete: false, status: '', grpcStatus: '', done };
}

export interface EndOptions {
  readonly wheel: TimerWheel;
  readonly limits?: Partial<Http2Limits>;
  readonly transportLimits?: Partial<TransportLimits>;
  readonly handler?: Partial<ConnectionHandler<Call>>;
  readonly onClose?: (reason: CloseReason) => void;
  readonly onWritable?: () => void;
}

/** A server's end: answers with headers, the request's body and `grpc-status: 0`. */
export function echoServer(socket: Socket, facts: SocketFacts, options: EndOptions): Http2Transport<Call> {
  const open = new Set<Http2Stream<Call>>();
  const pump = (stream: Http2Stream<Call>): void => {
    const state = stream.user;
    if (state === undefined) return;
    const all = Buffer.concat(state.body);
    while (state.sent < all.length && !transport.writeBlocked) {
      const taken = transport.connection.sendData(stream, all, state.sent, all.length, false);
      if (taken === 0) return;
      state.sent += taken;
    }
    if (state.isComplete && state.sent === all.length && !stream.isLocalEnded) {
      transport.connection.sendHeaders(stream, trailers, 1, true);
    }
  };
  const transport: Http2Transport<Call> = new Http2Transport<Call>({
    socket,
    facts,
    role: 'server',
    wheel: options.wheel,
    limits: { ...defaultLimits, ...options.limits },
    ...(options.transportLimits === undefined ? {} : { transportLimits: options.transportLimits }),
    onWritable: () => {
      options.onWritable?.();
      for (const stream of open) pump(stream);
    },
    onClose: options.onClose ?? (() => {}),
    handler: {
      ...quietHandler,
      onHeaders(stream, _fields, _count, endStream) {
        stream.user = newCall();
        stream.user.isComplete = endStream;
        open.add(stream);
        transport.connection.sendHeaders(stream, [status], 1, false);
        pump(stream);
      },
      onData(stream, chunk, start, end, endStream) {
        stream.user?.body.push(Buffer.from(chunk.subarray(start, end)));
        if (stream.user !== undefined) stream.user.isComplete = endStream;
        transport.connection.creditReceived(stream, end - start);
        pump(stream);
      },
      onWindow(stream) {
        for (const each of stream === undefined ? open : [stream]) pump(each);
      },
      onStreamClosed: (stream) => open.delete(stream),
      ...options.handler,
    },
  });
  return transport;
}

/** A client's end. */
export function callClient(socket: Socket, facts: SocketFacts, options: EndOptions): Http2Transport<Call> {
  const transport: Http2Transport<Call> = new Http2Transport<Call>({
    socket,
    facts,
    role: 'client',
    wheel: options.wheel,
    limits: { ...defaultLimits, ...options.limits },
    ...(options.transportLimits === undefined ? {} : { transportLimits: options.transportLimits }),
    onWritable: options.onWritable ?? (() => {}),
    onClose: options.onClose ?? (() => {}),
    handler: {
      ...quietHandler,
      onHeaders(stream, fields) {
        if (stream.user !== undefined) stream.user.status = fields[0]?.value ?? '';
      },
      onTrailers(stream, fields) {
        if (stream.user !== undefined) stream.user.grpcStatus = fields[0]?.value ?? '';
      },
      onData(stream, chunk, start, end) {
        stream.user?.body.push(Buffer.from(chunk.subarray(start, end)));
        transport.connection.creditReceived(stream, end - start);
      },
      onStreamClosed: (stream) => stream.user?.done(stream.user),
      ...options.handler,
    },
  });
  return transport;
}

export const requestFields: readonly Field[] = [
  internField(':method', 'POST'),
  internField(':scheme', 'http'),
  internField(':path', '/asset.AssetService/GetAsset'),
  internField(':authority', 'api.example.com'),
  internField('te', 'trailers'),
];

/** Sends a request whose body fits the initial windows; resolves when its stream is closed. */
export function call(transport: Http2Transport<Call>, body: Buffer): Promise<Call> {
  return new Promise((resolve, reject) => {
    const stream = transport.connection.openStream(newCall(resolve));
    if (stream === undefined) return reject(new Error('no stream'));
    transport.connection.sendHeaders(stream, requestFields, requestFields.length, false);
    const taken = transport.connection.sendData(stream, body, 0, body.length, true);
    if (taken !== body.length) transport.connection.resetStream(stream, ErrorCode.INTERNAL_ERROR);
  });
}

/** An authority and TLS identities from it, by SPIFFE id. */
export function testMesh(ca: TestCa = makeCa()) {
  return {
    identity(uri: string, minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
      const svid = issueSvid(ca, { uri });
      const identity = createTlsIdentity({
        certificatePem: svid.chainPem,
        privateKeyPem: new Secret(svid.keyPem),
        minVersion,
      });
      return { identity, svid };
    },
  };
}

/** Accepts any peer that presents a certificate; the principal tells its chain's length. */
export const anyCertificate: VerifyPeer = (chain) =>
  chain.length === 0 ? { error: 'no certificate' } : { principal: `chain of ${chain.length}` };
