/**
 * Hot file: one write per connection and turn of the event loop.
 *
 * Writing at the end of the turn halves the cost of a hop that many connections feed, and costs latency when one call
 * is in flight. So it adapts: while turns bring one chunk each, output goes out at once; when a turn brings more, at
 * the turn's end.
 */

export interface Flushable {
  flush(): void;
}

let dirty: Flushable[] = [];
let spare: Flushable[] = [];
let chunksThisTurn = 0;
let chunksLastTurn = 0;
let isEndScheduled = false;

/** The output of this connection waits; it is written in this turn. Call once until its `flush` is called. */
export function flushThisTurn(connection: Flushable): void {
  dirty.push(connection);
  scheduleEnd();
}

/** A chunk was read and everything that follows from it was written into the engines. */
export function chunkProcessed(): void {
  chunksThisTurn++;
  scheduleEnd();
  if (chunksThisTurn === 1 && chunksLastTurn <= 1) flushDirty();
}

function scheduleEnd(): void {
  if (isEndScheduled) return;
  isEndScheduled = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  isEndScheduled = false;
  chunksLastTurn = chunksThisTurn;
  chunksThisTurn = 0;
  flushDirty();
}

function flushDirty(): void {
  const connections = dirty;
  dirty = spare;
  spare = connections;
  for (let i = 0; i < connections.length; i++) (connections[i] as Flushable).flush();
  connections.length = 0;
}
