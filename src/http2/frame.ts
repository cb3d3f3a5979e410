/** Frame layout and constants of RFC 9113 §4.1, §6. */

export const FRAME_HEADER_BYTES = 9;

export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** Payload lengths that RFC 9113 fixes. */
export const PRIORITY_BYTES = 5;
export const RST_STREAM_BYTES = 4;
export const SETTING_BYTES = 6;
export const PING_BYTES = 8;
export const GOAWAY_MIN_BYTES = 8;
export const WINDOW_UPDATE_BYTES = 4;

/** Both windows before any SETTINGS or WINDOW_UPDATE (§6.9.2). */
export const INITIAL_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
export const MIN_MAX_FRAME_BYTES = 16_384;
export const MAX_MAX_FRAME_BYTES = 2 ** 24 - 1;
export const MAX_STREAM_ID = 2 ** 31 - 1;
export const INITIAL_HEADER_TABLE_BYTES = 4096;

/** What a client sends before its SETTINGS (§3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Writes a frame's 9 bytes at `at`; returns the position of the payload. */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  target[at] = length >>> 16;
  target[at + 1] = length >>> 8;
  target[at + 2] = length;
  target[at + 3] = type;
  target[at + 4] = flags;
  return writeUint32(target, at + 5, streamId);
}

/** Big-endian; returns the position behind it. */
export function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

/** Big-endian, unsigned. */
export function readUint32(source: Uint8Array, at: number): number {
  return (readUint31(source, at) | 0) + (((source[at] as number) & 0x80) === 0 ? 0 : 0x8000_0000);
}

/** Big-endian without the reserved highest bit. */
export function readUint31(source: Uint8Array, at: number): number {
  return (
    (((source[at] as number) & 0x7f) << 24) |
    ((source[at + 1] as number) << 16) |
    ((source[at + 2] as number) << 8) |
    (source[at + 3] as number)
  );
}
