// Hot file: moves bytes between the two streams of a request. Credit goes back to a sender only for bytes that were
// written towards the receiver, so what waits here is bounded by the windows this proxy gave. Positional parameters,
// as one call per chunk must not make an options object.
import { ErrorCode, type Http2Stream } from '../http2/index.ts';
import type { Exchange, Link } from './exchange.ts';
import { bulkTurnBytes, smallTurnBytes } from './limits.ts';

const noBytes = Buffer.alloc(0);
const firstReplayBytes = 256;

/** Request DATA arrived; whether it was the last is already noted in `requestEnded`. `replayLimit` in bytes. */
export function relayRequestData(
  exchange: Exchange,
  chunk: Buffer,
  start: number,
  end: number,
  replayLimit: number,
): void {
  const { up, upStream } = exchange;
  let from = start;
  if (up !== undefined && upStream !== undefined && !up.writeBlocked && !hasUnsentRequest(exchange)) {
    const taken = up.connection.sendData(upStream, chunk, start, end, exchange.requestEnded);
    if (exchange.done) return;
    from += taken;
    if (from === end && exchange.requestEnded) exchange.requestEndSent = true;
    if (taken > 0) {
      if (remember(exchange, chunk, start, from, replayLimit)) {
        exchange.replaySent = exchange.replayLength;
        exchange.replayCredited = exchange.replayLength;
      } else {
        forgetReplay(exchange);
      }
      creditClient(exchange, taken);
    }
    if (from === end) return;
  }
  const waits = hasUnsentRequest(exchange);
  if (exchange.requestQueue.byteLength > 0 || !remember(exchange, chunk, from, end, replayLimit)) {
    exchange.requestQueue.push(chunk, from, end);
  }
  if (!waits && up !== undefined && upStream !== undefined) awaitUpstream(exchange, up, upStream);
}

/** Held up by the window of its own stream alone, it would only be tried in vain: the engine tells when there is some. */
function isHeldUp({ sendWindow, awaitsWindow }: Http2Stream<Exchange>): boolean {
  return awaitsWindow && sendWindow <= 0;
}

function awaitUpstream(exchange: Exchange, up: Link, upStream: Http2Stream<Exchange>): void {
  if (!isHeldUp(upStream)) up.waiting.add(exchange, unsentRequestBytes(exchange));
}

/**
 * Sends what waits of the request, `most` bytes of its queue, as far as window and socket allow; joins the link's queue for the rest.
 */
export function flushRequest(exchange: Exchange, most?: number): void {
  const { up, upStream } = exchange;
  if (up === undefined || upStream === undefined || exchange.requestEndSent) return;
  if (up.writeBlocked) {
    up.waiting.add(exchange, unsentRequestBytes(exchange));
    return;
  }
  if (exchange.replaySent < exchange.replayLength) sendReplay(exchange);
  if (exchange.replaySent === exchange.replayLength && exchange.requestQueue.byteLength > 0) {
    const taken = exchange.requestQueue.drainTo(up.connection, upStream, most);
    if (taken > 0) {
      forgetReplay(exchange);
      creditClient(exchange, taken);
    }
  }
  if (hasUnsentRequest(exchange)) {
    awaitUpstream(exchange, up, upStream);
  } else if (exchange.requestEnded) {
    exchange.requestEndSent = true;
    const { requestTrailers, requestTrailerCount } = exchange;
    if (requestTrailerCount > 0) up.connection.sendHeaders(upStream, requestTrailers, requestTrailerCount, true);
    else up.connection.sendData(upStream, noBytes, 0, 0, true);
  }
}

/** Bytes of the request that no upstream stream has been given yet. */
export function hasUnsentRequest(exchange: Exchange): boolean {
  return exchange.replaySent < exchange.replayLength || exchange.requestQueue.byteLength > 0;
}

function unsentRequestBytes({ replayLength, replaySent, requestQueue }: Exchange): number {
  return replayLength - replaySent + requestQueue.byteLength;
}

/** The request can no longer be sent again: the response began, or it grew too long. */
export function forgetReplay(exchange: Exchange): void {
  exchange.replayable = false;
  if (exchange.replaySent < exchange.replayLength) return;
  exchange.replayLength = 0;
  exchange.replaySent = 0;
  exchange.replayCredited = 0;
}

function sendReplay(exchange: Exchange): void {
  const { up, upStream, replay } = exchange;
  if (up === undefined || upStream === undefined || replay === undefined) return;
  exchange.replaySent += up.connection.sendData(upStream, replay, exchange.replaySent, exchange.replayLength, false);
  const fresh = exchange.replaySent - exchange.replayCredited;
  if (fresh <= 0) return;
  exchange.replayCredited = exchange.replaySent;
  creditClient(exchange, fresh);
}

/** Keeps a copy for a second sending; false when the bound does not allow it. */
function remember(exchange: Exchange, chunk: Buffer, start: number, end: number, limit: number): boolean {
  if (!exchange.replayable) return false;
  const length = exchange.replayLength + end - start;
  if (length > limit) return false;
  if (exchange.replay === undefined || exchange.replay.length < length) {
    const grown = Buffer.allocUnsafeSlow(Math.max(firstReplayBytes, 2 ** Math.ceil(Math.log2(length))));
    exchange.replay?.copy(grown, 0, 0, exchange.replayLength);
    exchange.replay = grown;
  }
  chunk.copy(exchange.replay, exchange.replayLength, start, end);
  exchange.replayLength = length;
  return true;
}

function creditClient(exchange: Exchange, bytes: number): void {
  const { down, downStream } = exchange;
  if (down === undefined || downStream === undefined) return;
  down.connection.creditReceived(downStream, bytes);
}

/** Response DATA arrived; whether it was the last is already noted in `responseEnded`. */
export function relayResponseData(exchange: Exchange, chunk: Buffer, start: number, end: number): void {
  const { down, downStream } = exchange;
  if (down === undefined || downStream === undefined) return;
  let from = start;
  if (exchange.responseQueue.byteLength > 0) {
    // It waits already.
    exchange.responseQueue.push(chunk, start, end);
    return;
  }
  if (!down.writeBlocked) {
    const isEnd = exchange.responseEnded && exchange.trailerCount === 0;
    from += down.connection.sendData(downStream, chunk, start, end, isEnd);
    if (from > start) creditUpstream(exchange, from - start);
    if (from === end) {
      if (isEnd) responseSent(exchange);
      return;
    }
  }
  exchange.responseQueue.push(chunk, from, end);
  awaitDownstream(exchange, down, downStream);
}

function awaitDownstream(exchange: Exchange, down: Link, downStream: Http2Stream<Exchange>): void {
  if (!isHeldUp(downStream)) down.waiting.add(exchange, exchange.responseQueue.byteLength);
}

/** Sends what waits of the response, at most `most` bytes, then its end; joins the link's queue for the rest. */
export function flushResponse(exchange: Exchange, most?: number): void {
  const { down, downStream } = exchange;
  if (down === undefined || downStream === undefined || exchange.responseEndSent) return;
  if (exchange.responseQueue.byteLength > 0) {
    if (!down.writeBlocked) {
      const taken = exchange.responseQueue.drainTo(down.connection, downStream, most);
      if (taken > 0) creditUpstream(exchange, taken);
    }
    if (exchange.responseQueue.byteLength > 0) {
      awaitDownstream(exchange, down, downStream);
      return;
    }
    if (exchange.local !== undefined && !exchange.responseEnded) {
      exchange.local.onDrained(exchange);
      // What it added did not leave at once, and waits; the end comes after it.
      if (exchange.responseQueue.byteLength > 0) return;
    }
  }
  if (exchange.responseEnded) sendResponseEnd(exchange);
}

function sendResponseEnd(exchange: Exchange): void {
  const { down, downStream } = exchange;
  if (down === undefined || downStream === undefined || exchange.responseEndSent) return;
  if (exchange.trailerCount > 0)
    down.connection.sendHeaders(downStream, exchange.trailers, exchange.trailerCount, true);
  else down.connection.sendData(downStream, noBytes, 0, 0, true);
  responseSent(exchange);
}

/**
 * The client has been given the whole response. If it is still sending and the upstream reads no more, it is told to stop.
 * After an answer of our own its request usually ends by itself within a round trip; until then what comes is still judged,
 * so that a malformed request is never taken for a good one because it was refused early.
 */
export function responseSent(exchange: Exchange): void {
  exchange.responseEndSent = true;
  const { down, downStream } = exchange;
  if (exchange.done || down === undefined || downStream === undefined) return;
  if (!exchange.stopClient || exchange.requestEnded) return;
  if (exchange.error === undefined) stopClient(exchange);
  else down.awaitRequestEnd(exchange);
}

/** Tells the client to stop sending: RST_STREAM(NO_ERROR) after END_STREAM, RFC 9113 §8.1. */
export function stopClient(exchange: Exchange): void {
  const { down, downStream } = exchange;
  if (down !== undefined && downStream !== undefined) down.connection.resetStream(downStream, ErrorCode.NO_ERROR);
}

function creditUpstream(exchange: Exchange, bytes: number): void {
  const { up, upStream } = exchange;
  if (up === undefined || upStream === undefined) return;
  up.connection.creditReceived(upStream, bytes);
}

/**
 * Room again on `link`: those who wait get their turn, again and again until it takes no more. Ends because each turn sends
 * something, or its request is held up by its own stream and leaves the list, or the connection's window is used up.
 */
export function serveWaiting(link: Link, flush: (exchange: Exchange, most: number) => void): void {
  const { small, bulk } = link.waiting;
  while (small.size > 0 || bulk.size > 0) {
    // Who still has something left is added again, and so found again by the same loop.
    for (const exchange of small) {
      if (!hasRoom(link)) return;
      small.delete(exchange);
      flush(exchange, smallTurnBytes);
    }
    for (const exchange of bulk) {
      if (!hasRoom(link)) return;
      bulk.delete(exchange);
      flush(exchange, bulkTurnBytes);
    }
  }
}

function hasRoom({ writeBlocked, connection }: Link): boolean {
  if (writeBlocked) return false;
  if (connection.sendWindow > 0) return true;
  connection.awaitWindow();
  return false;
}
