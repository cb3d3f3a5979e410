import { learnerLimits } from './reflection-limits.ts';
import { bytesOf, readFields, textOf, textsOf, writeText } from './reflection-wire.ts';

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

/** Fields of `ServerReflectionRequest` (grpc/doc/server-reflection.md). */
const questionFields = { fileByFilename: 3, fileContainingSymbol: 4, listServices: 7 } as const;
/** Fields of `ServerReflectionResponse`. */
const answerFields = { fileDescriptors: 4, listServices: 6, error: 7 } as const;

interface Question {
  readonly about: keyof typeof questionFields;
  readonly value: string;
}

/** Not asked for: their meaning is fixed, who reads descriptors brings them along, and some servers have none to give. */
const wellKnownFiles: ReadonlySet<string> = new Set(
  [
    ...['any', 'api', 'descriptor', 'duration', 'empty', 'field_mask'],
    ...['source_context', 'struct', 'timestamp', 'type', 'wrappers'],
  ].map((name) => `google/protobuf/${name}.proto`),
);

/**
 * Starts a learner; `changes` take the place of `learnerLimits`.
 *
 * It reads only what it needs of the answers: for that, the Protobuf library would be 13 MiB of each sidecar's memory and half of
 * its start. Whether a descriptor is good in itself is seen by those who read it.
 */
export function createDescriptorLearner(
  changes: Readonly<Partial<Record<keyof typeof learnerLimits, number>>> = {},
): DescriptorLearner {
  const limits = { ...learnerLimits, ...changes };
  const questions: Question[] = [{ about: 'listServices', value: '*' }];
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
  const ask = (question: Question): void => {
    if (question.value.length > limits.maxNameLength) {
      problems.push(`the name ${JSON.stringify(question.value.slice(0, 80))}… is longer than ${limits.maxNameLength}`);
    } else if (!asked.has(`${question.about} ${question.value}`)) {
      asked.add(`${question.about} ${question.value}`);
      questions.push(question);
    }
  };
  const addFile = (encoded: Uint8Array): void => {
    // `FileDescriptorProto`: its name, and what it imports.
    const fields = readFields(encoded);
    const name = textOf(fields, 1);
    if (isStopped || files.has(name)) return;
    if (files.size === limits.maxFiles) return stop(`more than ${limits.maxFiles} files`);
    bytes += encoded.byteLength;
    if (bytes > limits.maxBytes) return stop(`descriptors are larger than ${limits.maxBytes} bytes`);
    files.set(name, encoded);
    for (const imported of textsOf(fields, 3)) {
      if (!wellKnownFiles.has(imported)) ask({ about: 'fileByFilename', value: imported });
    }
  };
  const takeServices = (list: Uint8Array): void => {
    services = bytesOf(readFields(list), 1).map((service) => textOf(readFields(service), 1));
    if (services.length > limits.maxServices) {
      problems.push(`more than ${limits.maxServices} services; the rest is left out`);
      services = services.slice(0, limits.maxServices);
    }
    for (const name of services) ask({ about: 'fileContainingSymbol', value: name });
  };
  const take = (response: Uint8Array): void => {
    const fields = readFields(response);
    const [list] = bytesOf(fields, answerFields.listServices);
    const [descriptors] = bytesOf(fields, answerFields.fileDescriptors);
    const [failure] = bytesOf(fields, answerFields.error);
    if (list !== undefined) takeServices(list);
    else if (descriptors !== undefined) bytesOf(readFields(descriptors), 1).forEach(addFile);
    else if (failure !== undefined) {
      const error = readFields(failure);
      problems.push(`error ${error.find(({ field }) => field === 1)?.number ?? 0}: ${textOf(error, 2)}`);
    } else problems.push('an answer to something else');
  };
  const dropKnownFiles = (): void => {
    while (questions[0]?.about === 'fileByFilename' && files.has(questions[0].value)) questions.shift();
  };

  return {
    next() {
      if (isWaiting || isStopped) return undefined;
      dropKnownFiles();
      const question = questions.shift();
      if (question === undefined) return undefined;
      isWaiting = true;
      return writeText(questionFields[question.about], question.value);
    },
    receive(response) {
      isWaiting = false;
      if (isStopped) return;
      try {
        take(response);
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
