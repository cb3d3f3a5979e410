/** Who runs where: attackers on a processor of their own, as if they were another machine. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface Placement {
  /** Words before an attacker's command. */
  readonly attackers: readonly string[];
  /** For the page: where everything ran. */
  readonly told: string;
}

/** Without processors to share out, attackers at least give way. */
export const sharedProcessors: Placement = {
  attackers: ['nice', '-n', '10'],
  told: 'Attackers shared the processors with everything else (there is only one, or no taskset), which shows in the honest p99',
};

/**
 * Keeps this process and those it will start off one processor, which is the attackers' alone. Where that cannot be (one
 * processor, no taskset), nothing is changed.
 */
export function giveAttackersAProcessor(): Placement {
  if (availableParallelism() < 2) return sharedProcessors;
  try {
    const allowed = processorsOf(process.pid);
    const attackers = allowed.at(-1);
    const others = allowed.slice(0, -1);
    if (attackers === undefined || others.length === 0) return sharedProcessors;
    execFileSync('taskset', ['-a', '-c', '-p', others.join(','), String(process.pid)], { stdio: 'ignore' });
    return {
      attackers: ['taskset', '-c', String(attackers)],
      told: `Attackers had a processor of their own, as another machine would be; the proxies, the honest client and the application shared ${
        others.length === 1 ? 'one other' : `the ${others.length} others`
      }, also while it was quiet`,
    };
  } catch {
    return sharedProcessors;
  }
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
