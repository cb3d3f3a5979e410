/** Which blocks of the product ran, by V8's own precise coverage of this process. */
import { Session } from 'node:inspector';

interface Taken {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
    }[];
  }[];
}

/** The blocks that run in files whose path matches. */
export class Coverage {
  readonly #session = new Session();
  readonly #covers: RegExp;

  constructor(covers: RegExp) {
    this.#covers = covers;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Blocks that ran since the last call. */
  blocks(): string[] {
    const blocks: string[] = [];
    for (const { url, functions } of this.#take().result) {
      if (!this.#covers.test(url)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) blocks.push(`${url}:${startOffset}-${endOffset}`);
        }
      }
    }
    return blocks;
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
