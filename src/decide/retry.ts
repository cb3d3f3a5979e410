import { maxAttempts } from './limits.ts';

/** How an attempt at an upstream ended without an answer. */
export interface UpstreamFailure {
  readonly kind:
    | 'connect_failed'
    /** Chosen connection could not take a stream, nothing was written. */
    | 'never_sent'
    /** RST_STREAM(REFUSED_STREAM). */
    | 'refused_stream'
    /** Above the last stream id of a GOAWAY. */
    | 'goaway_unprocessed'
    /** RST_STREAM with any other code. */
    | 'reset'
    /** The connection ended with the stream open. */
    | 'connection_closed'
    | 'timeout';
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** The client has been sent response headers. */
  readonly responseStarted: boolean;
  /** Everything received from the client so far is still at hand to be sent again. */
  readonly requestReplayable: boolean;
}

/**
 * Whether an attempt may be repeated without anyone having asked for retries: only when the upstream provably did not
 * process the request (RFC 9113 §8.7, gRFC A6 transparent retries). A reset or a lost connection after bytes were sent
 * is never repeated: the call may have been executed.
 */
export function mayRetry(failure: UpstreamFailure): boolean {
  if (failure.responseStarted || !failure.requestReplayable || failure.attempts >= maxAttempts) return false;
  switch (failure.kind) {
    case 'connect_failed':
    case 'never_sent':
    case 'refused_stream':
    case 'goaway_unprocessed':
      return true;
    case 'reset':
    case 'connection_closed':
    case 'timeout':
      return false;
  }
}
