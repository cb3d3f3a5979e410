/**
 * One stream as its owner sees it. The engine makes and ends it; only `user` belongs to the owner.
 *
 * ```
 *                 HEADERS sent or received
 *        idle ───────────────────────────────► open
 *                                             │    │
 *                        END_STREAM received  │    │  END_STREAM sent
 *                                             ▼    ▼
 *                        half-closed (remote)      half-closed (local)
 *                                             │    │
 *                            END_STREAM sent  │    │  END_STREAM received
 *                                             ▼    ▼
 *                                             closed  ◄── RST_STREAM sent or received, from anywhere
 * ```
 *
 * The two halves are independent: a server that ends first does not cut the client's half, nor the other way round.
 */
export interface Http2Stream<U> {
  /** 0 at a client until `sendHeaders` takes the next id, so ids always appear on the wire in order. */
  readonly id: number;
  user: U | undefined;
  /** Bytes the peer still takes on this stream; may be negative (RFC 9113 §6.9.2). The connection's window bounds it too. */
  readonly sendWindow: number;
  /** Our END_STREAM was sent. */
  readonly isLocalEnded: boolean;
  /** The peer's END_STREAM was received. */
  readonly isRemoteEnded: boolean;
  /** Both halves ended, or reset; every call with this stream is ignored from here on (but `creditReceived`). */
  readonly isClosed: boolean;
}
