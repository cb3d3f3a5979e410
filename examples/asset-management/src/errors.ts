import { Metadata, status } from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { errorMessages } from './proto.ts';

/** The domain of every google.rpc.ErrorInfo that this service sends. */
const ERROR_DOMAIN = 'asset-management';

const ASSET_RESOURCE_TYPE = 'asset.Asset';

/**
 * Trailers have little room (8 KiB in many a client and proxy), and the text of an error is there twice, once encoded at up
 * to three bytes a byte: what a client has sent is quoted at this length at most.
 */
const MAX_TEXT_LENGTH = 240;

/** The text, or its beginning and an ellipsis. */
export function clip(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH).toWellFormed()}…`;
}

/** One google.rpc detail message. */
interface Detail {
  readonly name: string;
  readonly type: MessageTypeDefinition<object, object>;
  readonly value: object;
}

/** A failure that the caller is told about: a gRPC status with google.rpc details. */
export class ServiceError extends Error {
  readonly code: status;
  /** Machine-readable cause, in google.rpc.ErrorInfo. */
  readonly reason: string;
  /** The request field that is to blame, or ''. */
  readonly field: string;
  readonly details: readonly Detail[];

  constructor(code: status, options: { message: string; reason: string; field?: string; details?: readonly Detail[] }) {
    super(clip(options.message));
    this.name = 'ServiceError';
    this.code = code;
    this.reason = options.reason;
    this.field = clip(options.field ?? '');
    this.details = options.details ?? [];
  }

  /** The trailers that carry the details, as grpc-status-details-bin. */
  trailers(): Metadata {
    const errorInfo: Detail = {
      name: 'ErrorInfo',
      type: errorMessages.errorInfo,
      value: { reason: this.reason, domain: ERROR_DOMAIN },
    };
    const details = [errorInfo, ...this.details].map(({ name, type, value }) => ({
      type_url: `type.googleapis.com/google.rpc.${name}`,
      value: type.serialize(value),
    }));
    const metadata = new Metadata();
    const encoded = errorMessages.status.serialize({ code: this.code, message: this.message, details });
    metadata.set('grpc-status-details-bin', encoded);
    return metadata;
  }
}

/** INVALID_ARGUMENT that names the field, with a google.rpc.BadRequest. */
export function invalidArgument(field: string, description: string): ServiceError {
  return new ServiceError(status.INVALID_ARGUMENT, {
    message: `${field}: ${description}`,
    reason: 'INVALID_FIELD',
    field,
    details: [
      {
        name: 'BadRequest',
        type: errorMessages.badRequest,
        value: { field_violations: [{ field: clip(field), description: clip(description) }] },
      },
    ],
  });
}

export function assetNotFound(assetId: string): ServiceError {
  const message = assetId === '' ? 'there are no assets' : `there is no asset "${assetId}"`;
  return new ServiceError(status.NOT_FOUND, {
    message,
    reason: 'ASSET_NOT_FOUND',
    details: [resourceInfo(assetId, message)],
  });
}

/** ALREADY_EXISTS: `field` is asset_id or serial_number, whose value another asset has. */
export function assetExists(assetId: string, taken: { field: string; value: string }): ServiceError {
  const message = `${taken.field} "${taken.value}" is taken by another asset`;
  return new ServiceError(status.ALREADY_EXISTS, {
    message,
    reason: taken.field === 'asset_id' ? 'ASSET_ID_TAKEN' : 'SERIAL_NUMBER_TAKEN',
    field: taken.field,
    details: [resourceInfo(assetId, message)],
  });
}

export function staleEtag(assetId: string): ServiceError {
  const message = `asset "${assetId}" has changed since this etag was read; read it again, then retry`;
  return new ServiceError(status.ABORTED, {
    message,
    reason: 'STALE_ETAG',
    field: 'etag',
    details: [resourceInfo(assetId, message)],
  });
}

export function failedPrecondition(assetId: string, violation: { type: string; description: string }): ServiceError {
  return new ServiceError(status.FAILED_PRECONDITION, {
    message: `asset "${assetId}": ${violation.description}`,
    reason: violation.type,
    details: [
      {
        name: 'PreconditionFailure',
        type: errorMessages.preconditionFailure,
        value: { violations: [{ ...violation, subject: assetId }] },
      },
    ],
  });
}

export function resumeTokenExpired(): ServiceError {
  return new ServiceError(status.OUT_OF_RANGE, {
    message: 'resume_token: the changes after it are no longer kept; watch again with include_snapshot',
    reason: 'RESUME_TOKEN_EXPIRED',
    field: 'resume_token',
  });
}

export function serverStopping(): ServiceError {
  return new ServiceError(status.UNAVAILABLE, {
    message: 'the server is stopping; resume the watch elsewhere',
    reason: 'SERVER_STOPPING',
  });
}

function resourceInfo(assetId: string, description: string): Detail {
  return {
    name: 'ResourceInfo',
    type: errorMessages.resourceInfo,
    value: {
      resource_type: ASSET_RESOURCE_TYPE,
      resource_name: clip(assetId),
      description: clip(description),
    },
  };
}
