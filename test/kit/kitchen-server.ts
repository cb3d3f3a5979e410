/**
 * A gRPC server on @grpc/grpc-js that knows its messages as bytes only, with reflection from descriptors that `buf build`
 * made of the protos in `kitchen/`. Serves `kitchen.v1.Kitchen`, `kitchen.v1.Pantry` and `legacy.Attic`.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type JsonObject,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  Metadata,
  Server,
  ServerCredentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { createDescriptorPool, createReflectionResponder } from '../../src/protobuf/index.ts';

/** What a test may change. */
export interface KitchenOptions {
  readonly credentials?: ServerCredentials;
  /** Default: both versions. */
  readonly reflection?: readonly ('v1' | 'v1alpha')[];
  /** Services shown by reflection; default: all. */
  readonly visible?: (service: string) => boolean;
}

export interface SeenCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly authority: string;
}

export interface KitchenServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  /** The calls that came in, but for those that fail on purpose. */
  readonly seen: readonly SeenCall[];
  /** Resolves when a call has been cancelled by its client. */
  readonly cancelled: Promise<void>;
  stop(): void;
}

/** The descriptor set of the protos, built without network. */
export function buildKitchenSet(): Buffer {
  const root = join(import.meta.dirname, '../..');
  const buf = join(root, 'node_modules/.bin/buf');
  return execFileSync(buf, ['build', join(import.meta.dirname, 'kitchen'), '-o', '-#format=binpb'], { cwd: root });
}

/** The files of the set as single descriptors, without source info as servers have them. */
export function kitchenFiles(): Uint8Array[] {
  return fromBinary(FileDescriptorSetSchema, buildKitchenSet()).file.map((file) => {
    const { sourceCodeInfo: _, ...rest } = file;
    return toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, rest));
  });
}

/** Messages of the kitchen from and to JSON. */
function kitchenCodec(): {
  encode(type: string, json: JsonObject): Buffer;
  decode(type: string, bytes: Uint8Array): JsonObject;
} {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, buildKitchenSet()));
  const schemaOf = (type: string) => {
    const schema = registry.getMessage(type);
    if (schema === undefined) throw new Error(`the kitchen has no ${type}`);
    return schema;
  };
  return {
    encode: (type, json) => Buffer.from(toBinary(schemaOf(type), fromJson(schemaOf(type), json))),
    decode: (type, bytes) => toJson(schemaOf(type), fromBinary(schemaOf(type), bytes)) as JsonObject,
  };
}

const unary = { requestStream: false, responseStream: false };
const serverStream = { requestStream: false, responseStream: true };
const clientStream = { requestStream: true, responseStream: false };
const bidi = { requestStream: true, responseStream: true };

const same = (bytes: Buffer): Buffer => bytes;

/** A service whose messages are bytes. */
function define(service: string, methods: Readonly<Record<string, typeof unary>>): ServiceDefinition {
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, kind]) => [name, { path: `/${service}/${name}`, ...kind, ...codec }]),
  );
}

const echo: handleUnaryCall<Buffer, Buffer> = (call, respond) => respond(null, call.request);

/** The headers and trailers that successful calls of the kitchen carry. */
function greeting(): { readonly headers: Metadata; readonly trailers: Metadata } {
  const headers = new Metadata();
  headers.set('x-greeting', 'hello');
  const trailers = new Metadata();
  trailers.set('x-farewell', 'bye');
  trailers.set('x-sum-bin', Buffer.from([1, 2, 255]));
  return { headers, trailers };
}

/** Starts the server on a free port of the loopback. */
export async function startKitchen(options: KitchenOptions = {}): Promise<KitchenServer> {
  const server = new Server();
  const seen: SeenCall[] = [];
  const cancelled = Promise.withResolvers<void>();
  const codec = kitchenCodec();
  const count = (bytes: Buffer): number => Number(codec.decode('kitchen.v1.Count', bytes)['count'] ?? 0);
  const counted = (value: number): Buffer => codec.encode('kitchen.v1.Count', { count: value });
  type AnyCall = Pick<ServerUnaryCall<Buffer, Buffer>, 'metadata' | 'getHost' | 'getPath'> & {
    on(event: 'cancelled', listener: () => void): unknown;
  };
  const note = (call: AnyCall): void => {
    seen.push({ path: call.getPath(), metadata: call.metadata, authority: call.getHost() });
    call.on('cancelled', () => cancelled.resolve());
  };

  const echoNoted: handleUnaryCall<Buffer, Buffer> = (call, respond) => {
    note(call);
    call.sendMetadata(greeting().headers);
    respond(null, call.request, greeting().trailers);
  };
  const expand: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    note(call);
    for (let i = 1; i <= count(call.request); i += 1) call.write(counted(i));
    call.end();
  };
  const collect: handleClientStreamingCall<Buffer, Buffer> = (call, respond) => {
    note(call);
    let sum = 0;
    call.on('data', (bytes: Buffer) => (sum += count(bytes)));
    call.on('end', () => respond(null, counted(sum)));
  };
  const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    note(call);
    call.on('data', (bytes: Buffer) => call.write(bytes));
    call.on('end', () => call.end());
  };
  const fail: handleUnaryCall<Buffer, Buffer> = (call, respond) => {
    const { code, message, details } = codec.decode('kitchen.v1.Failure', call.request);
    const metadata = new Metadata();
    if (typeof details === 'string') metadata.set('grpc-status-details-bin', Buffer.from(details, 'base64'));
    respond({ code: Number(code), details: typeof message === 'string' ? message : '', metadata });
  };
  const methods = { Echo: unary, Expand: serverStream, Collect: clientStream, Chat: bidi, Fail: unary, Http: unary };
  const handlers = { Echo: echoNoted, Expand: expand, Collect: collect, Chat: chat, Fail: fail, Http: echo };
  server.addService(define('kitchen.v1.Kitchen', methods), handlers);
  server.addService(define('kitchen.v1.Pantry', { Open: unary }), { Open: echo });
  server.addService(define('legacy.Attic', { Keep: unary }), { Keep: echo });
  addReflection(server, options);
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = options.credentials ?? ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    address: `127.0.0.1:${port}`,
    port,
    seen,
    cancelled: cancelled.promise,
    stop: () => server.forceShutdown(),
  };
}

function addReflection(server: Server, options: KitchenOptions): void {
  const responder = createReflectionResponder(createDescriptorPool([{ files: kitchenFiles() }]));
  const view = { allows: options.visible ?? (() => true) };
  const answer: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on('data', (request: Buffer) => call.write(Buffer.from(responder.respond(request, view))));
    call.on('end', () => call.end());
  };
  for (const version of options.reflection ?? ['v1', 'v1alpha']) {
    const service = `grpc.reflection.${version}.ServerReflection`;
    server.addService(define(service, { ServerReflectionInfo: bidi }), { ServerReflectionInfo: answer });
  }
}
