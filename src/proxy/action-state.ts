import type { NameValue } from '../plan/index.ts';
import { WheelTimer, type TimerWheel } from '../transport/index.ts';

/** Bits of `ActionState.flags`: what a route's actions did to a request, for log and metrics. */
export const ActionFlag = {
  delayInjected: 1,
  retriesUsedUp: 2,
  retryOverflow: 4,
} as const;

/** After so many attempts other priorities come; Istio's number. */
const attemptsPerPriority = 2;

/** What the actions of its route remember about one request; made only for those that have something to. */
export class ActionState {
  /** One at a time: an injected delay, the time for one attempt, the wait before the next. */
  readonly timer: WheelTimer;
  /** Milliseconds for each attempt; 0 for no limit. */
  tryMs = 0;
  /** Attempts that the route's policy has asked for. */
  retries = 0;
  /** Priorities that attempts went to; undefined unless the policy asks for others. */
  attempted: number[] | undefined;
  /** Those of them that are left out. */
  excluded: readonly number[] = [];
  /** It is one of `ClusterSlot.retries`. */
  countsAsRetry = false;
  /** Bits of `ActionFlag`. */
  flags = 0;
  /** For the log: what the actions did, beside how the request ended. */
  note = '';
  /** To be set on the response. */
  corsHeaders: readonly NameValue[] = [];
  #onDue: () => void = () => undefined;
  #onTryDue: () => void = () => undefined;

  constructor() {
    this.timer = new WheelTimer(() => this.#onDue());
  }

  arm(wheel: TimerWheel, delayMs: number, onDue: () => void): void {
    this.#onDue = onDue;
    wheel.arm(this.timer, delayMs);
  }

  /** An attempt at this priority failed, for a policy with `remoteLocalities`. */
  leavePriority(priority: number): void {
    this.attempted ??= [];
    this.attempted.push(priority);
    if (this.attempted.length % attemptsPerPriority === 0) this.excluded = [...new Set(this.attempted)];
  }

  /** Everything has been asked: from the beginning. */
  allowPriorities(): void {
    this.attempted = undefined;
    this.excluded = [];
  }

  /** Bounds each attempt; `beginTry` starts the time of one. */
  limitTries(tryMs: number, onTryDue: () => void): void {
    this.tryMs = tryMs;
    this.#onTryDue = onTryDue;
  }

  beginTry(wheel: TimerWheel): void {
    if (this.tryMs > 0) this.arm(wheel, this.tryMs, this.#onTryDue);
  }
}

/** In Envoy's order, in which combined flags are written. */
const flagOrder = [
  'UH',
  'UT',
  'LR',
  'UR',
  'UF',
  'UC',
  'UO',
  'NR',
  'DI',
  'FI',
  'DC',
  'URX',
  'SI',
  'DPE',
  'UPE',
  'NC',
  'OM',
];
const combined = new Map<string, string>();

/** Envoy's response flags of a request: that of its own answer (`-` for none) and those of what actions did. */
export function responseFlags(flag: string, bits: number): string {
  if (bits === 0) return flag;
  const key = `${flag}${bits}`;
  let text = combined.get(key);
  if (text === undefined) {
    const flags = [
      ...(flag === '-' ? [] : [flag]),
      ...((bits & ActionFlag.delayInjected) === 0 ? [] : ['DI']),
      ...((bits & ActionFlag.retriesUsedUp) === 0 ? [] : ['URX']),
      ...((bits & ActionFlag.retryOverflow) === 0 ? [] : ['UO']),
    ];
    text = [...new Set(flags)].sort((a, b) => flagOrder.indexOf(a) - flagOrder.indexOf(b)).join(',');
    combined.set(key, text);
  }
  return text;
}
