import type { CompiledPort, CompiledProxy } from '../decide/index.ts';
import { countMessages, encodeGrpcMessage, encodeMessage, GrpcStatus, MessageDecoder } from '../grpc/index.ts';
import { internField } from '../http2/index.ts';
import type { DescriptorSource, ReflectionView } from '../protobuf/index.ts';
import type { Exchange, LocalService, Scope } from './exchange.ts';
import { flushResponse } from './flow.ts';
import type { ProxyLimits } from './limits.ts';
import { loadProtobuf, type Protobuf } from './load-protobuf.ts';
import { ReflectionKnowledge } from './reflection-knowledge.ts';

const reflectionPaths: ReadonlySet<string> = new Set([
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

/** One reflection stream: the requests that wait, and what this caller may see. */
interface StreamState {
  readonly decoder: MessageDecoder;
  readonly port: CompiledPort;
  readonly authority: string;
  /** Made with the first answer, and kept: one stream sees one state of things. */
  view: ReflectionView | undefined;
  /** Requests not answered yet, because answers wait for the client. */
  readonly pending: Buffer[];
  /** Received bytes the client gets credit for once their requests are answered. */
  owedBytes: number;
}

const responseHead = [internField(':status', '200'), internField('content-type', 'application/grpc')];

/**
 * Server reflection answered by the gateway itself, merged from the workloads behind it and cut down to what it routes
 * for the caller's host. It is asked only when no route takes the request, and after the gateway's policies.
 */
export class ReflectionService implements LocalService {
  readonly #limits: ProxyLimits;
  readonly #log: (line: string) => void;
  #isOn = false;
  #sources: ReadonlyMap<string, DescriptorSource> = new Map();
  /** Made of `#sources` when somebody asks. */
  #knowledge: ReflectionKnowledge | undefined;
  /** Streams whose questions wait for it. */
  readonly #waiting = new Map<StreamState, Exchange>();

  constructor(limits: ProxyLimits, log: (line: string) => void) {
    this.#limits = limits;
    this.#log = log;
  }

  use({ proxy }: CompiledProxy): void {
    this.#isOn = proxy.role === 'gateway' && proxy.reflection;
  }

  /** By the host of the service that the workloads stand behind. */
  setDescriptors(sources: ReadonlyMap<string, DescriptorSource>): void {
    this.#sources = sources;
    this.#knowledge = undefined;
  }

  /** This service, when the request is for it: switched on, and for a host that this gateway serves. */
  serviceFor(exchange: Exchange, scope: Scope): LocalService | undefined {
    if (!this.#isOn || exchange.decision?.type !== 'no-route' || !reflectionPaths.has(exchange.path)) return undefined;
    const state: StreamState = {
      decoder: new MessageDecoder({ maxMessageBytes: this.#limits.reflectionRequestBytes }),
      port: scope.port,
      authority: exchange.authority,
      view: undefined,
      pending: [],
      owedBytes: 0,
    };
    exchange.localState = state;
    return this;
  }

  onData(exchange: Exchange, chunk: Buffer, start: number, end: number): void {
    const state = exchange.localState as StreamState;
    countMessages(exchange.requestMessages, chunk, start, end);
    state.owedBytes += end - start;
    const messages = state.decoder.push(chunk.subarray(start, end));
    if ('grpcStatus' in messages) {
      this.#end(exchange, messages.grpcStatus, messages.message);
      return;
    }
    state.pending.push(...messages);
    this.#answer(exchange);
  }

  onRequestEnd(exchange: Exchange): void {
    const state = exchange.localState as StreamState;
    const error = state.decoder.end();
    if (error !== undefined) this.#end(exchange, error.grpcStatus, error.message);
    else this.#answer(exchange);
  }

  onDrained(exchange: Exchange): void {
    this.#answer(exchange);
  }

  #answer(exchange: Exchange): void {
    const state = exchange.localState as StreamState;
    if (state.pending.length > 0 && this.#sources.size > 0 && this.#knowledge === undefined) {
      this.#learnFor(exchange, state);
      return;
    }
    while (!exchange.responseEnded && exchange.responseQueue.byteLength < this.#limits.reflectionQueueBytes) {
      const request = state.pending.shift();
      if (request === undefined) break;
      this.#respond(exchange, request, state);
    }
    if (state.pending.length > 0 || exchange.responseEnded || exchange.done) return;
    const { down, downStream } = exchange;
    if (down !== undefined && downStream !== undefined && state.owedBytes > 0) {
      down.connection.creditReceived(downStream, state.owedBytes);
      state.owedBytes = 0;
    }
    if (exchange.requestEnded) this.#end(exchange, GrpcStatus.OK, '');
  }

  #learnFor(exchange: Exchange, state: StreamState): void {
    this.#waiting.set(state, exchange);
    if (this.#waiting.size > 1) return;
    void loadProtobuf().then((protobuf) => {
      this.#knowledge ??= this.#learn(protobuf);
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const [owner, one] of waiting) {
        // Records are used again: this one may be another request's by now.
        if (one.localState === owner && !one.done) this.#answer(one);
      }
      return undefined;
    });
  }

  #learn(protobuf: Protobuf): ReflectionKnowledge {
    const knowledge = new ReflectionKnowledge(protobuf, this.#sources);
    for (const problem of knowledge.problems) this.#log(`reflection: ${problem}`);
    return knowledge;
  }

  #respond(exchange: Exchange, request: Buffer, state: StreamState): void {
    const knowledge = this.#knowledge;
    if (knowledge === undefined) {
      this.#end(exchange, GrpcStatus.UNAVAILABLE, 'the workloads behind this gateway have not told what they serve');
      return;
    }
    state.view ??= knowledge.viewFor(state.port, state.authority);
    this.#begin(exchange);
    const answer = encodeMessage(knowledge.responder.respond(request, state.view));
    countMessages(exchange.responseMessages, answer, 0, answer.length);
    exchange.responseBytes += answer.length;
    exchange.responseQueue.push(answer, 0, answer.length);
    const { down } = exchange;
    if (down !== undefined) down.waiting.add(exchange, exchange.responseQueue.byteLength);
    flushResponse(exchange);
  }

  #begin(exchange: Exchange): void {
    const { down, downStream } = exchange;
    if (exchange.responseStarted || down === undefined || downStream === undefined) return;
    exchange.responseStarted = true;
    exchange.httpStatus = 200;
    exchange.firstByteMs = down.nowMs;
    down.connection.sendHeaders(downStream, responseHead, responseHead.length, false);
  }

  #end(exchange: Exchange, status: number, message: string): void {
    this.#begin(exchange);
    exchange.grpcStatus = status;
    exchange.responseEnded = true;
    exchange.stopClient = true;
    exchange.trailers[0] = internField('grpc-status', String(status));
    exchange.trailers[1] = internField('grpc-message', encodeGrpcMessage(message));
    exchange.trailerCount = message === '' ? 1 : 2;
    flushResponse(exchange);
  }
}
