import type { FetchedKeySets, RemoteKeySource } from '../compile/index.ts';

/** What came of asking for a document. Never rejects. */
export type FetchDocument = (
  url: string,
  timeoutMs: number,
) => Promise<{ readonly text: string } | { readonly error: string }>;

export interface KeySetsOptions {
  readonly fetch: FetchDocument;
  readonly nowMs: () => number;
  /** Runs a function after a time in milliseconds; returns the way to call it off. */
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** `current()` gives something else than before. */
  readonly onChange: () => void;
}

/** Keys are asked for anew after this long, in milliseconds: Envoy's default (Istio's control plane: 20 minutes). */
const refreshMs = 300_000;
/** First wait after a failure, doubled each time up to the longest, in milliseconds: an issuer that starts is found soon. */
const firstRetryMs = 500;
const longestRetryMs = 30_000;
/** A hint that a key is missing asks soon, but not more often than this, in milliseconds: anybody can send a token with any key id. */
const hintPauseMs = 2_000;

interface Entry {
  source: RemoteKeySource;
  result: { readonly text: string } | { readonly error: string } | undefined;
  failures: number;
  isFetching: boolean;
  /** A hint has brought the next fetch forward. */
  isHinted: boolean;
  lastFetchMs: number;
  cancelTimer: () => void;
}

/**
 * Fetches the key sets that RequestAuthentications name, and keeps them fresh. Keys that were had once stay in force while
 * their issuer cannot be reached; keys that were never had make every token of the issuer bad.
 */
export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /** The key sets that are wanted from now on; new ones are asked for at once, others forgotten. */
  follow(sources: readonly RemoteKeySource[]): void {
    const wanted = new Set(sources.map(({ url }) => url));
    for (const [url, entry] of this.#entries) {
      if (wanted.has(url)) continue;
      entry.cancelTimer();
      this.#entries.delete(url);
    }
    for (const source of sources) {
      const known = this.#entries.get(source.url);
      if (known !== undefined) {
        known.source = source;
        continue;
      }
      const entry: Entry = {
        source,
        result: undefined,
        failures: 0,
        isFetching: false,
        isHinted: false,
        lastFetchMs: 0,
        cancelTimer: () => undefined,
      };
      this.#entries.set(source.url, entry);
      void this.#fetch(entry);
    }
  }

  /** What is known now, by url; what has not been answered yet is not there. */
  current(): FetchedKeySets {
    return Object.fromEntries(
      [...this.#entries].flatMap(([url, { result }]) => (result === undefined ? [] : [[url, result] as const])),
    );
  }

  /** True while a key set has been neither had nor refused for the first time. */
  pending(): boolean {
    return [...this.#entries.values()].some(({ result }) => result === undefined);
  }

  /** A token named a key that the set does not have: perhaps the issuer has a new one. */
  hint(url: string): void {
    const entry = this.#entries.get(url);
    if (entry === undefined || entry.isFetching || entry.isHinted) return;
    entry.isHinted = true;
    entry.cancelTimer();
    const waitMs = Math.max(0, entry.lastFetchMs + hintPauseMs - this.#options.nowMs());
    entry.cancelTimer = this.#options.schedule(() => void this.#fetch(entry), waitMs);
  }

  close(): void {
    for (const { cancelTimer } of this.#entries.values()) cancelTimer();
    this.#entries.clear();
  }

  async #fetch(entry: Entry): Promise<void> {
    entry.cancelTimer();
    entry.isFetching = true;
    entry.isHinted = false;
    entry.lastFetchMs = this.#options.nowMs();
    const fetched = await this.#keysOf(entry.source);
    entry.isFetching = false;
    if (this.#entries.get(entry.source.url) !== entry) return;
    entry.failures = 'error' in fetched ? entry.failures + 1 : 0;
    const waitMs =
      entry.failures === 0 ? refreshMs : Math.min(longestRetryMs, firstRetryMs * 2 ** (entry.failures - 1));
    // Up to a tenth later, so that many issuers are not asked in one moment.
    const delayMs = waitMs * (1 + this.#options.random() / 10);
    entry.cancelTimer = this.#options.schedule(() => void this.#fetch(entry), delayMs);
    this.#take(entry, fetched);
  }

  #take(entry: Entry, fetched: { readonly text: string } | { readonly error: string }): void {
    const { result } = entry;
    const hasGood = result !== undefined && 'text' in result;
    if ('error' in fetched && hasGood) return;
    if (JSON.stringify(result) === JSON.stringify(fetched)) return;
    entry.result = fetched;
    this.#options.onChange();
  }

  async #keysOf({ url, isDiscovery, timeoutMs }: RemoteKeySource): ReturnType<FetchDocument> {
    const found = isDiscovery ? await this.#discover(url, timeoutMs) : { url };
    if ('error' in found) return found;
    const document = await this.#options.fetch(found.url, timeoutMs);
    if ('error' in document) return document;
    const parsed = parseObject(document.text);
    return Array.isArray(parsed?.['keys']) ? document : { error: `${found.url} gave no JSON Web Key Set` };
  }

  /** OpenID Connect Discovery 1.0, §4: the issuer's document names its key set. */
  async #discover(url: string, timeoutMs: number): Promise<{ readonly url: string } | { readonly error: string }> {
    const document = await this.#options.fetch(url, timeoutMs);
    if ('error' in document) return document;
    const keySet = parseObject(document.text)?.['jwks_uri'];
    return typeof keySet === 'string' && /^https?:\/\//i.test(keySet)
      ? { url: keySet }
      : { error: `${url} names no jwks_uri` };
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
