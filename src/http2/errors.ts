/** HTTP/2 error codes, RFC 9113 §7. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** A code of `ErrorCode`, or any other 32-bit number a peer chose to send: unknown codes have no special meaning (§7). */
export type ErrorCode = number;

const names: readonly string[] = Object.keys(ErrorCode);

/** `CANCEL`, or `0x1f` for a code that RFC 9113 does not define. */
export function errorCodeName(code: ErrorCode): string {
  return names[code] ?? `0x${code.toString(16)}`;
}
