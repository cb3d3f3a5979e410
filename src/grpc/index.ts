export { encodeMessage, MessageDecoder, type FramingError } from './framing.ts';
export { countMessages, newMessageCounter, resetMessageCounter, type MessageCounter } from './message-counter.ts';
export { decodeGrpcMessage, encodeGrpcMessage } from './message-encoding.ts';
export { decodeBinaryMetadata, isBinaryMetadata } from './metadata.ts';
export { file_google_rpc_error_details as errorDetailsFile } from './gen/google/rpc/error_details_pb.ts';
export { StatusSchema, type Status } from './gen/google/rpc/status_pb.ts';
export {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionResponse,
} from './gen/grpc/reflection/v1/reflection_pb.ts';
export { createDescriptorLearner, type DescriptorLearner, type LearnedDescriptors } from './reflection/learner.ts';
export {
  createDescriptorPool,
  type DescriptorPool,
  type DescriptorSource,
  type PoolFile,
} from './reflection/descriptor-pool.ts';
export { createReflectionResponder, type ReflectionResponder, type ReflectionView } from './reflection/responder.ts';
export {
  GrpcStatus,
  grpcStatusFromHttp,
  grpcStatusFromReset,
  grpcStatusName,
  parseGrpcStatus,
  type GrpcStatusName,
} from './status.ts';
export { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts';
