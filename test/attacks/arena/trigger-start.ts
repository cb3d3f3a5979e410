import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { sharedProcessors, type Placement } from './processors.ts';

/** Keeps 100 calls open at the evil workload, by a process that counts as an attacker; returns what ends it. */
export function startTrigger(gateway: string, placement: Placement = sharedProcessors): () => void {
  const [command, ...words] = [...placement.attackers, process.execPath, join(import.meta.dirname, 'trigger.ts')];
  const child = spawn(command, [...words, gateway], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.once('exit', stop);
  return stop;

  function stop(): void {
    process.off('exit', stop);
    child.kill('SIGKILL');
  }
}
