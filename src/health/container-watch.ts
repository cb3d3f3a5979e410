import type { AimedProbe, ContainerHealth } from '../compile/index.ts';
import type { AskOnce } from './check.ts';
import { MAX_SILENT_FAILURES, UNREADY_PERIOD_MS } from './limits.ts';
import type { Check, Verdict } from './verdict.ts';

export interface ContainerWatchOptions {
  readonly container: ContainerHealth;
  readonly ask: AskOnce;
  /** Runs a function after a time in milliseconds; returns the way to call it off. */
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  /** Milliseconds that only ever grow. */
  readonly nowMs: () => number;
  /** It counts as ready until probes say otherwise: it has been serving. Else it must first answer. */
  readonly isReady: boolean;
  /** False: it has been running for a time that nobody knows, so that no initial delay is waited for. */
  readonly hasJustStarted: boolean;
  /** After each answer. */
  readonly onAnswer: () => void;
}

/**
 * One container asked as a kubelet asks it (kubernetes/pkg/kubelet/prober/worker.go): first by its startup probe until that
 * succeeds once, then by its readiness probe for as long as it runs. Answers that repeat are counted; a threshold of them
 * changes the state.
 */
export class ContainerWatch {
  readonly #options: ContainerWatchOptions;
  readonly #startedMs: number;
  #isReady: boolean;
  #phase: 'startup' | 'readiness';
  #repeated = 0;
  #lastHealthy: boolean | undefined;
  #detail = 'it has not answered a probe yet';
  #check: Check | undefined;
  #cancelTimer: () => void = () => undefined;
  /** The initial delay is being waited for. */
  #isDelayed = false;
  #isClosed = false;

  constructor(options: ContainerWatchOptions) {
    this.#options = options;
    this.#startedMs = options.nowMs();
    this.#isReady = options.isReady;
    this.#phase = options.container.startup === undefined ? 'readiness' : 'startup';
    this.#askAfter(this.#initialDelayMs());
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether it has been asked and has answered, or not answered in time. */
  get isKnown(): boolean {
    return this.#isReady || this.#repeated > 0;
  }

  /** Enough failures in a row to be worth a word; a startup probe may allow for minutes of them. */
  get hasFailed(): boolean {
    const allowed = Math.min(this.#probe()?.failureThreshold ?? 1, MAX_SILENT_FAILURES);
    return this.#lastHealthy === false && this.#repeated >= allowed;
  }

  /** Why it is not ready: the probe and what came of it. */
  get reason(): string {
    const { container } = this.#options.container;
    const probe = this.#probe();
    const which = `${this.#phase} probe${container === '' ? '' : ` of container "${container}"`}`;
    return probe === undefined ? this.#detail : `${which}, ${describe(probe)}: ${this.#detail}`;
  }

  /** Asks at once where the next question only waits for its turn. */
  askNow(): void {
    if (this.#isReady || this.#check !== undefined || this.#isDelayed) return;
    this.#askAfter(0);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#check?.cancel();
  }

  #probe(): AimedProbe | undefined {
    return this.#options.container[this.#phase];
  }

  /** What is left of the initial delay, which runs from the start of the container for both probes. */
  #initialDelayMs(): number {
    const { hasJustStarted, nowMs } = this.#options;
    const delayMs = hasJustStarted ? (this.#probe()?.initialDelayMs ?? 0) - (nowMs() - this.#startedMs) : 0;
    this.#isDelayed = delayMs > 0;
    return Math.max(0, delayMs);
  }

  #askAfter(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.schedule(() => this.#ask(), delayMs);
  }

  #ask(): void {
    this.#isDelayed = false;
    const probe = this.#probe();
    if (probe === undefined || this.#isClosed) return;
    this.#check = this.#options.ask(probe, (verdict) => {
      this.#check = undefined;
      if (!this.#isClosed) this.#take(probe, verdict);
    });
  }

  #take(probe: AimedProbe, { isHealthy, detail }: Verdict): void {
    this.#repeated = isHealthy === this.#lastHealthy ? this.#repeated + 1 : 1;
    this.#lastHealthy = isHealthy;
    // A success that is not enough yet explains nothing.
    if (!isHealthy) this.#detail = detail;
    const isDecided = this.#repeated >= (isHealthy ? probe.successThreshold : probe.failureThreshold);
    if (this.#phase === 'startup' && isHealthy && isDecided) this.#enterReadiness();
    else {
      if (isDecided) this.#isReady = isHealthy;
      this.#askAfter(this.#periodMs(probe));
    }
    this.#options.onAnswer();
  }

  #enterReadiness(): void {
    this.#phase = 'readiness';
    this.#repeated = 0;
    if (this.#probe() === undefined) this.#isReady = true;
    else this.#askAfter(this.#initialDelayMs());
  }

  #periodMs({ periodMs }: AimedProbe): number {
    return this.#isReady ? periodMs : Math.min(periodMs, UNREADY_PERIOD_MS);
  }
}

function describe({ handler, address }: AimedProbe): string {
  const where = address === undefined ? '' : ` ${address.host}:${address.port}`;
  if (handler.type === 'grpc') return `grpc${where}${handler.service === '' ? '' : ` service "${handler.service}"`}`;
  return handler.type === 'tcp' ? `tcpSocket${where}` : `httpGet${where}${handler.path}`;
}
