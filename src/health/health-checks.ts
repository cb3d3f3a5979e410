import type { ContainerHealth, Readiness, WorkloadHealth } from '../compile/index.ts';
import type { AskOnce } from './check.ts';
import { ContainerWatch } from './container-watch.ts';

export interface HealthChecksOptions {
  readonly ask: AskOnce;
  /** Milliseconds that only ever grow. */
  readonly nowMs: () => number;
  /** Runs a function after a time in milliseconds; returns the way to call it off. */
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  /** `namespace/name` of workloads whose start and end `started` and `ended` tell. The others run already. */
  readonly startedHere: ReadonlySet<string>;
  /** `current()` gives something else than before. */
  readonly onChange: () => void;
  /** News for the operator: it cannot take calls (and why), or can again. */
  readonly onTold: (news: HealthNews) => void;
  /** `isPending` may have become false. */
  readonly onProgress: () => void;
}

export interface HealthNews {
  readonly workload: string;
  readonly isReady: boolean;
  /** Of one that is not ready. */
  readonly reason: string;
}

interface Followed {
  containers: readonly ContainerHealth[];
  /** The containers in few letters, to notice changes. */
  text: string;
  /** Empty while it does not run. */
  watches: readonly ContainerWatch[];
  isReady: boolean;
  /** It was ready once. */
  wasReady: boolean;
  /** Why it does not run. */
  absence: string;
  /** The operator was told that it is not ready, and why. */
  told: string | undefined;
}

/** Asks workloads whether they can take calls, as a kubelet would, for as long as the manifests say so. */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #followed = new Map<string, Followed>();
  #isClosed = false;

  constructor(options: HealthChecksOptions) {
    this.#options = options;
  }

  /**
   * The workloads from now on. One that was here before keeps its state where its probes have changed, until the new ones
   * have an answer: it has been serving.
   */
  follow(workloads: readonly WorkloadHealth[]): void {
    if (this.#isClosed) return;
    const wanted = new Map(workloads.map(({ workload, containers }) => [workload, containers]));
    for (const [name, followed] of this.#followed) {
      if (wanted.has(name)) continue;
      closeAll(followed);
      this.#followed.delete(name);
    }
    for (const [name, containers] of wanted) this.#followOne(name, containers);
  }

  /** Who is ready, for the next plan. */
  current(): Readiness {
    return Object.fromEntries([...this.#followed].map(([name, { isReady }]) => [name, isReady]));
  }

  /** Workloads with probes that are not ready, and why; by `namespace/name`. */
  unready(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#followed].flatMap(([name, followed]) =>
        followed.isReady ? [] : [[name, reasonOf(followed)] as const],
      ),
    );
  }

  /** Whether a workload is asked at all. */
  isAsked(workload: string): boolean {
    return (this.#followed.get(workload)?.containers.length ?? 0) > 0;
  }

  /** True while a workload has not given its first answer, or one that is started here has never been ready. */
  get isPending(): boolean {
    return [...this.#followed].some(([name, { wasReady, watches }]) =>
      this.#options.startedHere.has(name) ? !wasReady : watches.some(({ isKnown }) => !isKnown),
    );
  }

  /** A workload of `startedHere` has been started: its probes begin, after their initial delay. */
  started(workload: string): void {
    const followed = this.#followed.get(workload);
    if (followed !== undefined && !this.#isClosed) this.#begin(workload, followed, true);
  }

  /** It accepts connections: no use waiting for the next turn. */
  listens(workload: string): void {
    for (const watch of this.#followed.get(workload)?.watches ?? []) watch.askNow();
  }

  /** A workload of `startedHere` has ended. */
  ended(workload: string, description: string): void {
    const followed = this.#followed.get(workload);
    if (followed === undefined || followed.containers.length === 0) return;
    closeAll(followed);
    followed.absence = `it ended (${description})`;
    this.#update(workload, followed);
  }

  close(): void {
    this.#isClosed = true;
    for (const followed of this.#followed.values()) closeAll(followed);
  }

  #followOne(name: string, containers: readonly ContainerHealth[]): void {
    const text = JSON.stringify(containers, (key, value: unknown) => (key === 'origin' ? undefined : value));
    const known = this.#followed.get(name);
    if (known?.text === text) return;
    const runs = !this.#options.startedHere.has(name) || (known !== undefined && known.watches.length > 0);
    const wasAlwaysReady = known?.containers.length === 0;
    const followed: Followed = {
      containers,
      text,
      watches: known?.watches ?? [],
      isReady: containers.length === 0 || known?.isReady === true,
      wasReady: containers.length === 0 || known?.wasReady === true,
      absence: known?.absence ?? 'it has not been started yet',
      told: known?.told,
    };
    this.#followed.set(name, followed);
    if (containers.length === 0) {
      closeAll(followed);
      this.#tell(name, followed);
    } else if (runs || wasAlwaysReady) this.#begin(name, followed, false);
  }

  #begin(name: string, followed: Followed, hasJustStarted: boolean): void {
    closeAll(followed);
    const { ask, nowMs, schedule } = this.#options;
    const { isReady } = followed;
    followed.watches = followed.containers.map(
      (container) =>
        new ContainerWatch({
          container,
          ask,
          nowMs,
          schedule,
          isReady: isReady && !hasJustStarted,
          hasJustStarted,
          onAnswer: () => this.#update(name, followed),
        }),
    );
  }

  #update(name: string, followed: Followed): void {
    const { watches, containers } = followed;
    const isReady = watches.length === containers.length && watches.every((watch) => watch.isReady);
    const isNews = isReady !== followed.isReady;
    followed.isReady = isReady;
    followed.wasReady ||= isReady;
    this.#tell(name, followed);
    if (isNews) this.#options.onChange();
    this.#options.onProgress();
  }

  /** Each reason once; nothing of a workload that is still starting, before it has failed as often as its probe allows. */
  #tell(name: string, followed: Followed): void {
    const { isReady, watches, told } = followed;
    if (isReady) {
      followed.told = undefined;
      if (told !== undefined) this.#options.onTold({ workload: name, isReady, reason: '' });
      return;
    }
    const isStarting = this.#options.startedHere.has(name) && !followed.wasReady;
    if (isStarting && !watches.some(({ hasFailed }) => hasFailed)) return;
    const reason = reasonOf(followed);
    if (reason === told) return;
    followed.told = reason;
    this.#options.onTold({ workload: name, isReady, reason });
  }
}

function reasonOf({ watches, absence }: Followed): string {
  return watches.find(({ isReady }) => !isReady)?.reason ?? absence;
}

function closeAll(followed: Followed): void {
  for (const watch of followed.watches) watch.close();
  followed.watches = [];
}
