import type { AimedProbe } from '../compile/index.ts';
import { checkGrpc } from './grpc-check.ts';
import type { checkHttp } from './http-check.ts';
import { checkTcp } from './tcp-check.ts';
import type { Check, Verdict } from './verdict.ts';

/** Asks an application once. `onVerdict` is called exactly once, never before this returned. */
export type AskOnce = (probe: AimedProbe, onVerdict: (verdict: Verdict) => void) => Check;

/** Asks as a kubelet does: in plaintext or with TLS that verifies nobody, within the probe's timeout. */
export const askOnce: AskOnce = (probe, onVerdict) => {
  const { address, handler, timeoutMs } = probe;
  if (address === undefined) {
    const soon = setImmediate(() =>
      onVerdict({ isHealthy: false, detail: 'the probe names no port of the container' }),
    );
    return { cancel: () => clearImmediate(soon) };
  }
  let isOver = false;
  const end = (verdict: Verdict): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    check.cancel();
    onVerdict(verdict);
  };
  // After a turn in which what has arrived meanwhile is read: this process may have been busy, not the application.
  const timer = setTimeout(
    () => setImmediate(() => end({ isHealthy: false, detail: `no answer within ${timeoutMs} ms` })),
    timeoutMs,
  );
  const check = start(handler, address, end);
  return {
    cancel() {
      isOver = true;
      clearTimeout(timer);
      check.cancel();
    },
  };
};

function start(
  handler: AimedProbe['handler'],
  address: NonNullable<AimedProbe['address']>,
  end: (verdict: Verdict) => void,
): Check {
  switch (handler.type) {
    case 'grpc':
      return checkGrpc({ address, service: handler.service }, end);
    case 'http':
      return checkHttpLater({ ...handler, address }, end);
    case 'tcp':
      return checkTcp(address, end);
  }
}

/** Node's HTTP takes long to load, and most meshes have no probe that needs it. */
function checkHttpLater(...[target, end]: Parameters<typeof checkHttp>): Check {
  let check: Check | undefined;
  let isCancelled = false;
  void import('./http-check.ts').then((loaded) => {
    if (!isCancelled) check = loaded.checkHttp(target, end);
    return undefined;
  });
  return {
    cancel() {
      isCancelled = true;
      check?.cancel();
    },
  };
}
