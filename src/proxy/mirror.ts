/**
 * Copies of requests for a route's mirrors. A copy is an exchange without a client: it is fed beside the request, with bounded
 * memory, its response is thrown away, and whatever becomes of it the request does not notice.
 */
import { FieldKind, internField, ErrorCode, type Field } from '../http2/index.ts';
import type { Mirror } from '../plan/index.ts';
import { dispatch, tryEndpoint } from './attempt.ts';
import type { ClusterRuntime } from './cluster-runtime.ts';
import { leaveUpstream } from './ending.ts';
import type { Exchange } from './exchange.ts';
import { happens } from './chance.ts';
import { flushRequest, relayRequestData } from './flow.ts';
import type { MirrorOutcome, Runtime } from './runtime.ts';

/** Makes the copies of a request whose head is final. They wait until it is dispatched itself. */
export function startMirrors(runtime: Runtime, exchange: Exchange, mirrors: readonly Mirror[]): void {
  for (const { cluster: id, percent } of mirrors) {
    if (!happens(percent, runtime.random)) continue;
    const cluster = runtime.clusters.get(id);
    const isFull = runtime.mirrors.active >= runtime.limits.mirrorsInFlight;
    if (cluster === undefined || cluster.compiled.cluster.undefinedSubset === true) runtime.countMirror(id, 'failed');
    else if (isFull || cluster.active >= cluster.maxRequests) runtime.countMirror(id, 'overflow');
    else startMirror(runtime, exchange, cluster);
  }
}

function startMirror(runtime: Runtime, exchange: Exchange, cluster: ClusterRuntime): void {
  const copy = runtime.mirrors.take();
  copyHead(exchange, copy);
  copy.startMs = exchange.startMs;
  copy.deadlineMs = exchange.deadlineMs;
  copy.requestEnded = exchange.requestEnded;
  copy.cluster = cluster;
  copy.countsAtCluster = true;
  cluster.active++;
  copy.awaitsDispatch = true;
  (exchange.mirrors ??= []).push(copy);
}

/** Dispatches a request and its copies. */
export function sendOn(runtime: Runtime, exchange: Exchange): void {
  if (exchange.mirrors !== undefined) dispatchMirrors(runtime, exchange);
  dispatch(runtime, exchange);
}

function dispatchMirrors(runtime: Runtime, exchange: Exchange): void {
  for (const copy of exchange.mirrors ?? []) {
    if (copy.done) continue;
    copy.awaitsDispatch = false;
    if (copy.requestEnded) awaitAnswer(runtime, copy);
    if (!tryEndpoint(runtime, copy)) endMirror(runtime, copy, 'failed');
  }
  if (exchange.requestEnded) exchange.mirrors = undefined;
}

function copyHead(exchange: Exchange, copy: Exchange): void {
  for (let i = 0; i < exchange.headCount; i++) {
    const field = exchange.head[i] as Field;
    copy.head[i] = field.kind === FieldKind.authority ? internField(':authority', shadowOf(field.value)) : field;
  }
  copy.headCount = exchange.headCount;
  copy.timeoutIndex = exchange.timeoutIndex;
  copy.method = exchange.method;
  copy.path = exchange.path;
  copy.authority = exchange.authority;
  copy.isGrpc = exchange.isGrpc;
}

/** `a.example.com-shadow:8080`, as Envoy marks mirrored requests. */
function shadowOf(authority: string): string {
  const end = authority.search(/:\d*$/);
  return end === -1 ? `${authority}-shadow` : `${authority.slice(0, end)}-shadow${authority.slice(end)}`;
}

/** Part of the request body arrived, or its end. */
export function feedMirrors(runtime: Runtime, exchange: Exchange, chunk: Buffer, start: number, end: number): void {
  for (const copy of exchange.mirrors ?? []) {
    if (copy.done) continue;
    copy.requestEnded = exchange.requestEnded;
    // It is sent once: nothing is kept for a second time.
    if (start < end) relayRequestData(copy, chunk, start, end, 0);
    else flushRequest(copy);
    if (copy.requestQueue.byteLength > runtime.limits.mirrorQueueBytes) endMirror(runtime, copy, 'behind');
    else if (copy.requestEnded && !copy.done && !copy.awaitsDispatch) awaitAnswer(runtime, copy);
  }
  if (exchange.requestEnded && exchange.mirrors?.some((copy) => copy.awaitsDispatch) !== true) {
    exchange.mirrors = undefined;
  }
}

/** The request ended with trailers; they are in `exchange`. */
export function endMirroredRequest(runtime: Runtime, exchange: Exchange): void {
  for (const copy of exchange.mirrors ?? []) {
    for (let i = 0; i < exchange.requestTrailerCount; i++) {
      copy.requestTrailers[i] = exchange.requestTrailers[i] as Field;
    }
    copy.requestTrailerCount = exchange.requestTrailerCount;
  }
  feedMirrors(runtime, exchange, noBytes, 0, 0);
}

const noBytes = Buffer.alloc(0);

/** The request is over: copies that lack its rest or were never sent are given up, the others live on by themselves. */
export function leaveMirrors(runtime: Runtime, exchange: Exchange): void {
  for (const copy of exchange.mirrors ?? []) endMirror(runtime, copy, 'cancelled');
}

/** From its last byte on a mirror has a limit; until then the request that feeds it has. */
function awaitAnswer(runtime: Runtime, copy: Exchange): void {
  runtime.wheel.arm(copy.timer, runtime.limits.mirrorTimeoutMs);
}

/** Response data of a mirror: thrown away, so that the connection's window stays open for others. */
export function discardMirrorData(runtime: Runtime, copy: Exchange, bytes: number, endStream: boolean): void {
  const { up, upStream } = copy;
  if (up !== undefined && upStream !== undefined && bytes > 0) up.connection.creditReceived(upStream, bytes);
  if (endStream) endMirror(runtime, copy, 'answered');
}

/** The copy's end, however it came. */
export function endMirror(runtime: Runtime, copy: Exchange, outcome: MirrorOutcome): void {
  if (!copy.isMirror || copy.done) return;
  runtime.wheel.cancel(copy.timer);
  runtime.countMirror(copy.cluster?.compiled.cluster.name ?? '', outcome);
  copy.upstreamEnded = outcome === 'answered';
  leaveUpstream(copy, ErrorCode.CANCEL);
  runtime.mirrors.give(copy);
}
