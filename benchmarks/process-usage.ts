/** What a process costs, read from Linux's /proc. */
import { readFileSync } from 'node:fs';

/** Linux reports CPU time in ticks of 1/100 s on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** User and system CPU time of a process (its threads included, its children not), in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name may hold spaces; fields are counted from behind its closing bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return (ticks * 1_000_000) / ticksPerSecond;
}

/** Resident memory, and its highest value so far, in MiB. */
export function memoryMebibytes(pid: number): { readonly resident: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { resident: read('VmRSS'), peak: read('VmHWM') };
}
