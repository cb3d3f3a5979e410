/**
 * The honest client in a process of its own, so that what measures does not delay what is measured. Run with the gateway's
 * `HOST:PORT` it is that process: it answers each message with what happened since the last one.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { instrumentFlags } from './instrument.ts';
import { startGoodClient, type GoodClient, type Quality } from './good-client.ts';

/** Starts it as another process. */
export function forkGoodClient(address: string): GoodClient {
  // Options of Node's are meant for the proxies.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = fork(import.meta.filename, [address], { execArgv: instrumentFlags, env });
  return {
    take: async () => {
      child.send('take');
      const [quality] = (await once(child, 'message')) as [Quality];
      return quality;
    },
    stop: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

const [, script, address] = process.argv;
if (script === import.meta.filename && address !== undefined) {
  const client = startGoodClient(address);
  process.on('message', () => process.send?.(client.take()));
  process.on('disconnect', () => process.exit());
}
