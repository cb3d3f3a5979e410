import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { sharedProcessors, type Placement } from './processors.ts';

export interface Trigger {
  begin(): void;
  stop(): void;
}

/** Makes ready a process that counts as an attacker and, once it begins, keeps 100 calls open at the evil workload. */
export async function prepareTrigger(gateway: string, placement: Placement = sharedProcessors): Promise<Trigger> {
  const [command, ...words] = [...placement.attackers, process.execPath, join(import.meta.dirname, 'trigger.ts')];
  const child = spawn(command, [...words, gateway], { stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', stop);
  await once(child.stdout, 'data');
  return { begin: () => child.stdin.end('begin\n'), stop };

  function stop(): void {
    process.off('exit', stop);
    child.kill('SIGKILL');
  }
}
