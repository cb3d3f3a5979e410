import { setFlagsFromString } from 'node:v8';

/**
 * Where helpers save nothing in a pause, since heap and nursery are small, and the event loop would wait for those that have begun:
 * on a busy processor they give way to everything else (worker-priority.ts). Not `parallel-marking`: V8 ends the process when it
 * finds its concurrent marking under way.
 */
const doneByTheEventLoop = [
  'parallel-scavenge',
  'parallel-compaction',
  'parallel-pointer-update',
  'parallel-gc-clearing',
];

/**
 * Has the garbage collector stop the event loop of a proxy as seldom and as briefly as its memory allows. Said here and not on the
 * command line, where a Node that no longer knows a flag would not start.
 */
export function keepCollectorBrief(): void {
  for (const flag of doneByTheEventLoop) setFlagsFromString(`--no-${flag}`);
  // Collected when three times as large as what was left over, so that a burst of streams does not bring a collection of 30 ms with it;
  // at half as much again, it did. The peak of a busy proxy is no higher.
  setFlagsFromString('--heap-growing-percent=200');
}
