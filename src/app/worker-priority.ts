import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** How much V8's helper threads give way to the event loop, in steps of nice(2). */
const HELPERS_NICE = 10;

/**
 * Lets V8's helper threads (compilers, collector) give way to the event loop where both want the same processor: new kinds of traffic
 * have code compiled, 10 to 30 ms of it, and calls should not wait for that. Linux takes a thread's id where a process's is asked
 * for; elsewhere, and where threads have other names, nothing is changed.
 */
export function letHelpersGiveWay(): void {
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      if (!readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim().endsWith('V8Worker')) continue;
      setPriority(Number(thread), HELPERS_NICE);
    }
  } catch {
    // Not Linux, or not allowed.
  }
}
