import { decideRoute, type CompiledPort, type CompiledProxy, type RequestFacts } from '../decide/index.ts';
import {
  countMessages,
  createDescriptorPool,
  createReflectionResponder,
  encodeGrpcMessage,
  encodeMessage,
  GrpcStatus,
  MessageDecoder,
  type DescriptorSource,
  type ReflectionResponder,
  type ReflectionView,
} from '../grpc/index.ts';
import { internField } from '../http2/index.ts';
import type { Exchange, LocalService, Scope } from './exchange.ts';
import { flushResponse } from './flow.ts';
import type { ProxyLimits } from './limits.ts';

const reflectionPaths: ReadonlySet<string> = new Set([
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

/** One reflection stream: the requests that wait, and what this caller may see. */
interface StreamState {
  readonly decoder: MessageDecoder;
  readonly view: ReflectionView;
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
  #isOn = false;
  /** Full names of the services behind each service host. */
  #served: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #responder: ReflectionResponder | undefined;
  #methods: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(limits: ProxyLimits) {
    this.#limits = limits;
  }

  use({ proxy }: CompiledProxy): void {
    this.#isOn = proxy.role === 'gateway' && proxy.reflection;
  }

  /** By the host of the service that the workloads stand behind. */
  setDescriptors(sources: ReadonlyMap<string, DescriptorSource>): void {
    this.#served = new Map(
      [...sources].map(([host, source]) => [host, new Set(createDescriptorPool([source]).services)]),
    );
    const pool = createDescriptorPool([...sources.values()]);
    this.#responder = createReflectionResponder(pool);
    const methods = new Map<string, readonly string[]>();
    for (const { file, services } of pool.files) {
      for (const { name, method } of file.proto.service) {
        const fullName = file.proto.package === '' ? name : `${file.proto.package}.${name}`;
        if (services.includes(fullName))
          methods.set(
            fullName,
            method.map((one) => one.name),
          );
      }
    }
    this.#methods = methods;
  }

  /** This service, when the request is for it: switched on, and for a host that this gateway serves. */
  serviceFor(exchange: Exchange, scope: Scope): LocalService | undefined {
    if (!this.#isOn || exchange.decision?.type !== 'no-route' || !reflectionPaths.has(exchange.path)) return undefined;
    const state: StreamState = {
      decoder: new MessageDecoder({ maxMessageBytes: this.#limits.reflectionRequestBytes }),
      view: this.#viewFor(scope.port, exchange.authority),
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
    while (!exchange.responseEnded && exchange.responseQueue.byteLength < this.#limits.reflectionQueueBytes) {
      const request = state.pending.shift();
      if (request === undefined) break;
      this.#respond(exchange, request, state.view);
    }
    if (state.pending.length > 0 || exchange.responseEnded || exchange.done) return;
    const { down, downStream } = exchange;
    if (down !== undefined && downStream !== undefined && state.owedBytes > 0) {
      down.connection.creditReceived(downStream, state.owedBytes);
      state.owedBytes = 0;
    }
    if (exchange.requestEnded) this.#end(exchange, GrpcStatus.OK, '');
  }

  #respond(exchange: Exchange, request: Buffer, view: ReflectionView): void {
    if (this.#responder === undefined) {
      this.#end(exchange, GrpcStatus.UNAVAILABLE, 'the workloads behind this gateway have not told what they serve');
      return;
    }
    this.#begin(exchange);
    const answer = encodeMessage(this.#responder.respond(request, view));
    countMessages(exchange.responseMessages, answer, 0, answer.length);
    exchange.responseBytes += answer.length;
    exchange.responseQueue.push(answer, 0, answer.length);
    const { down } = exchange;
    if (down !== undefined) down.waiting.add(exchange);
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

  /** A service is visible when a call of one of its methods to this host would reach a workload that serves it. */
  #viewFor(port: CompiledPort, authority: string): ReflectionView {
    const known = new Map<string, boolean>();
    return {
      allows: (service) => {
        let visible = known.get(service);
        if (visible === undefined) {
          visible = (this.#methods.get(service) ?? []).some((method) =>
            this.#reaches(port, { authority, path: `/${service}/${method}`, service }),
          );
          known.set(service, visible);
        }
        return visible;
      },
    };
  }

  #reaches(
    port: CompiledPort,
    call: { readonly authority: string; readonly path: string; readonly service: string },
  ): boolean {
    const facts: RequestFacts = {
      authority: call.authority,
      path: call.path,
      method: 'POST',
      scheme: 'http',
      header: () => undefined,
      headerAt: () => undefined,
    };
    const decision = decideRoute(port, facts);
    if (decision.type !== 'route') return false;
    return decision.route.backends.some(
      ({ cluster }) => cluster !== undefined && this.#served.get(cluster.cluster.service.host)?.has(call.service),
    );
  }
}
