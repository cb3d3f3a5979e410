import { connect } from 'node:net';
import type { Check, Verdict } from './verdict.ts';

/** Healthy is who accepts a connection. */
export function checkTcp(
  address: { readonly host: string; readonly port: number },
  end: (verdict: Verdict) => void,
): Check {
  const socket = connect(address);
  socket.once('connect', () => end({ isHealthy: true, detail: 'accepts connections' }));
  socket.on('error', (error: NodeJS.ErrnoException) => end({ isHealthy: false, detail: reasonOf(error) }));
  return { cancel: () => socket.destroy() };
}

/** A system error in few words. */
export function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNREFUSED') return 'connection refused';
  return code ?? message;
}
