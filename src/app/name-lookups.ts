/** How often a name that could be looked up is looked up again, in milliseconds; Istio's `dnsRefreshRate`. */
const refreshMs = 60_000;

/** How soon after a failure, in milliseconds: somebody may be waiting for the network. Envoy's base is the same. */
const retryMs = 5_000;

export interface NameLookupsOptions {
  /** Rejects for a name that has no address. */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  /** The addresses of a name changed. After a failure those known before stay, as in Envoy. */
  readonly onChanged: (name: string, addresses: readonly string[]) => void;
  /** For the operator: a name that could not be looked up, said once until it can. */
  readonly onFailed: (name: string, message: string) => void;
  /** `isPending` may have become false. */
  readonly onProgress: () => void;
}

interface Watched {
  addresses: readonly string[] | undefined;
  failed: boolean;
  cancel: () => void;
}

/** Looks DNS names up for as long as the plan asks for them, away from any request. */
export class NameLookups {
  readonly #options: NameLookupsOptions;
  readonly #watched = new Map<string, Watched>();
  #isClosed = false;

  constructor(options: NameLookupsOptions) {
    this.#options = options;
  }

  /** True while a name has neither been found nor failed. */
  get isPending(): boolean {
    return [...this.#watched.values()].some(({ addresses, failed }) => addresses === undefined && !failed);
  }

  /** These names, and no others. */
  watch(names: readonly string[]): void {
    const wanted = new Set(this.#isClosed ? [] : names);
    for (const [name, { cancel }] of this.#watched) {
      if (wanted.has(name)) continue;
      cancel();
      this.#watched.delete(name);
    }
    for (const name of wanted) {
      if (this.#watched.has(name)) continue;
      const watched = { addresses: undefined, failed: false, cancel: () => undefined };
      this.#watched.set(name, watched);
      void this.#ask(name, watched);
    }
  }

  /** For good: plans that are compiled while the mesh stops ask for nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.watch([]);
  }

  async #ask(name: string, watched: Watched): Promise<void> {
    let next = refreshMs;
    try {
      const addresses = [...new Set(await this.#options.lookup(name))].sort();
      if (this.#watched.get(name) !== watched) return;
      const isNews = addresses.join() !== watched.addresses?.join();
      watched.addresses = addresses;
      watched.failed = false;
      if (isNews) this.#options.onChanged(name, addresses);
    } catch (error) {
      if (this.#watched.get(name) !== watched) return;
      if (!watched.failed) this.#options.onFailed(name, error instanceof Error ? error.message : String(error));
      watched.failed = true;
      next = retryMs;
    }
    watched.cancel = this.#options.schedule(() => void this.#ask(name, watched), next);
    this.#options.onProgress();
  }
}
