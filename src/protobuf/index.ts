export { createDescriptorPool, type DescriptorPool, type DescriptorSource, type PoolFile } from './descriptor-pool.ts';
export { file_google_rpc_error_details as errorDetailsFile } from './gen/google/rpc/error_details_pb.ts';
export { StatusSchema, type Status } from './gen/google/rpc/status_pb.ts';
export {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionResponse,
} from './gen/grpc/reflection/v1/reflection_pb.ts';
export { createReflectionResponder, type ReflectionResponder, type ReflectionView } from './responder.ts';
