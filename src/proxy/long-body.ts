import { flushResponse, stopClient } from './flow.ts';
import type { Exchange, LocalService } from './exchange.ts';
import { bodyPartBytes } from './limits.ts';

interface BodyState {
  readonly body: Buffer;
  sent: number;
  isSending: boolean;
}

/** Sends a long body of the proxy's own part by part, as its client takes it; all requests share its bytes. */
const longBody: LocalService = {
  onData: (exchange, _chunk, start, end) => {
    const { down, downStream } = exchange;
    if (downStream !== undefined) down?.connection.creditReceived(downStream, end - start);
    if (exchange.requestBytes > exchange.requestBytesAllowed && !exchange.requestEnded) stopClient(exchange);
  },
  onRequestEnd: () => undefined,
  onDrained: sendParts,
};

/** The response head has been sent; the end of the body ends the response. */
export function sendLongBody(exchange: Exchange, body: Buffer): void {
  exchange.local = longBody;
  exchange.localState = { body, sent: 0, isSending: false } satisfies BodyState;
  exchange.responseEnded = false;
  sendParts(exchange);
}

/** Goes on while the client takes all that it is given; `flushResponse` calls it again when it has. */
function sendParts(exchange: Exchange): void {
  const state = exchange.localState as BodyState;
  if (state.isSending) return;
  state.isSending = true;
  const { body } = state;
  while (!exchange.done && state.sent < body.length && exchange.responseQueue.byteLength === 0) {
    const end = Math.min(state.sent + bodyPartBytes, body.length);
    exchange.responseQueue.push(body, state.sent, end);
    state.sent = end;
    exchange.responseEnded = end === body.length;
    flushResponse(exchange);
  }
  state.isSending = false;
}
