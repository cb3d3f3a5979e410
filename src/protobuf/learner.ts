import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from './gen/grpc/reflection/v1/reflection_pb.ts';
import { decodeDescriptorFile } from './descriptor-file.ts';
import { learnerLimits } from './limits.ts';
import { wellKnownFiles } from './well-known.ts';

/** What a workload told about itself. */
export interface LearnedDescriptors {
  /** FileDescriptorProto bytes, one per file name, in the order received. */
  readonly files: readonly Uint8Array[];
  /** Full names of the services it lists. */
  readonly services: readonly string[];
  /** What could not be learned and why, for the log; learning goes on past them where it can. */
  readonly problems: readonly string[];
}

/**
 * Asks a reflection server for everything it serves, one request at a time: its services, the file of each service,
 * then each imported file that did not come along. Moves no bytes itself.
 *
 * Usage: send `next()` whenever it is not `undefined`, give each response message to `receive`, half-close when
 * `isDone`. Messages are without the five-byte gRPC prefix, and the same for v1 and v1alpha: the two versions differ in
 * their package name alone. When the server answers UNIMPLEMENTED for v1, start a new learner on v1alpha.
 */
export interface DescriptorLearner {
  /** The next request message to send, `undefined` while an answer is awaited and at the end. */
  next(): Uint8Array | undefined;
  receive(response: Uint8Array): void;
  readonly isDone: boolean;
  /** What has been learned so far; complete when `isDone`. */
  result(): LearnedDescriptors;
}

type Question = ServerReflectionRequest['messageRequest'];

/** Starts a learner; `changes` take the place of the limits of this folder. */
export function createDescriptorLearner(
  changes: Readonly<Partial<Record<keyof typeof learnerLimits, number>>> = {},
): DescriptorLearner {
  const limits = { ...learnerLimits, ...changes };
  const questions: Question[] = [{ case: 'listServices', value: '*' }];
  const asked = new Set<string>();
  const files = new Map<string, Uint8Array>();
  const problems: string[] = [];
  let services: readonly string[] = [];
  let bytes = 0;
  let isWaiting = false;
  let isStopped = false;

  const stop = (problem: string): void => {
    problems.push(problem);
    isStopped = true;
  };
  const ask = (question: Question & { readonly value: string }): void => {
    if (question.value.length > limits.maxNameLength) {
      problems.push(`the name ${JSON.stringify(question.value.slice(0, 80))}… is longer than ${limits.maxNameLength}`);
    } else if (!asked.has(`${question.case} ${question.value}`)) {
      asked.add(`${question.case} ${question.value}`);
      questions.push(question);
    }
  };
  const addFile = (encoded: Uint8Array): void => {
    const { proto } = decodeDescriptorFile(encoded);
    if (isStopped || files.has(proto.name)) return;
    if (files.size === limits.maxFiles) return stop(`more than ${limits.maxFiles} files`);
    bytes += encoded.byteLength;
    if (bytes > limits.maxBytes) return stop(`descriptors are larger than ${limits.maxBytes} bytes`);
    files.set(proto.name, encoded);
    for (const name of proto.dependency) {
      if (!wellKnownFiles.has(name)) ask({ case: 'fileByFilename', value: name });
    }
  };
  const take = (answer: ServerReflectionResponse['messageResponse']): void => {
    if (answer.case === 'listServicesResponse') {
      services = answer.value.service.map((service) => service.name);
      if (services.length > limits.maxServices) {
        problems.push(`more than ${limits.maxServices} services; the rest is left out`);
        services = services.slice(0, limits.maxServices);
      }
      for (const name of services) ask({ case: 'fileContainingSymbol', value: name });
    } else if (answer.case === 'fileDescriptorResponse') {
      answer.value.fileDescriptorProto.forEach(addFile);
    } else if (answer.case === 'errorResponse') {
      problems.push(`error ${answer.value.errorCode}: ${answer.value.errorMessage}`);
    } else {
      problems.push(`unexpected answer ${answer.case ?? '(none)'}`);
    }
  };
  const dropKnownFiles = (): void => {
    while (questions[0]?.case === 'fileByFilename' && files.has(questions[0].value)) questions.shift();
  };

  return {
    next() {
      if (isWaiting || isStopped) return undefined;
      dropKnownFiles();
      const question = questions.shift();
      if (question === undefined) return undefined;
      isWaiting = true;
      return toBinary(
        ServerReflectionRequestSchema,
        create(ServerReflectionRequestSchema, { messageRequest: question }),
      );
    },
    receive(response) {
      isWaiting = false;
      if (isStopped) return;
      try {
        take(fromBinary(ServerReflectionResponseSchema, response).messageResponse);
      } catch (error) {
        stop(`not a reflection answer: ${String(error)}`);
      }
    },
    get isDone() {
      if (isStopped) return true;
      dropKnownFiles();
      return !isWaiting && questions.length === 0;
    },
    result: () => ({ files: [...files.values()], services, problems }),
  };
}
