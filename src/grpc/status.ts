/** gRPC status codes, and what HTTP and HTTP/2 failures become (http-grpc-status-mapping.md, PROTOCOL-HTTP2.md). */

export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];
export type GrpcStatusName = keyof typeof GrpcStatus;

const names = Object.keys(GrpcStatus) as readonly GrpcStatusName[];

/** `PERMISSION_DENIED` for 7; `CODE_99` for a number that is no status. */
export function grpcStatusName(code: number): string {
  return names[code] ?? `CODE_${code}`;
}

/**
 * The value of a `grpc-status` field: a decimal number without sign or leading zero. Anything else is UNKNOWN, as clients
 * read it; a number above 16 is passed on as it is.
 */
export function parseGrpcStatus(value: string): number {
  const { length } = value;
  if (length === 0 || length > 5 || (length > 1 && value.charCodeAt(0) === 0x30)) return GrpcStatus.UNKNOWN;
  let status = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return GrpcStatus.UNKNOWN;
    status = status * 10 + digit;
  }
  return status;
}

/** The status of a response that has none of its own, from its HTTP status. */
export function grpcStatusFromHttp(httpStatus: number): GrpcStatus {
  switch (httpStatus) {
    case 400:
    case 431:
      return GrpcStatus.INTERNAL;
    case 401:
      return GrpcStatus.UNAUTHENTICATED;
    case 403:
      return GrpcStatus.PERMISSION_DENIED;
    case 404:
      return GrpcStatus.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.UNAVAILABLE;
    default:
      return GrpcStatus.UNKNOWN;
  }
}

const httpStatuses: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** The HTTP status that says the same to a client that speaks no gRPC (google.rpc.Code's documentation). */
export function httpStatusFromGrpc(grpcStatus: number): number {
  return httpStatuses[grpcStatus] ?? 500;
}

const refusedStream = 0x7;
const cancel = 0x8;
const enhanceYourCalm = 0xb;
const inadequateSecurity = 0xc;

/** The status of a call whose stream was reset with this HTTP/2 error code. */
export function grpcStatusFromReset(errorCode: number): GrpcStatus {
  switch (errorCode) {
    case refusedStream:
      return GrpcStatus.UNAVAILABLE;
    case cancel:
      return GrpcStatus.CANCELLED;
    case enhanceYourCalm:
      return GrpcStatus.RESOURCE_EXHAUSTED;
    case inadequateSecurity:
      return GrpcStatus.PERMISSION_DENIED;
    default:
      return GrpcStatus.INTERNAL;
  }
}
