import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/** One `.proto` file as a descriptor, with the bytes it came in: untouched files are answered byte for byte. */
export interface DescriptorFile {
  readonly proto: FileDescriptorProto;
  readonly bytes: Uint8Array;
}

/** @throws when the bytes are not a FileDescriptorProto. */
export function decodeDescriptorFile(bytes: Uint8Array): DescriptorFile {
  return { proto: fromBinary(FileDescriptorProtoSchema, bytes), bytes };
}

/** Encodes a changed descriptor. Unknown fields (options of the workload's own) are kept by the codec. */
export function encodeDescriptorFile(proto: FileDescriptorProto): DescriptorFile {
  return { proto, bytes: toBinary(FileDescriptorProtoSchema, proto) };
}
