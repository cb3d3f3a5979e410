import { readFileSync, writeFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { startDeadline } from './deadline.ts';
import { dial, type Connection } from './dial.ts';
import { CallFailure, failureOf, step, UsageError } from './failure.ts';
import { usage } from './flags.ts';
import { quoteGo } from './go-text.ts';
import { startCall, type GrpcCall } from './grpc-call.ts';
import { StatusSchema } from '../../protobuf/index.ts';
import { invoke, resolveMethod, statusExitOffset } from './invoke.ts';
import { expandHeaders, parseMetadata, type Metadata } from './metadata.ts';
import { parseLine, type CallOptions } from './options.ts';
import { createPrinter, type MessagePrinter } from './printer.ts';
import { createReflectionClient, ReflectionError, type ReflectionClient } from './reflection-client.ts';
import { readRequests } from './request-reader.ts';
import { createCompositeSource, createFileSource, createReflectionSource, type TypeSource } from './type-source.ts';
import { describe, list } from './verbs.ts';

/** The process around a call, as arguments, so that tests can be it. */
export interface CallIo {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const exitOk = 0;
const exitFailure = 1;
const exitUsage = 2;

/**
 * `sallyport call`, with grpcurl's flags, output and exit codes: 0 ok, 1 failure before a status was known, 2 usage,
 * 64 + code when the call ended with an error status.
 */
export async function runCall(argv: readonly string[], io: CallIo): Promise<number> {
  const out = (text: string): Promise<void> => write(io.stdout, text);
  const err = (text: string): Promise<void> => write(io.stderr, text);
  // A reader that goes away (`| head`) fails the write, which is where it is reported; as an event it would end the process.
  io.stdout.on('error', ignore);
  try {
    const line = parseLine(argv);
    if (line.show !== 'result') {
      await err(line.show === 'help' ? usage() : `sallyport ${version()}\n`);
      return exitOk;
    }
    for (const warning of line.options.warnings) await err(`Warning: ${warning}\n`);
    return await runLine(line.options, { io, out, err });
  } catch (error) {
    if (error instanceof UsageError) {
      await err(`${error.message}\nTry 'sallyport call -help' for more details.\n`);
      return exitUsage;
    }
    if (!(error instanceof CallFailure)) throw error;
    await err(`${error.message}\n`);
    return exitFailure;
  } finally {
    io.stdout.off('error', ignore);
  }
}

function ignore(): void {}

interface Session {
  readonly io: CallIo;
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => Promise<void>;
}

async function runLine(options: CallOptions, session: Session): Promise<number> {
  const { flags, action } = options;
  const headers = await readHeaders(options, session.io.env);
  const files = await step('Failed to process proto descriptor sets.', () => readProtosets(flags.protoset));
  const deadline = startDeadline(flags['max-time'] ?? 0);
  let connection: Connection | undefined;
  let reflection: ReflectionClient | undefined;
  try {
    if (options.useReflection || action.verb === 'invoke') connection = await dial(options, deadline.signal);
    const wire = {
      deadline,
      userAgent: userAgent(options),
      maxMessageBytes: flags['max-msg-sz'] || defaultMaxMessageBytes,
    };
    const open = (path: string, metadata: Metadata): GrpcCall => {
      if (connection === undefined) throw new CallFailure('there is no connection');
      return startCall(connection, { path, metadata, ...wire });
    };
    if (options.useReflection) reflection = createReflectionClient((path) => open(path, headers.reflection));
    const types = typeSource(reflection, files);
    const printer = createPrinter({
      format: options.format,
      types,
      emitDefaults: flags['emit-defaults'] === true,
      separate: options.verbosity === 0,
    });
    if (action.verb === 'invoke') {
      const rpc = (path: string): GrpcCall => open(path, headers.rpc);
      return await runInvoke(action.method, { options, session, types, printer, metadata: headers.rpc, open: rpc });
    }
    const templates =
      flags['msg-template'] === true
        ? createPrinter({ format: options.format, types, emitDefaults: true, separate: false })
        : undefined;
    const run = action.verb === 'list' ? list : describe;
    const symbols = await run({ types, symbol: action.symbol, out: session.out, templates });
    await writeProtoset(options, { types, symbols });
    return exitOk;
  } finally {
    await reflection?.close();
    connection?.close();
    deadline.clear();
  }
}

async function runInvoke(
  name: string,
  run: {
    readonly options: CallOptions;
    readonly session: Session;
    readonly types: TypeSource;
    readonly printer: MessagePrinter;
    readonly metadata: Metadata;
    readonly open: (path: string) => GrpcCall;
  },
): Promise<number> {
  const { options, session, types } = run;
  const { stdin } = session.io;
  const { flags } = options;
  const what = `Error invoking method ${quoteGo(name)}`;
  try {
    const method = await step(what, async () => {
      const resolved = await resolveMethod(name, types);
      await types.loadExtensions(resolved.input);
      await types.loadExtensions(resolved.output);
      return resolved;
    });
    const requests = readRequests(flags.d === '@' ? textOf(stdin) : once(flags.d ?? ''), {
      format: options.format,
      schema: method.input,
      registry: types.registry(),
      allowUnknownFields: flags['allow-unknown-fields'] === true,
    });
    const code = await step(what, () =>
      invoke({
        ...run,
        method,
        requests,
        open: () => run.open(`/${method.parent.typeName}/${method.name}`),
        verbosity: options.verbosity,
        formatError: flags['format-error'] === true,
        out: session.out,
        err: session.err,
      }),
    );
    await writeProtoset(options, { types, symbols: [method.parent.typeName] });
    return code;
  } catch (error) {
    const status = flags['format-error'] === true ? statusOf(error) : undefined;
    if (status === undefined) throw error;
    await session.err(await run.printer.format(StatusSchema, create(StatusSchema, status)));
    return statusExitOffset + status.code;
  } finally {
    // A call may end while input is still open; a pending read would keep the process.
    if (flags.d === '@' && 'destroy' in stdin && typeof stdin.destroy === 'function') stdin.destroy();
  }
}

/** The gRPC status that a failed lookup ended with. */
function statusOf(error: unknown): { readonly code: number; readonly message: string } | undefined {
  if (error instanceof ReflectionError)
    return error.isStatus ? { code: error.code, message: error.message } : undefined;
  return error instanceof Error ? statusOf(error.cause) : undefined;
}

/** grpc-go's default, which users know from grpcurl. */
const defaultMaxMessageBytes = 4_194_304;

async function readHeaders(
  options: CallOptions,
  env: CallIo['env'],
): Promise<{ readonly rpc: Metadata; readonly reflection: Metadata }> {
  const { flags } = options;
  const read = (lines: readonly string[], kind: string): Promise<readonly string[]> =>
    flags['expand-headers'] === true
      ? step(`Failed to expand ${kind} headers`, () => expandHeaders(lines, env))
      : Promise.resolve(lines);
  const both = await read(flags.H, 'additional');
  return {
    rpc: parseMetadata([...both, ...(await read(flags['rpc-header'], 'rpc'))]),
    reflection: parseMetadata([...both, ...(await read(flags['reflect-header'], 'reflection'))]),
  };
}

function readProtosets(names: readonly string[]): Uint8Array[] {
  return names.flatMap((name) => {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(name);
    } catch (error) {
      throw failureOf(`could not load protoset file ${quoteGo(name)}`, error);
    }
    try {
      return fromBinary(FileDescriptorSetSchema, bytes).file.map((file) => toBinary(FileDescriptorProtoSchema, file));
    } catch (error) {
      throw failureOf(`could not parse contents of protoset file ${quoteGo(name)}`, error);
    }
  });
}

async function writeProtoset(
  options: CallOptions,
  what: { readonly types: TypeSource; readonly symbols: readonly string[] },
): Promise<void> {
  const name = options.flags['protoset-out'];
  if (name === undefined || name === '') return;
  await step(`Failed to write protoset to ${name}`, async () => {
    const files = await what.types.filesOf(what.symbols);
    const set = create(FileDescriptorSetSchema, {
      file: files.map((file) => fromBinary(FileDescriptorProtoSchema, file)),
    });
    writeFileSync(name, toBinary(FileDescriptorSetSchema, set));
  });
}

function typeSource(reflection: ReflectionClient | undefined, files: readonly Uint8Array[]): TypeSource {
  const fileSource = createFileSource(files);
  if (reflection === undefined) return fileSource;
  const reflectionSource = createReflectionSource(reflection);
  return files.length === 0 ? reflectionSource : createCompositeSource(reflectionSource, fileSource);
}

function userAgent(options: CallOptions): string {
  const own = `sallyport-call/${version()}`;
  const given = options.flags['user-agent'] ?? '';
  return given === '' ? own : `${given} ${own}`;
}

function version(): string {
  const file = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version: text }: { readonly version: string } = JSON.parse(file);
  return text;
}

async function* once(text: string): AsyncGenerator<string> {
  if (text !== '') yield text;
}

async function* textOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) yield typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
}

/** Waits where the reader is slow, so that a long stream does not pile up in memory. */
function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}
