import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionResponse,
} from '../../protobuf/index.ts';
import type { GrpcCall } from './grpc-call.ts';

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']>;
type Answer = ServerReflectionResponse['messageResponse'];

/** The server answered that it does not have what was asked for, or the call that asked it failed. */
export class ReflectionError extends Error {
  readonly code: number;
  /** Whether `code` is the status of the call, not an answer within it. */
  readonly isStatus: boolean;

  constructor(code: number, message: string, isStatus: boolean) {
    super(message);
    this.code = code;
    this.isStatus = isStatus;
  }
}

/** Asks a server about its types, one question at a time over one stream. */
export interface ReflectionClient {
  /** @throws {ReflectionError} for an error answer, or when the stream fails. */
  ask(question: Question): Promise<Answer>;
  /** Ends the stream in order, so that no log on the way tells of a client that went away. Never throws. */
  close(): Promise<void>;
}

/** How long, in milliseconds, a server may take to end its half of the stream before it is cancelled. */
const closeTimeoutMs = 200;

const versions = ['v1', 'v1alpha'] as const;

/**
 * Speaks `grpc.reflection.v1`, and falls back to `v1alpha` where the server has only that; the messages are the same.
 * `open` starts a call to a path.
 */
export function createReflectionClient(open: (path: string) => GrpcCall): ReflectionClient {
  let stream: { readonly call: GrpcCall; readonly messages: AsyncGenerator<Uint8Array> } | undefined;
  let version: (typeof versions)[number] = 'v1';

  const exchange = async (request: Uint8Array): Promise<Uint8Array> => {
    if (stream === undefined) {
      const call = open(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
      stream = { call, messages: call.messages() };
    }
    const { call, messages } = stream;
    await call.send(request);
    const next = await messages.next();
    if (next.done !== true) return next.value;
    stream = undefined;
    const { code, message } = await call.result;
    if (code === GrpcStatus.UNIMPLEMENTED && version === 'v1') {
      version = 'v1alpha';
      return exchange(request);
    }
    if (code === GrpcStatus.UNIMPLEMENTED) {
      throw new ReflectionError(code, 'server does not support the reflection API', false);
    }
    throw new ReflectionError(code, code === GrpcStatus.OK ? 'the server ended the reflection stream' : message, true);
  };
  return {
    async ask(question) {
      const request = create(ServerReflectionRequestSchema, { messageRequest: question });
      const bytes = await exchange(toBinary(ServerReflectionRequestSchema, request));
      const { messageResponse } = fromBinary(ServerReflectionResponseSchema, bytes);
      if (messageResponse.case === 'errorResponse') {
        const { errorCode, errorMessage } = messageResponse.value;
        throw new ReflectionError(errorCode, errorMessage, false);
      }
      return messageResponse;
    },
    async close() {
      if (stream === undefined) return;
      const { call, messages } = stream;
      stream = undefined;
      call.closeSend();
      const timer = setTimeout(() => call.cancel(), closeTimeoutMs);
      await messages.next();
      clearTimeout(timer);
    },
  };
}
