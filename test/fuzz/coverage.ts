/**
 * Which code of the product ran, by V8's own precise coverage of this process.
 *
 * V8 names a block of its own only where it ran more or less often than what is around it. One that ran as often is found by what
 * is not named as never run; so this remembers, of each function, the characters that no input has reached.
 */
import { Session } from 'node:inspector';

interface FunctionRun {
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

interface Taken {
  readonly result: readonly { readonly url: string; readonly functions: readonly FunctionRun[] }[];
}

/** What ran between two looks: for each function that did, 1 for each of its characters that did not. */
export type Reach = ReadonlyMap<string, Uint8Array>;

/** The code that runs in files whose path matches. */
export class Coverage {
  readonly #session = new Session();
  readonly #covers: RegExp;
  readonly #missed = new Map<string, Uint8Array>();

  constructor(covers: RegExp) {
    this.#covers = covers;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last call. */
  take(): Reach {
    const reach = new Map<string, Uint8Array>();
    for (const { url, functions } of this.#take().result) {
      if (!this.#covers.test(url)) continue;
      for (const { ranges } of functions) {
        const [whole] = ranges;
        if (whole === undefined || whole.count === 0) continue;
        const missed = new Uint8Array(whole.endOffset - whole.startOffset);
        for (const { startOffset, endOffset, count } of ranges) {
          missed.fill(count === 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
        }
        reach.set(`${url}:${whole.startOffset}-${whole.endOffset}`, missed);
      }
    }
    return reach;
  }

  /** Whether it holds anything that was not remembered. */
  isNew(reach: Reach): boolean {
    for (const [name, missed] of reach) {
      const known = this.#missed.get(name);
      if (known === undefined || known.some((isMissed, at) => isMissed === 1 && missed[at] === 0)) return true;
    }
    return false;
  }

  remember(reach: Reach): void {
    for (const [name, missed] of reach) {
      const known = this.#missed.get(name);
      this.#missed.set(name, known === undefined ? missed : known.map((isMissed, at) => isMissed & (missed[at] ?? 1)));
    }
  }

  /** Characters of code that were reached. */
  get reached(): number {
    let reached = 0;
    for (const missed of this.#missed.values()) for (const isMissed of missed) reached += 1 - isMissed;
    return reached;
  }

  close(): void {
    this.#session.disconnect();
  }

  #take(): Taken {
    let taken: Taken = { result: [] };
    // A session of the own process answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      taken = answer;
    });
    return taken;
  }
}
