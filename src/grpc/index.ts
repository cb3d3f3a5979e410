export { encodeMessage, MessageDecoder, type FramingError } from './framing.ts';
export { countMessages, newMessageCounter, resetMessageCounter, type MessageCounter } from './message-counter.ts';
export { decodeGrpcMessage, encodeGrpcMessage } from './message-encoding.ts';
export { decodeBinaryMetadata, isBinaryMetadata } from './metadata.ts';
export {
  GrpcStatus,
  grpcStatusFromHttp,
  grpcStatusFromReset,
  grpcStatusName,
  httpStatusFromGrpc,
  parseGrpcStatus,
  type GrpcStatusName,
} from './status.ts';
export { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts';
