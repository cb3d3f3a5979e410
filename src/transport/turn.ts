/**
 * Hot file: one write per connection and turn of the event loop.
 *
 * Writing at the end of the turn halves the cost of a hop that many connections feed, and costs latency when one call
 * is in flight. So it adapts: while turns bring one chunk each, output goes out at once; when a turn brings more, at
 * the turn's end.
 *
 * The end of a turn is an immediate, which with one call in flight is some 3 % of a hop's CPU. So none is asked for while
 * output goes out at once; turns are told apart by the loop's own count of them.
 */
import { RESUMED_MS_PER_TURN, SUSPECT_REST_MS, SUSPECTS_MS_PER_SHARE } from './transport-limits.ts';

export interface Flushable {
  flush(): void;
}

/** A connection that had its share of this turn. */
export interface Resumable {
  resume(): void;
}

const { nodeTiming } = performance;

let dirty: Flushable[] = [];
let spare: Flushable[] = [];
/** The turn that `chunksThisTurn` counts, and what the one before it that brought anything had brought. */
let turn = -1;
let chunksThisTurn = 0;
let chunksLastTurn = 0;
let isInChunk = false;
let isEndScheduled = false;
/** Connections that wait, in order. */
const paused: Resumable[] = [];
/** Those that draw on the abuse budget. */
const suspects: Resumable[] = [];
let areSuspectsResting = false;

/** The output of this connection waits; it is written in this turn. Call once until its `flush` is called. */
export function flushThisTurn(connection: Flushable): void {
  dirty.push(connection);
  if (!isInChunk) scheduleEnd();
}

/** A chunk was read; until `chunkProcessed`, what follows from it is written into the engines. */
export function chunkBegins(): void {
  isInChunk = true;
}

/** Everything that follows from the chunk was written into the engines; answers which turn it is, for comparing. */
export function chunkProcessed(): number {
  isInChunk = false;
  countChunk(nodeTiming.uvMetricsInfo.loopCount);
  if (chunksThisTurn === 1 && chunksLastTurn <= 1) flushDirty();
  else if (dirty.length > 0) scheduleEnd();
  return turn;
}

/** This connection reads no more in this turn, so that the others have theirs; `resume` is called at its end or a later one's. */
export function resumeNextTurn(connection: Resumable): void {
  paused.push(connection);
  scheduleEnd();
}

/**
 * The same for a connection that draws on the abuse budget. What it brings is not worth a processor that is free: another process
 * may want it, and so may whoever calls next. So all of them rest between their shares, whatever else there is to do.
 */
export function resumeAfterRest(suspect: Resumable): void {
  suspects.push(suspect);
  rest();
}

function rest(): void {
  if (areSuspectsResting) return;
  areSuspectsResting = true;
  setTimeout(resumeSuspects, SUSPECT_REST_MS);
}

function resumeSuspects(): void {
  areSuspectsResting = false;
  resumeSome(suspects, SUSPECTS_MS_PER_SHARE);
  if (suspects.length > 0) rest();
}

function countChunk(loopCount: number): void {
  if (loopCount !== turn) {
    turn = loopCount;
    chunksLastTurn = chunksThisTurn;
    chunksThisTurn = 0;
  }
  chunksThisTurn++;
}

function scheduleEnd(): void {
  if (isEndScheduled) return;
  isEndScheduled = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  isEndScheduled = false;
  flushDirty();
  if (paused.length === 0) return;
  resumeSome(paused, RESUMED_MS_PER_TURN);
  if (paused.length > 0) scheduleEnd();
}

/** In order, until their time is up; one at least, and none twice. */
function resumeSome(waiting: Resumable[], shareMs: number): void {
  const begun = performance.now();
  let left = waiting.length;
  do (waiting.shift() as Resumable).resume();
  while (--left > 0 && performance.now() - begun < shareMs);
}

function flushDirty(): void {
  const connections = dirty;
  dirty = spare;
  spare = connections;
  for (let i = 0; i < connections.length; i++) (connections[i] as Flushable).flush();
  // Setting an array's length is a call into the runtime; this is not.
  while (connections.length > 0) connections.pop();
}
