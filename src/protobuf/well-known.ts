import { toBinary } from '@bufbuild/protobuf';
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { decodeDescriptorFile, type DescriptorFile } from './descriptor-file.ts';
import { forEachDefinition } from './symbols.ts';

/**
 * The files of `google/protobuf/` by name. Their meaning is fixed for all time, while every language serves its own
 * encoding of them (and grpc-js one merged `google_protobuf.proto`), so ours stand for all.
 */
export const wellKnownFiles: ReadonlyMap<string, DescriptorFile> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ].map((file) => {
    const decoded = decodeDescriptorFile(toBinary(FileDescriptorProtoSchema, file.proto));
    return [decoded.proto.name, decoded];
  }),
);

/** Full name of each well-known message and enum → the name of its file. */
export const wellKnownTypes: ReadonlyMap<string, string> = new Map(
  [...wellKnownFiles].flatMap(([fileName, file]) => {
    const types: [string, string][] = [];
    forEachDefinition(file.proto, (name, kind) => {
      if (kind === 'type') types.push([name, fileName]);
    });
    return types;
  }),
);
