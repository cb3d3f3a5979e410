/** What an interop server does, whatever stack carries it: gRPC interoperability test descriptions, section Server. */
import { setTimeout as delay } from 'node:timers/promises';
import { payload, type EchoStatus, type MethodName, type ResponseParameters, type TestMessage } from './schema.ts';

export type MetadataValue = string | Buffer;
export type MetadataMap = Readonly<Record<string, readonly MetadataValue[]>>;

export const echoInitial = 'x-grpc-test-echo-initial';
export const echoTrailing = 'x-grpc-test-echo-trailing-bin';

export interface Received {
  readonly message: TestMessage;
  /** The flag of the message on the wire; undefined where the stack does not tell. */
  readonly compressed: boolean | undefined;
}

/** A call as a stack's adapter shows it. */
export interface ServedCall {
  readonly metadata: MetadataMap;
  /** Undefined once the client has said all. */
  next(): Promise<Received | undefined>;
  sendHeaders(headers: MetadataMap): void;
  send(message: TestMessage, compress: boolean): Promise<void>;
  readonly isCancelled: () => boolean;
}

export interface Ending {
  readonly code: number;
  readonly message: string;
  readonly trailers: MetadataMap;
}

const invalidArgument = 3;

/** Serves one call to its end. */
export async function serve(method: MethodName, call: ServedCall): Promise<Ending> {
  const initial = call.metadata[echoInitial];
  const trailing = call.metadata[echoTrailing];
  const trailers: MetadataMap = trailing === undefined ? {} : { [echoTrailing]: trailing };
  if (initial !== undefined) call.sendHeaders({ [echoInitial]: initial });
  const failure = await handlers[method](call);
  return { code: failure?.code ?? 0, message: failure?.message ?? '', trailers };
}

type Handler = (call: ServedCall) => Promise<EchoStatus | undefined>;

const handlers: Readonly<Record<MethodName, Handler>> = {
  EmptyCall: async (call) => {
    await call.next();
    await call.send({}, false);
    return undefined;
  },

  UnaryCall: async (call) => {
    const received = await call.next();
    const request = received?.message ?? {};
    if (lied(received)) return { code: invalidArgument, message: 'compression is not as announced' };
    if (isFailure(request.response_status)) return request.response_status;
    await call.send({ payload: payload(request.response_size ?? 0) }, request.response_compressed?.value ?? false);
    return undefined;
  },

  StreamingOutputCall: async (call) => {
    const received = await call.next();
    const request = received?.message ?? {};
    if (isFailure(request.response_status)) return request.response_status;
    await answer(call, request.response_parameters ?? []);
    return undefined;
  },

  StreamingInputCall: async (call) => {
    let size = 0;
    for (let received = await call.next(); received !== undefined; received = await call.next()) {
      if (lied(received)) return { code: invalidArgument, message: 'compression is not as announced' };
      size += received.message.payload?.body.length ?? 0;
    }
    await call.send({ aggregated_payload_size: size }, false);
    return undefined;
  },

  FullDuplexCall: async (call) => {
    for (let received = await call.next(); received !== undefined; received = await call.next()) {
      const { response_status: status, response_parameters: parameters = [] } = received.message;
      if (isFailure(status)) return status;
      await answer(call, parameters);
    }
    return undefined;
  },

  HalfDuplexCall: async (call) => {
    const all: ResponseParameters[] = [];
    for (let received = await call.next(); received !== undefined; received = await call.next())
      all.push(...(received.message.response_parameters ?? []));
    await answer(call, all);
    return undefined;
  },
};

async function answer(call: ServedCall, parameters: readonly ResponseParameters[]): Promise<void> {
  for (const { size, interval_us: intervalUs = 0, compressed } of parameters) {
    if (call.isCancelled()) return;
    if (intervalUs > 0) await delay(intervalUs / 1000);
    await call.send({ payload: payload(size) }, compressed?.value ?? false);
  }
}

function lied(received: Received | undefined): boolean {
  const expected = received?.message.expect_compressed;
  return (
    expected !== undefined &&
    expected !== null &&
    received?.compressed !== undefined &&
    received.compressed !== expected.value
  );
}

function isFailure(status: EchoStatus | null | undefined): status is EchoStatus {
  return status !== undefined && status !== null && status.code !== 0;
}

/** A sequence that one side fills while the other reads; ends once. */
export class Arrivals<T> {
  readonly #items: T[] = [];
  readonly #readers: ((item: T | undefined) => void)[] = [];
  #isEnded = false;

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader(item);
  }

  end(): void {
    this.#isEnded = true;
    for (const reader of this.#readers.splice(0)) reader(undefined);
  }

  get size(): number {
    return this.#items.length;
  }

  next(): Promise<T | undefined> {
    const item = this.#items.shift();
    if (item !== undefined || this.#isEnded) return Promise.resolve(item);
    return new Promise((resolve) => this.#readers.push(resolve));
  }
}
