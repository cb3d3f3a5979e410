/** Frames that carry no message: SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE, PRIORITY (RFC 9113 §6). */
import type { ConnectionCore } from './connection-core.ts';
import { ErrorCode } from './errors.ts';
import {
  Flag,
  GOAWAY_MIN_BYTES,
  MAX_MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  MIN_MAX_FRAME_BYTES,
  PING_BYTES,
  readUint31,
  readUint32,
  SETTING_BYTES,
  SettingId,
} from './frame.ts';
import {
  AbuseCost,
  GRACEFUL_GOAWAYS,
  MAX_GOAWAY_DEBUG_BYTES,
  MAX_SENT_FRAME_BYTES,
  MAX_SETTINGS_PER_FRAME,
} from './limits.ts';
import { PastStream } from './recent-streams.ts';
import { StreamFlag, type StreamRecord } from './stream.ts';

/** Opaque data of the PING that measures the round trip between a drain's two GOAWAYs. */
export const drainPing: Uint8Array = Buffer.from('drain\0\0\0', 'latin1');

export function receiveSettings<U>(
  core: ConnectionCore<U>,
  flags: number,
  payload: Buffer,
  start: number,
  end: number,
): void {
  if ((flags & Flag.ACK) !== 0) {
    if (end !== start) return core.fail(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS acknowledgement with a payload');
    return settingsAcknowledged(core);
  }
  if ((end - start) % SETTING_BYTES !== 0) return core.fail(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS of odd length');
  if (end - start > MAX_SETTINGS_PER_FRAME * SETTING_BYTES) {
    return core.failOnLimit('settings-per-frame', 'too many settings');
  }
  if (core.settingsReceived) core.chargeAbuse(AbuseCost.settings);
  else core.peer.maxConcurrentStreams = Infinity;
  core.settingsReceived = true;
  const windowBytes = core.peer.initialWindowBytes;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const id = ((payload[at] as number) << 8) | (payload[at + 1] as number);
    applySetting(core, id, readUint32(payload, at + 2));
    if (core.closed) return;
  }
  core.writer.settingsAck();
  core.handler.onSettings();
  // Behind the acknowledgement: peers expect it before the first frame that makes use of what they allowed.
  if (core.peer.initialWindowBytes > windowBytes) for (const stream of core.streams.all()) reportWindow(core, stream);
}

/** The peer applied what we announced at the start: from now on its windows and its header table are ours. */
function settingsAcknowledged<U>(core: ConnectionCore<U>): void {
  if (core.settingsAcknowledged) return core.chargeAbuse(AbuseCost.strayAcknowledgement);
  core.settingsAcknowledged = true;
  core.decoder.setTableLimit(core.limits.headerTableBytes);
  core.output.unreadEnds = 0;
  const change = core.firstStreamWindowBytes - core.streamWindowBytes;
  core.streamWindowBytes = core.firstStreamWindowBytes;
  for (const stream of core.streams.all()) stream.receiveWindow += change;
}

function applySetting<U>(core: ConnectionCore<U>, id: number, value: number): void {
  switch (id) {
    case SettingId.HEADER_TABLE_SIZE:
      return core.writer.encoder.setPeerTableBytes(value);
    case SettingId.ENABLE_PUSH:
      // A server must not say 1 either (RFC 9113 §6.5.2); we never push, so the value means nothing else.
      if (value > 1 || (value === 1 && !core.isServer)) core.fail(ErrorCode.PROTOCOL_ERROR, 'bad SETTINGS_ENABLE_PUSH');
      return;
    case SettingId.MAX_CONCURRENT_STREAMS:
      core.peer.maxConcurrentStreams = value;
      return;
    case SettingId.INITIAL_WINDOW_SIZE:
      return applyInitialWindow(core, value);
    case SettingId.MAX_FRAME_SIZE:
      if (value < MIN_MAX_FRAME_BYTES || value > MAX_MAX_FRAME_BYTES) {
        return core.fail(ErrorCode.PROTOCOL_ERROR, 'bad SETTINGS_MAX_FRAME_SIZE');
      }
      core.peer.maxFrameBytes = Math.min(value, MAX_SENT_FRAME_BYTES);
      return;
    default:
      // MAX_HEADER_LIST_SIZE is advice (§6.5.2); unknown settings are ignored (§6.5.3).
      return;
  }
}

/** Changes the window of every stream, maybe below zero (RFC 9113 §6.9.2). */
function applyInitialWindow<U>(core: ConnectionCore<U>, value: number): void {
  if (value > MAX_WINDOW_BYTES) return core.fail(ErrorCode.FLOW_CONTROL_ERROR, 'bad SETTINGS_INITIAL_WINDOW_SIZE');
  const change = value - core.peer.initialWindowBytes;
  core.peer.initialWindowBytes = value;
  if (change === 0) return;
  for (const stream of core.streams.all()) {
    stream.sendWindow += change;
    if (stream.sendWindow > MAX_WINDOW_BYTES) {
      return core.fail(ErrorCode.FLOW_CONTROL_ERROR, 'stream window above 2^31-1');
    }
  }
}

function reportWindow<U>(core: ConnectionCore<U>, stream: StreamRecord<U>): void {
  if ((stream.flags & StreamFlag.wantsWindow) === 0 || stream.sendWindow <= 0 || stream.isClosed) return;
  stream.flags &= ~StreamFlag.wantsWindow;
  core.handler.onWindow(stream);
}

export function receiveWindowUpdate<U>(
  core: ConnectionCore<U>,
  streamId: number,
  payload: Buffer,
  start: number,
): void {
  const increment = readUint31(payload, start);
  if (streamId === 0) return connectionWindowUpdate(core, increment);
  const stream = core.streams.get(streamId);
  if (stream === undefined) {
    if (isUnopened(core, streamId)) core.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
    // A client goes on giving credit for what it reads of a response that we have long ended.
    else core.score.windowUpdate(AbuseCost.lateFrame);
    return;
  }
  core.score.windowUpdate(AbuseCost.needlessWindowUpdate);
  if (increment === 0) return core.streamError(stream, ErrorCode.PROTOCOL_ERROR);
  stream.sendWindow += increment;
  if (stream.sendWindow > MAX_WINDOW_BYTES) return core.streamError(stream, ErrorCode.FLOW_CONTROL_ERROR);
  reportWindow(core, stream);
}

function connectionWindowUpdate<U>(core: ConnectionCore<U>, increment: number): void {
  core.score.windowUpdate(AbuseCost.needlessWindowUpdate);
  if (increment === 0) return core.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0');
  core.connectionSendWindow += increment;
  if (core.connectionSendWindow > MAX_WINDOW_BYTES) {
    return core.fail(ErrorCode.FLOW_CONTROL_ERROR, 'connection window above 2^31-1');
  }
  if (!core.wantsConnectionWindow) return;
  core.wantsConnectionWindow = false;
  core.handler.onWindow(undefined);
}

export function receiveReset<U>(core: ConnectionCore<U>, streamId: number, payload: Buffer, start: number): void {
  const stream = core.streams.get(streamId);
  if (stream === undefined) {
    if (isUnopened(core, streamId)) core.fail(ErrorCode.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
    else core.chargeAbuse(AbuseCost.lateFrame);
    return;
  }
  const code = readUint32(payload, start);
  core.recent.mark(streamId, PastStream.resetByPeer);
  if (core.isServer && !stream.isLocalEnded) core.chargeAbuse(AbuseCost.clientReset);
  const isUnprocessed = code === ErrorCode.REFUSED_STREAM && (stream.flags & StreamFlag.headersReceived) === 0;
  if (!core.isServer && isUnprocessed) reportRefused(core, stream);
  else core.reportReset(stream, code, true);
}

function reportRefused<U>(core: ConnectionCore<U>, stream: StreamRecord<U>): void {
  core.forget(stream);
  core.handler.onRefused(stream);
  core.handler.onStreamClosed(stream);
}

/** Never opened: above the last id, or jumped over. */
function isUnopened<U>(core: ConnectionCore<U>, streamId: number): boolean {
  return core.isIdle(streamId) || core.recent.endOf(streamId) === PastStream.skipped;
}

export function receivePing<U>(
  core: ConnectionCore<U>,
  flags: number,
  payload: Buffer,
  start: number,
): 'drained' | void {
  if ((flags & Flag.ACK) !== 0) {
    if (core.unansweredPings > 0) core.unansweredPings--;
    else core.chargeAbuse(AbuseCost.strayAcknowledgement);
    for (let i = 0; i < PING_BYTES; i++) {
      if (payload[start + i] !== drainPing[i]) return core.handler.onPingAck();
    }
    return 'drained';
  }
  if (!core.messagesSincePing) core.chargeAbuse(AbuseCost.idlePing);
  core.messagesSincePing = false;
  core.writer.ping(Flag.ACK, payload, start);
  core.handler.onPing();
}

export function receiveGoaway<U>(core: ConnectionCore<U>, payload: Buffer, start: number, end: number): void {
  const lastStreamId = readUint31(payload, start);
  const code = readUint32(payload, start + 4);
  const debugStart = start + GOAWAY_MIN_BYTES;
  const debug = Buffer.from(payload.subarray(debugStart, Math.min(end, debugStart + MAX_GOAWAY_DEBUG_BYTES)));
  core.goawayReceived = true;
  if (++core.goawaysReceived > GRACEFUL_GOAWAYS) core.chargeAbuse(AbuseCost.repeatedGoaway);
  core.handler.onGoaway(lastStreamId, code, debug);
  if (core.isServer) return;
  for (const stream of core.streams.all()) {
    if (stream.id > lastStreamId && !stream.isClosed) {
      core.recent.mark(stream.id, PastStream.resetByUs);
      reportRefused(core, stream);
    }
  }
}

/** RFC 7540's priorities are checked and forgotten (RFC 9113 §5.3.2). */
export function receivePriority<U>(core: ConnectionCore<U>, streamId: number, payload: Buffer, start: number): void {
  core.score.priority(AbuseCost.needlessPriority);
  if (readUint31(payload, start) === streamId) {
    streamErrorById(core, streamId, ErrorCode.PROTOCOL_ERROR, 'PRIORITY depends on itself');
  }
}

/** A stream error for an id that may be live, past or idle; an idle stream cannot be reset. */
export function streamErrorById<U>(core: ConnectionCore<U>, streamId: number, code: ErrorCode, message: string): void {
  const stream = core.streams.get(streamId);
  if (stream !== undefined) core.streamError(stream, code);
  else if (isUnopened(core, streamId)) core.fail(code, message);
  else core.rejectStream(streamId, code, AbuseCost.ownReset);
}
