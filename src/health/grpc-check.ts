import { encodeMessage, GrpcStatus, grpcStatusName, MessageDecoder, parseGrpcStatus } from '../grpc/index.ts';
import {
  errorCodeName,
  FieldKind,
  internField,
  type ConnectionHandler,
  type ErrorCode,
  type Field,
  type Http2Stream,
} from '../http2/index.ts';
import { connect, Http2Transport, TimerWheel, type ConnectAttempt } from '../transport/index.ts';
import type { Check, Verdict } from './verdict.ts';
import { decodeHealthResponse, encodeHealthRequest, type ServingStatus } from './health-message.ts';
import { MAX_HEALTH_MESSAGE_BYTES } from './limits.ts';

export interface GrpcQuestion {
  readonly address: { readonly host: string; readonly port: number };
  /** Empty: the server as a whole. */
  readonly service: string;
}

/**
 * Asks `grpc.health.v1.Health/Check` in plaintext, on a connection of its own. Healthy is SERVING with status OK, nothing
 * else: who does not implement the service, or does not know the name, is not (kubernetes/pkg/probe/grpc/grpc.go).
 */
export function checkGrpc(question: GrpcQuestion, end: (verdict: Verdict) => void): Check {
  return new HealthCall(question, end);
}

/** The stream's user data: there is one stream, so nothing has to be told apart. */
type Call = HealthCall;

class HealthCall implements Check, ConnectionHandler<Call> {
  readonly #question: GrpcQuestion;
  readonly #onEnd: (verdict: Verdict) => void;
  readonly #attempt: ConnectAttempt;
  readonly #wheel = new TimerWheel();
  readonly #decoder = new MessageDecoder({ maxMessageBytes: MAX_HEALTH_MESSAGE_BYTES });
  #transport: Http2Transport<Call> | undefined;
  #answer: ServingStatus | undefined;
  #stream: Http2Stream<Call> | undefined;
  #unsent: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(question: GrpcQuestion, onEnd: (verdict: Verdict) => void) {
    this.#question = question;
    this.#onEnd = onEnd;
    this.#attempt = connect({
      ...question.address,
      onConnected: (socket, facts) => {
        this.#transport = new Http2Transport<Call>({
          socket,
          facts,
          role: 'client',
          handler: this,
          wheel: this.#wheel,
          onWritable: () => undefined,
          onClose: ({ cause, error }) => this.#fail(error === '' ? `the connection ended: ${cause}` : error),
        });
        this.#ask(this.#transport);
      },
      onFailed: ({ cause, detail }) =>
        this.#fail(detail.includes('ECONNREFUSED') ? 'connection refused' : `${cause} ${detail}`.trim()),
    });
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#attempt.cancel();
    // May be called from inside the engine's own callbacks, so the socket goes once they have returned.
    const transport = this.#transport;
    setImmediate(() => {
      transport?.destroy();
      this.#wheel.close();
    });
  }

  onHeaders(stream: Http2Stream<Call>, fields: readonly Field[], count: number, endStream: boolean): void {
    for (let i = 0; i < count; i++) {
      const field = fields[i] as Field;
      // Interim responses say nothing yet.
      if (field.name === ':status' && !/^(200|1..)$/.test(field.value)) this.#fail(`answered HTTP ${field.value}`);
    }
    if (endStream) this.onTrailers(stream, fields, count);
  }

  onTrailers(_stream: Http2Stream<Call>, fields: readonly Field[], count: number): void {
    let status: number = GrpcStatus.UNKNOWN;
    for (let i = 0; i < count; i++) {
      const field = fields[i] as Field;
      if (field.kind === FieldKind.grpcStatus) status = parseGrpcStatus(field.value);
    }
    if (status !== GrpcStatus.OK) this.#fail(explainStatus(status, this.#question.service));
    else if (this.#answer === 'SERVING') this.#end({ isHealthy: true, detail: 'SERVING' });
    else this.#fail(this.#answer ?? 'the answer is no health message');
  }

  // oxlint-disable-next-line eslint/max-params -- the engine's signature
  onData(stream: Http2Stream<Call>, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.#transport?.connection.creditReceived(stream, end - start);
    const messages = this.#decoder.push(chunk.subarray(start, end));
    if ('grpcStatus' in messages) return this.#fail(messages.message);
    for (const message of messages) this.#answer = decodeHealthResponse(message);
    if (endStream) this.#fail('the answer has no grpc-status');
  }

  onReset(_stream: Http2Stream<Call>, code: ErrorCode): void {
    this.#fail(`the call was reset: ${errorCodeName(code)}`);
  }

  onRefused(): void {
    this.#fail('the call was refused');
  }

  onWindow(): void {
    this.#send();
  }

  onStreamClosed(): void {}

  onSettings(): void {}

  onPingAck(): void {}

  onPing(): void {}

  onGoaway(): void {}

  onConnectionError(_code: ErrorCode, message: string): void {
    this.#fail(message);
  }

  onLimit(name: string): void {
    this.#fail(`limit ${name}`);
  }

  #ask({ connection }: Http2Transport<Call>): void {
    const stream = connection.openStream(this);
    if (stream === undefined) return this.#fail('the connection takes no call');
    this.#stream = stream;
    const { host, port } = this.#question.address;
    const head = [
      internField(':method', 'POST'),
      internField(':scheme', 'http'),
      internField(':path', '/grpc.health.v1.Health/Check'),
      internField(':authority', `${host}:${port}`),
      internField('content-type', 'application/grpc'),
      internField('te', 'trailers'),
      internField('user-agent', 'kube-probe/sallyport'),
    ];
    connection.sendHeaders(stream, head, head.length, false);
    this.#unsent = encodeMessage(encodeHealthRequest(this.#question.service));
    this.#send();
  }

  #send(): void {
    if (this.#stream === undefined || this.#unsent.length === 0) return;
    const taken = this.#transport?.connection.sendData(this.#stream, this.#unsent, 0, this.#unsent.length, true);
    this.#unsent = this.#unsent.subarray(taken ?? 0);
  }

  #fail(detail: string): void {
    this.#end({ isHealthy: false, detail });
  }

  #end(verdict: Verdict): void {
    if (!this.#isOver) this.#onEnd(verdict);
  }
}

function explainStatus(status: number, service: string): string {
  if (status === GrpcStatus.UNIMPLEMENTED) return 'the application does not implement grpc.health.v1.Health';
  if (status === GrpcStatus.NOT_FOUND) return `the health service does not know "${service}"`;
  return `answered ${grpcStatusName(status)}`;
}
