/** Who runs where: what is attacked on a processor of its own, as it would be on its own machine. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface Placement {
  /** Words before an attacker's command. */
  readonly attackers: readonly string[];
  /** Puts processes that are attacked, with all their threads, where nothing else runs. */
  readonly isolate: (pids: readonly number[]) => void;
  /** For the page: where everything ran. */
  readonly told: string;
}

/** Attackers take what the honest client and the application leave of their processor: both would have machines of their own. */
const givingWay = ['nice', '-n', '19'];

/** Without processors to share out, attackers at least give way. */
export const sharedProcessors: Placement = {
  attackers: givingWay,
  isolate: () => undefined,
  told: 'Attackers shared the processors with everything else (there is only one, or no taskset), which shows in the honest p99',
};

/**
 * Keeps this process and those it will start on the last processor; the others are left to those that are attacked. Where that
 * cannot be (one processor, no taskset), nothing is changed.
 */
export function giveProxiesAProcessor(): Placement {
  if (availableParallelism() < 2) return sharedProcessors;
  try {
    const allowed = processorsOf(process.pid);
    const own = allowed.at(-1);
    const others = allowed.slice(0, -1);
    if (own === undefined || others.length === 0) return sharedProcessors;
    pin(process.pid, [own]);
    return {
      attackers: givingWay,
      isolate: (pids) => {
        for (const pid of pids) pin(pid, others);
      },
      told: `The proxies and their control process had ${
        others.length === 1 ? 'one processor' : `${others.length} processors`
      }; the honest client and the application shared another with the attackers, who got what those left of it (nice 19)`,
    };
  } catch {
    return sharedProcessors;
  }
}

function pin(pid: number, processors: readonly number[]): void {
  execFileSync('taskset', ['-a', '-c', '-p', processors.join(','), String(pid)], { stdio: 'ignore' });
}

/** The processors that a process may use, ascending. */
function processorsOf(pid: number): number[] {
  const list =
    execFileSync('taskset', ['-c', '-p', String(pid)], { encoding: 'utf8' })
      .split(':')
      .at(-1) ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.trim().split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
