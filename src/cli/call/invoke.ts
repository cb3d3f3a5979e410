import { toBinary, fromBinary, type DescMethod, type Message } from '@bufbuild/protobuf';
import { GrpcStatus } from '../../grpc/index.ts';
import { StatusSchema } from '../../protobuf/index.ts';
import { CallFailure, failureOf, reasonOf } from './failure.ts';
import { quoteGo } from './go-text.ts';
import type { CallResult, GrpcCall } from './grpc-call.ts';
import { formatMetadata, type Metadata } from './metadata.ts';
import type { MessagePrinter } from './printer.ts';
import { printProto } from './proto-printer.ts';
import type { RequestReader } from './request-reader.ts';
import { ReflectionError } from './reflection-client.ts';
import { codeName, richStatus, statusText } from './status.ts';
import { SymbolNotFound, type TypeSource } from './type-source.ts';

/** Exit code of a call that ended with status code `n` is this plus `n`, to be told from 1 and 2. */
export const statusExitOffset = 64;

export interface Invocation {
  readonly method: DescMethod;
  readonly types: TypeSource;
  readonly printer: MessagePrinter;
  readonly requests: RequestReader;
  readonly metadata: Metadata;
  /** Starts the call to the method. */
  readonly open: () => GrpcCall;
  readonly verbosity: number;
  readonly formatError: boolean;
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => Promise<void>;
}

/**
 * Finds the method that `service/Method` or `service.Method` names.
 *
 * @throws {CallFailure} in grpcurl's words when the server has none.
 */
export async function resolveMethod(name: string, types: TypeSource): Promise<DescMethod> {
  const slash = name.lastIndexOf('/');
  const cut = slash >= 0 ? slash : name.lastIndexOf('.');
  const [service, method] = cut < 0 ? ['', ''] : [name.slice(0, cut), name.slice(cut + 1)];
  if (service === '' || method === '') {
    throw new CallFailure(
      `given method name ${quoteGo(name)} is not in expected format: 'service/method' or 'service.method'`,
    );
  }
  const missing = `target server does not expose service ${quoteGo(service)}`;
  const found = await types.find(service).catch((error: unknown) => {
    if (error instanceof SymbolNotFound) throw new CallFailure(missing, { cause: error });
    const words = `failed to query for service descriptor ${quoteGo(service)}`;
    if (error instanceof ReflectionError && error.isStatus) {
      const text = `${words}: ${error.message}`;
      throw new CallFailure(statusText(error.code, text), { cause: new ReflectionError(error.code, text, true) });
    }
    throw failureOf(words, error);
  });
  if (found.kind !== 'service') throw new CallFailure(missing);
  const resolved = found.methods.find((one) => one.name === method);
  if (resolved === undefined) {
    throw new CallFailure(`service ${quoteGo(service)} does not include a method named ${quoteGo(method)}`);
  }
  return resolved;
}

/**
 * Makes the call and prints what comes, as it comes. Answers the exit code.
 *
 * @throws {CallFailure} when the request data does not parse or does not fit the method.
 */
export async function invoke(call: Invocation): Promise<number> {
  const { method, verbosity, out } = call;
  if (verbosity > 0) {
    await out(`\nResolved method descriptor:\n${printProto(method, call.types.registry())}\n`);
    await out(`\nRequest metadata to send:\n${formatMetadata(call.metadata)}\n`);
  }
  const isClientStreaming = method.proto.clientStreaming;
  const single = isClientStreaming ? undefined : await singleRequest(call);
  const rpc = call.open();
  const sending = send(rpc, { call, single });
  // Awaited below; until then a failure must not count as unhandled.
  sending.catch(() => {});
  const received = await receive(rpc, call);
  // When the call ended by itself, a sender that waits for more input has nobody to send to.
  const failure = await Promise.race([
    sending.then(
      () => undefined,
      (error: unknown) => error,
    ),
    afterTurn(),
  ]);
  if (failure !== undefined) throw failure instanceof Error ? failure : new CallFailure(reasonOf(failure));
  return finish(call, received);
}

/** Lets settled promises be seen before giving up on them. */
function afterTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}

async function singleRequest({ method, requests }: Invocation): Promise<Uint8Array> {
  const kind = method.proto.serverStreaming ? 'server-streaming' : 'unary';
  const read = (): Promise<Message | undefined> =>
    requests.next().catch((error: unknown) => {
      throw failureOf('error getting request data', error);
    });
  const first = await read();
  if (first === undefined) return new Uint8Array();
  if ((await read()) !== undefined) {
    const name = quoteGo(`${method.parent.typeName}.${method.name}`);
    throw new CallFailure(`method ${name} is a ${kind} RPC, but request data contained more than 1 message`);
  }
  return toBinary(method.input, first);
}

async function send(
  rpc: GrpcCall,
  what: { readonly call: Invocation; readonly single: Uint8Array | undefined },
): Promise<void> {
  const { method, requests } = what.call;
  if (what.single !== undefined) {
    await rpc.send(what.single);
    return rpc.closeSend();
  }
  try {
    for (let message = await requests.next(); message !== undefined; message = await requests.next()) {
      await rpc.send(toBinary(method.input, message));
    }
  } catch (error) {
    rpc.cancel();
    throw failureOf('error getting request data', error);
  }
  rpc.closeSend();
}

interface Received {
  readonly result: CallResult;
  readonly count: number;
}

async function receive(rpc: GrpcCall, call: Invocation): Promise<Received> {
  const { method, printer, verbosity, out } = call;
  let count = 0;
  const headers = rpc.headers.then((metadata) =>
    verbosity > 0 ? out(`\nResponse headers received:\n${formatMetadata(metadata)}\n`) : undefined,
  );
  for await (const bytes of rpc.messages()) {
    await headers;
    count += 1;
    if (verbosity > 1) await out(`\nEstimated response size: ${bytes.byteLength} bytes\n`);
    if (verbosity > 0) await out('\nResponse contents:\n');
    await out(`${await formatResponse(bytes, { method, printer, count })}\n`);
  }
  await headers;
  const result = await rpc.result;
  if (verbosity > 0) await out(`\nResponse trailers received:\n${formatMetadata(result.trailers)}\n`);
  return { result, count };
}

async function formatResponse(
  bytes: Uint8Array,
  as: { readonly method: DescMethod; readonly printer: MessagePrinter; readonly count: number },
): Promise<string> {
  try {
    return await as.printer.format(as.method.output, fromBinary(as.method.output, bytes));
  } catch (error) {
    return `Failed to format response message ${as.count}: ${reasonOf(error)}`;
  }
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

async function finish(call: Invocation, { result, count }: Received): Promise<number> {
  if (call.verbosity > 0) {
    const { count: sent } = call.requests;
    await call.out(`Sent ${plural(sent, 'request')} and received ${plural(count, 'response')}\n`);
  }
  if (result.code === GrpcStatus.OK) return 0;
  await call.err(await failedStatus(result, call));
  return statusExitOffset + result.code;
}

async function failedStatus(result: CallResult, call: Invocation): Promise<string> {
  const status = richStatus(result);
  if (call.formatError) return call.printer.format(StatusSchema, status);
  const lines = ['ERROR:', `  Code: ${codeName(result.code)}`, `  Message: ${result.message}`];
  if (status.details.length > 0) lines.push('  Details:');
  for (const [index, detail] of status.details.entries()) {
    const prefix = `  ${index + 1})`;
    const text = await call.printer
      .formatAny(detail)
      .catch((error: unknown) => `Error parsing detail message: ${reasonOf(error)}`);
    const [first = '', ...rest] = text.split('\n');
    lines.push(`${prefix}\t${first}`, ...rest.map((line) => `${' '.repeat(prefix.length)}\t${line}`));
  }
  return `${lines.join('\n')}\n`;
}
