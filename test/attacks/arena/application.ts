/** Starts the honest application, `backend.ts`, as a process of its own. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { applicationFlags } from './instrument.ts';

export interface ApplicationCounts {
  /** Most requests at once since the last reset. */
  readonly inFlightMax: number;
  readonly requests: number;
  readonly connections: number;
}

export interface Application {
  readonly port: number;
  readonly counts: (options?: { readonly reset: boolean }) => Promise<ApplicationCounts>;
  readonly stop: () => void;
}

export async function startApplication(): Promise<Application> {
  // Options meant for the proxies (a small heap) are not meant for what stands around them.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = fork(join(import.meta.dirname, 'backend.ts'), { execArgv: applicationFlags, env });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    port,
    counts: ({ reset } = { reset: false }) => ask(child, reset ? 'reset' : 'counts'),
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

async function ask(child: ChildProcess, question: string): Promise<ApplicationCounts> {
  child.send(question);
  const [counts] = (await once(child, 'message')) as [ApplicationCounts];
  return counts;
}
