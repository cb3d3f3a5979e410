import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type AnyDefinition,
  type EnumTypeDefinition,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';

const protoDirectory = fileURLToPath(new URL('../proto/', import.meta.url));

/** 64-bit integers as strings, so that no amount of money ever passes through a floating-point number. */
const loadOptions = {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [protoDirectory],
};

const assetPackage = loadSync('asset.proto', loadOptions);
const errorPackage = loadSync('google/rpc/error.proto', loadOptions);

export const ASSET_SERVICE_NAME = 'asset.AssetService';

/** The service definition, for a server or a client of @grpc/grpc-js. */
export const assetService = serviceDefinition(assetPackage[ASSET_SERVICE_NAME]);

/** The error detail messages that this service sends. */
export const errorMessages = {
  status: errorMessage('Status'),
  errorInfo: errorMessage('ErrorInfo'),
  badRequest: errorMessage('BadRequest'),
  preconditionFailure: errorMessage('PreconditionFailure'),
  resourceInfo: errorMessage('ResourceInfo'),
};

function errorMessage(name: string): MessageTypeDefinition<object, object> {
  const definition = errorPackage[`google.rpc.${name}`];
  if (definition === undefined || !isMessageDefinition(definition)) throw new Error(`error.proto lacks ${name}`);
  return definition;
}

/**
 * What server reflection shows. The descriptors that proto-loader derives lack imports and JSON names, which reflection
 * clients refuse, so reflection gets those of a real compiler (README.md tells how to write them anew).
 */
export function reflectionPackage(): PackageDefinition {
  const sets = ['asset.binpb', 'health.binpb'].map((name) => readFileSync(`${protoDirectory}${name}`));
  const fileDescriptorProtos = sets.flatMap(splitDescriptorSet);
  const format = 'Protocol Buffer 3 DescriptorProto';
  return { all: { format, type: {}, fileDescriptorProtos, serialize: refuse, deserialize: refuse } };
}

function refuse(): never {
  throw new Error('this definition is for reflection only');
}

function serviceDefinition(definition: AnyDefinition | undefined): ServiceDefinition {
  if (definition === undefined || isTypeDefinition(definition))
    throw new Error(`asset.proto lacks ${ASSET_SERVICE_NAME}`);
  return definition;
}

function isMessageDefinition(definition: AnyDefinition): definition is MessageTypeDefinition<object, object> {
  return isTypeDefinition(definition) && 'serialize' in definition;
}

/** Messages and enums have a format; a service has methods only. */
function isTypeDefinition(
  definition: AnyDefinition,
): definition is MessageTypeDefinition<object, object> | EnumTypeDefinition {
  return typeof definition['format'] === 'string';
}

const FILE_FIELD_TAG = 0x0a; // field 1, length-delimited

/** The encoded files of a google.protobuf.FileDescriptorSet, whose only field is `repeated FileDescriptorProto file = 1`. */
function splitDescriptorSet(set: Buffer): Buffer[] {
  const files: Buffer[] = [];
  let offset = 0;
  while (offset < set.length) {
    if (set[offset] !== FILE_FIELD_TAG) throw new Error(`not a FileDescriptorSet (byte ${offset})`);
    offset += 1;
    let length = 0;
    let factor = 1;
    for (let more = true; more; offset += 1) {
      const byte = set.readUInt8(offset);
      length += (byte & 0x7f) * factor;
      factor *= 0x80;
      more = byte >= 0x80;
    }
    files.push(set.subarray(offset, offset + length));
    offset += length;
  }
  return files;
}
