/** The two messages of `grpc.health.v1.Health/Check`, which are too small for a library of their own. */

/** `HealthCheckResponse.ServingStatus`; a number that is none of them is `unknown`. */
export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

const statuses: readonly ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

const wireType = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** `HealthCheckRequest { service = 1 }`. */
export function encodeHealthRequest(service: string): Uint8Array {
  const text = new TextEncoder().encode(service);
  if (text.length === 0) return new Uint8Array();
  return Uint8Array.from([(1 << 3) | wireType.lengthDelimited, ...varint(text.length), ...text]);
}

/** `HealthCheckResponse { status = 1 }`; undefined for what is no protobuf message. */
export function decodeHealthResponse(message: Uint8Array): ServingStatus | undefined {
  let status: ServingStatus = 'UNKNOWN';
  let at = 0;
  const readVarint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < message.length) {
    const tag = readVarint();
    if (tag === undefined) return undefined;
    const type = Number(tag & 7n);
    if (type === wireType.varint) {
      const value = readVarint();
      if (value === undefined) return undefined;
      if (tag >> 3n === 1n) status = statuses[Number(value)] ?? 'UNKNOWN';
    } else if (type === wireType.lengthDelimited) {
      const length = readVarint();
      if (length === undefined || length > BigInt(message.length - at)) return undefined;
      at += Number(length);
    } else if (type === wireType.fixed64 || type === wireType.fixed32) {
      at += type === wireType.fixed64 ? 8 : 4;
      if (at > message.length) return undefined;
    } else return undefined;
  }
  return status;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
