import { encodeMessage, GrpcStatus, MessageDecoder, parseGrpcStatus } from '../grpc/index.ts';
import type { DescriptorSource } from '../protobuf/index.ts';
import {
  ErrorCode,
  errorCodeName,
  FieldKind,
  internField,
  type ConnectionHandler,
  type Field,
  type Http2Stream,
} from '../http2/index.ts';
import { connect, Http2Transport, WheelTimer, type ConnectAttempt, type TimerWheel } from '../transport/index.ts';
import type { ProxyLimits } from './limits.ts';
import type { Address } from './proxy-api.ts';
import { createDescriptorLearner, type DescriptorLearner } from './reflection-learner.ts';

export type ReflectionOutcome =
  | { readonly type: 'learned'; readonly source: DescriptorSource; readonly problems: readonly string[] }
  /** The workload answers, but neither to v1 nor to v1alpha. */
  | { readonly type: 'not-offered' }
  | { readonly type: 'failed'; readonly detail: string };

export interface ReflectionQueryOptions {
  readonly address: Address;
  readonly authority: string;
  readonly wheel: TimerWheel;
  readonly limits: ProxyLimits;
  /** Called exactly once, never from within `askReflection`; not after `cancel`. */
  readonly onEnd: (outcome: ReflectionOutcome) => void;
}

export interface ReflectionQuery {
  cancel(): void;
}

const versions = ['grpc.reflection.v1', 'grpc.reflection.v1alpha'] as const;

/** Asks a workload in plaintext h2c for everything it serves: v1 first, v1alpha if that is not implemented. */
export function askReflection(options: ReflectionQueryOptions): ReflectionQuery {
  return new Query(options);
}

class Query implements ReflectionQuery, ConnectionHandler<DescriptorLearner> {
  readonly #options: ReflectionQueryOptions;
  readonly #timer: WheelTimer;
  #attempt: ConnectAttempt | undefined;
  #transport: Http2Transport<DescriptorLearner> | undefined;
  #stream: Http2Stream<DescriptorLearner> | undefined;
  #decoder: MessageDecoder;
  #version = 0;
  #outgoing: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(options: ReflectionQueryOptions) {
    this.#options = options;
    this.#decoder = this.#newDecoder();
    this.#timer = new WheelTimer(() => this.#end({ type: 'failed', detail: 'timeout' }));
    options.wheel.arm(this.#timer, options.limits.learnTimeoutMs);
    this.#attempt = connect({
      ...options.address,
      connectTimeoutMs: options.limits.learnTimeoutMs,
      onConnected: (socket, facts) => {
        const transport = new Http2Transport<DescriptorLearner>({
          socket,
          facts,
          role: 'client',
          handler: this,
          wheel: options.wheel,
          onWritable: () => undefined,
          onClose: ({ cause, error }) => this.#end({ type: 'failed', detail: `${cause} ${error}`.trim() }),
        });
        this.#transport = transport;
        this.#begin();
      },
      onFailed: ({ cause, detail }) => this.#end({ type: 'failed', detail: `${cause}: ${detail}` }),
    });
  }

  cancel(): void {
    this.#isOver = true;
    this.#stop();
  }

  onHeaders(stream: Http2Stream<DescriptorLearner>, fields: readonly Field[], count: number, endStream: boolean): void {
    if (endStream) this.onTrailers(stream, fields, count);
  }

  onTrailers(stream: Http2Stream<DescriptorLearner>, fields: readonly Field[], count: number): void {
    if (stream !== this.#stream) return;
    let status: number = GrpcStatus.UNKNOWN;
    for (let i = 0; i < count; i++) {
      const field = fields[i] as Field;
      if (field.kind === FieldKind.grpcStatus) status = parseGrpcStatus(field.value);
    }
    if (status !== GrpcStatus.UNIMPLEMENTED) this.#end({ type: 'failed', detail: `grpc-status ${status}` });
    else if (++this.#version < versions.length) this.#begin();
    else this.#end({ type: 'not-offered' });
  }

  onData(stream: Http2Stream<DescriptorLearner>, chunk: Buffer, start: number, end: number): void {
    this.#transport?.connection.creditReceived(stream, end - start);
    const learner = stream.user;
    if (stream !== this.#stream || learner === undefined) return;
    const messages = this.#decoder.push(chunk.subarray(start, end));
    if ('grpcStatus' in messages) {
      this.#end({ type: 'failed', detail: messages.message });
      return;
    }
    for (const message of messages) learner.receive(message);
    if (!learner.isDone) {
      this.#ask(learner);
      return;
    }
    const { files, services, problems } = learner.result();
    this.#end({ type: 'learned', source: { files, services }, problems });
  }

  onReset(stream: Http2Stream<DescriptorLearner>, code: ErrorCode): void {
    if (stream === this.#stream) this.#end({ type: 'failed', detail: `reset ${errorCodeName(code)}` });
  }

  onRefused(): void {
    this.#end({ type: 'failed', detail: 'refused' });
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
    this.#end({ type: 'failed', detail: message });
  }

  onLimit(name: string): void {
    this.#end({ type: 'failed', detail: `limit ${name}` });
  }

  #begin(): void {
    const connection = this.#transport?.connection;
    const learner = createDescriptorLearner({ maxBytes: this.#options.limits.descriptorBytes });
    const stream = connection?.openStream(learner);
    if (connection === undefined || stream === undefined) {
      this.#end({ type: 'failed', detail: 'the connection takes no stream' });
      return;
    }
    this.#stream = stream;
    this.#decoder = this.#newDecoder();
    const head = [
      internField(':method', 'POST'),
      internField(':scheme', 'http'),
      internField(':path', `/${versions[this.#version]}.ServerReflection/ServerReflectionInfo`),
      internField(':authority', this.#options.authority),
      internField('content-type', 'application/grpc'),
      internField('te', 'trailers'),
      internField('user-agent', 'sallyport'),
    ];
    connection.sendHeaders(stream, head, head.length, false);
    this.#ask(learner);
  }

  #ask(learner: DescriptorLearner): void {
    const question = learner.next();
    if (question === undefined) return;
    this.#outgoing = encodeMessage(question);
    this.#send();
  }

  #send(): void {
    if (this.#stream === undefined || this.#outgoing.length === 0) return;
    const taken = this.#transport?.connection.sendData(this.#stream, this.#outgoing, 0, this.#outgoing.length, false);
    this.#outgoing = this.#outgoing.subarray(taken ?? 0);
  }

  #newDecoder(): MessageDecoder {
    // An answer repeats its request beside the descriptors.
    const { descriptorBytes, reflectionRequestBytes } = this.#options.limits;
    return new MessageDecoder({ maxMessageBytes: descriptorBytes + reflectionRequestBytes });
  }

  #end(outcome: ReflectionOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    this.#options.onEnd(outcome);
  }

  #stop(): void {
    this.#options.wheel.cancel(this.#timer);
    this.#attempt?.cancel();
    // Called from inside the engine's own callbacks, so the socket goes once they have returned.
    const transport = this.#transport;
    if (transport !== undefined) setImmediate(() => transport.destroy());
  }
}
