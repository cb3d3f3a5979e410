/** Frames that wait for the socket. */
export declare class OutputBuffer {
  /** Bytes that wait and were not taken yet. */
  readonly byteLength: number;
  /** Called when the first byte is written into an empty buffer; the transport schedules its flush here. */
  onPending: (() => void) | undefined;
  /** Hands over everything that waits. The memory stays valid until `written()` is called for this batch. */
  take(): Buffer[];
  /** The batch of the last `take()` left the process; its slabs go back to the pool. */
  written(): void;
}
