import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
} from './gen/grpc/reflection/v1/reflection_pb.ts';
import { keepServices, type DescriptorPool, type PoolFile } from './descriptor-pool.ts';

/** Who asks, expressed as what they may see. */
export interface ReflectionView {
  /** Whether the service (full name) is visible to this caller. */
  allows(serviceName: string): boolean;
}

/** Answers reflection requests from a pool. */
export interface ReflectionResponder {
  /**
   * Answers one request message with one response message (both without the gRPC prefix), for
   * `grpc.reflection.v1` and `v1alpha` alike: their messages are the same on the wire. Never throws: what cannot be
   * answered is an `error_response`.
   */
  respond(request: Uint8Array, view: ReflectionView): Uint8Array;
}

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

const notFound = 5;
const invalidArgument = 3;

/**
 * Makes a responder over a merged pool, following grpc/doc/server-reflection.md.
 *
 * A caller sees the allowed services, their files with everything these import, and nothing else. Other services are
 * cut from the listing and from the files; a hidden name is answered exactly as an unknown one.
 */
export function createReflectionResponder(pool: DescriptorPool): ReflectionResponder {
  return {
    respond(encoded, view) {
      let request: ServerReflectionRequest;
      try {
        request = fromBinary(ServerReflectionRequestSchema, encoded);
      } catch (error) {
        return encode(
          create(ServerReflectionRequestSchema),
          failure(invalidArgument, `malformed request: ${String(error)}`),
        );
      }
      return encode(request, answer(pool, { question: request.messageRequest, view }));
    },
  };
}

function encode(request: ServerReflectionRequest, messageResponse: Answer): Uint8Array {
  return toBinary(
    ServerReflectionResponseSchema,
    create(ServerReflectionResponseSchema, { validHost: request.host, originalRequest: request, messageResponse }),
  );
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}

function answer(
  pool: DescriptorPool,
  call: { readonly question: ServerReflectionRequest['messageRequest']; readonly view: ReflectionView },
): Answer {
  const { question, view } = call;
  switch (question.case) {
    case 'listServices': {
      const visible = pool.services.filter((name) => view.allows(name));
      return { case: 'listServicesResponse', value: { service: visible.map((name) => ({ name })) } };
    }
    case 'fileByFilename': {
      const file = pool.filesByName.get(question.value);
      if (file === undefined || !isVisible(file, view)) return failure(notFound, `File not found: ${question.value}`);
      return fileAnswer(file, view);
    }
    case 'fileContainingSymbol': {
      const home = pool.symbols
        .get(question.value)
        ?.find(({ file, service }) => (service === undefined ? isVisible(file, view) : view.allows(service)));
      return home === undefined
        ? failure(notFound, `Symbol not found: ${question.value}`)
        : fileAnswer(home.file, view);
    }
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const found = visibleExtensions(pool, { type: containingType, view }).find(
        (one) => one.number === extensionNumber,
      );
      return found === undefined
        ? failure(notFound, `Extension not found: ${containingType} number ${extensionNumber}`)
        : fileAnswer(found.file, view);
    }
    case 'allExtensionNumbersOfType': {
      const type = question.value;
      if (
        pool.symbols.get(type)?.some(({ file, service }) => service === undefined && isVisible(file, view)) !== true
      ) {
        return failure(notFound, `Type not found: ${type}`);
      }
      const numbers = visibleExtensions(pool, { type, view }).map((one) => one.number);
      const extensionNumber = [...new Set(numbers)].sort((a, b) => a - b);
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: type, extensionNumber } };
    }
    case undefined:
    default:
      return failure(invalidArgument, 'the request asks for nothing that this server knows');
  }
}

function isVisible(file: PoolFile, view: ReflectionView): boolean {
  for (const service of file.reachedFrom) if (view.allows(service)) return true;
  return false;
}

function visibleExtensions(pool: DescriptorPool, wanted: { readonly type: string; readonly view: ReflectionView }) {
  return (pool.extensions.get(wanted.type) ?? []).filter((one) => isVisible(one.file, wanted.view));
}

/** The file asked for, then all it imports: clients need not ask again. */
function fileAnswer(file: PoolFile, view: ReflectionView): Answer {
  const files = new Set([file]);
  for (const one of files) one.imports.forEach((imported) => files.add(imported));
  return {
    case: 'fileDescriptorResponse',
    value: { fileDescriptorProto: [...files].map((one) => visibleBytes(one, view)) },
  };
}

function visibleBytes(file: PoolFile, view: ReflectionView): Uint8Array {
  const visible = file.services.filter((name) => view.allows(name));
  return visible.length === file.services.length ? file.file.bytes : keepServices(file.file, new Set(visible)).bytes;
}
