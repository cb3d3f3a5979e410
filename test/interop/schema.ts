/** The interop service as plain objects: what each stack here and the Python scripts are given. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition as LoadedService } from '@grpc/proto-loader';
import { buf } from './executables.ts';

export const protoDir = join(import.meta.dirname, 'proto');

const loaded = loadSync('grpc/testing/test.proto', {
  includeDirs: [protoDir],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
});

export interface BoolValue {
  readonly value: boolean;
}

export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export interface ResponseParameters {
  readonly size: number;
  readonly interval_us?: number;
  readonly compressed?: BoolValue | null;
}

/** The fields of all messages of the service; each message has some of them. */
export interface TestMessage {
  readonly payload?: { readonly body: Buffer } | null;
  readonly response_size?: number;
  readonly response_status?: EchoStatus | null;
  readonly response_compressed?: BoolValue | null;
  readonly expect_compressed?: BoolValue | null;
  readonly response_parameters?: readonly ResponseParameters[];
  readonly aggregated_payload_size?: number;
}

export const methodNames = [
  'EmptyCall',
  'UnaryCall',
  'StreamingOutputCall',
  'StreamingInputCall',
  'FullDuplexCall',
  'HalfDuplexCall',
] as const;
export type MethodName = (typeof methodNames)[number];

export type TestMethod = MethodDefinition<TestMessage, TestMessage>;

const service = loaded['grpc.testing.TestService'] as LoadedService as ServiceDefinition;
const absentService = loaded['grpc.testing.UnimplementedService'] as LoadedService as ServiceDefinition;

/** The methods that servers implement. */
export const methods = Object.fromEntries(methodNames.map((name) => [name, service[name]])) as Record<
  MethodName,
  TestMethod
>;
/** Methods that no server has. */
export const absentMethod = service['UnimplementedCall'] as TestMethod;
export const methodOfAbsentService = absentService['UnimplementedCall'] as TestMethod;

let built: Buffer | undefined;

/** A serialized `FileDescriptorSet` of the service, as the compiler makes it (protobufjs's descriptors are not complete). */
export function descriptorSet(): Buffer {
  built ??= execFileSync(buf, ['build', protoDir, '-o', '-#format=binpb']);
  return built;
}

/** The service as `@bufbuild/protobuf` knows it. */
export function describedService(name: 'TestService' | 'UnimplementedService'): DescService {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet()));
  const found = registry.getService(`grpc.testing.${name}`);
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

export function payload(size: number): { readonly body: Buffer } {
  return { body: Buffer.alloc(size) };
}
