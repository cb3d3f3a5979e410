/** `grpc.health.v1.Health` on grpc-js with messages of a foreign library, whose answers a test sets. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, createFileRegistry, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';

const file = join(dirname(dirname(import.meta.dirname)), 'examples', 'asset-management', 'proto', 'health.binpb');
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
const request = messageNamed('grpc.health.v1.HealthCheckRequest');
const response = messageNamed('grpc.health.v1.HealthCheckResponse');

const definition: grpc.ServiceDefinition = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes: Buffer) => fromBinary(request, bytes),
    responseSerialize: (status: number) => Buffer.from(toBinary(response, create(response, { status }))),
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

/** Values of `ServingStatus`. */
const servingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2 } as const;

export interface HealthService {
  /** By service name; others are NOT_FOUND, as the specification says. */
  readonly statuses: Map<string, keyof typeof servingStatus | 'hang'>;
  /** Names asked for, newest last. */
  readonly asked: string[];
  /** Resolves at the next question. */
  nextQuestion(): Promise<void>;
}

/** Adds the service to a server. */
export function addHealthService(server: grpc.Server, statuses: HealthService['statuses']): HealthService {
  const asked: string[] = [];
  let waiting: (() => void)[] = [];
  server.addService(definition, {
    Check: (call: grpc.ServerUnaryCall<{ readonly service: string }, number>, done: grpc.sendUnaryData<number>) => {
      const { service } = call.request;
      asked.push(service);
      for (const resolve of waiting.splice(0)) resolve();
      const status = statuses.get(service);
      if (status === undefined) done({ code: grpc.status.NOT_FOUND, details: 'unknown service' });
      else if (status !== 'hang') done(null, servingStatus[status]);
    },
  });
  return { statuses, asked, nextQuestion: () => new Promise((resolve) => (waiting = [...waiting, resolve])) };
}

function messageNamed(name: string): DescMessage {
  const found = registry.getMessage(name);
  if (found === undefined) throw new Error(`no message ${name} in ${file}`);
  return found;
}
