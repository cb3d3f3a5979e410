import type { DescriptorSource } from '../protobuf/index.ts';
import type { TimerWheel } from '../transport/index.ts';
import type { ProxyLimits } from './limits.ts';
import type { Address } from './proxy-api.ts';
import { askReflection, type ReflectionQuery } from './reflection-query.ts';

export interface DescriptorWatchOptions {
  readonly address: Address;
  /** `:authority` of the calls to the workload. */
  readonly authority: string;
  readonly wheel: TimerWheel;
  readonly random: () => number;
  readonly limits: ProxyLimits;
  readonly log: (line: string) => void;
  readonly onLearned: (source: DescriptorSource) => void;
}

/** Keeps asking one workload what it serves: at the start until it answers, and again whenever it was reached anew. */
export class DescriptorWatch {
  readonly #options: DescriptorWatchOptions;
  #address: Address;
  #query: ReflectionQuery | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #isStale = false;
  #isClosed = false;

  constructor(options: DescriptorWatchOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#ask();
  }

  /** The workload listens elsewhere now, or still here. */
  follow(address: Address): void {
    if (address.host === this.#address.host && address.port === this.#address.port) return;
    this.#address = address;
    this.refresh();
  }

  /** The workload was (re)started as far as can be told: what it serves may have changed. */
  refresh(): void {
    this.#isStale = true;
    this.#failures = 0;
    if (this.#query === undefined) this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#query?.cancel();
  }

  #ask(): void {
    clearTimeout(this.#retry);
    this.#isStale = false;
    const { authority, wheel, limits } = this.#options;
    const address = this.#address;
    this.#query = askReflection({ address, authority, wheel, limits, onEnd: (outcome) => this.#ended(outcome) });
  }

  #ended(outcome: Parameters<Parameters<typeof askReflection>[0]['onEnd']>[0]): void {
    this.#query = undefined;
    if (this.#isClosed) return;
    const place = `workload ${this.#address.host}:${this.#address.port}`;
    if (outcome.type === 'learned') {
      this.#failures = 0;
      for (const problem of outcome.problems) this.#options.log(`${place}: reflection: ${problem}`);
      this.#options.onLearned(outcome.source);
    } else if (outcome.type === 'not-offered') {
      this.#options.log(`${place}: it offers no server reflection; the gateway cannot answer reflection for it`);
    }
    if (this.#isStale) this.#ask();
    else if (outcome.type === 'failed') this.#askLater();
  }

  #askLater(): void {
    const { limits, random } = this.#options;
    const waitMs = Math.min(limits.backoffBaseMs * 2 ** this.#failures, limits.backoffMaxMs) * (0.5 + random() / 2);
    this.#failures++;
    this.#retry = setTimeout(() => this.#ask(), waitMs);
    this.#retry.unref();
  }
}
