export { Http2Connection, type Http2ConnectionOptions } from './connection.ts';
export { ErrorCode, errorCodeName } from './errors.ts';
export { headerName, internField, transientField, type Field, type HeaderName } from './field.ts';
export { FieldKind } from './field-kind.ts';
export type { ConnectionHandler, LimitName } from './handler.ts';
export { defaultLimits, type Http2Limits } from './limits.ts';
export { latin1Text } from './latin1.ts';
export { OutputBuffer } from './output.ts';
export type { Http2Stream } from './stream.ts';
