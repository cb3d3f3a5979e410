import { create, createRegistry, fromBinary, type Registry } from '@bufbuild/protobuf';
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt';
import { GrpcStatus } from '../../grpc/index.ts';
import { errorDetailsFile, StatusSchema, type Status } from '../../protobuf/index.ts';
import type { CallResult } from './grpc-call.ts';

/** Types known without any server: the standard details of errors, and the well-known types. */
export const builtinTypes: Registry = createRegistry(
  errorDetailsFile,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** The code in grpc-go's spelling: `PermissionDenied`. */
export function codeName(code: number): string {
  const name = Object.entries(GrpcStatus).find(([, value]) => value === code)?.[0];
  if (name === undefined) return `Code(${code})`;
  if (name === 'OK') return 'OK';
  if (name === 'CANCELLED') return 'Canceled';
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** A status inside of another message, as grpc-go prints it. */
export function statusText(code: number, message: string): string {
  return `rpc error: code = ${codeName(code)} desc = ${message}`;
}

/** The status with its details; details that are not a google.rpc.Status are as good as none. */
export function richStatus(result: CallResult): Status {
  const plain = create(StatusSchema, { code: result.code, message: result.message });
  if (result.detailsBytes === undefined) return plain;
  try {
    return { ...plain, details: fromBinary(StatusSchema, result.detailsBytes).details };
  } catch {
    return plain;
  }
}
