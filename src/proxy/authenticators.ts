import type { CompiledProxy } from '../decide/index.ts';
import { stableJson, type RequestAuthentication } from '../plan/index.ts';
import { Authenticator } from '../token/index.ts';

/** Keeps the authenticator through plans that ask the same of tokens, so that a changed route forgets no verdict. */
export class Authenticators {
  readonly #ofPlan = new WeakMap<CompiledProxy, { readonly authenticator: Authenticator | undefined }>();
  readonly #onKeyMissing: (remote: string) => void;
  /** When each place was last named, in wall milliseconds; keys of the map come from plans, never from tokens. */
  readonly #hintedMs = new Map<string, number>();
  #newest: { readonly text: string; readonly authenticator: Authenticator } | undefined;

  constructor(onKeyMissing: (remote: string) => void) {
    this.#onKeyMissing = onKeyMissing;
  }

  of(compiled: CompiledProxy): Authenticator | undefined {
    const known = this.#ofPlan.get(compiled);
    if (known !== undefined) return known.authenticator;
    const authenticator = this.#find(compiled);
    this.#ofPlan.set(compiled, { authenticator });
    return authenticator;
  }

  #find({ id, plan }: CompiledProxy): Authenticator | undefined {
    const own: readonly RequestAuthentication[] = Object.values(plan.requestAuthentications).filter(
      ({ proxy, rules }) => proxy === id && rules.length > 0,
    );
    if (own.length === 0) return undefined;
    const text = stableJson(own);
    if (this.#newest?.text !== text) this.#newest = { text, authenticator: this.#make(own) };
    return this.#newest.authenticator;
  }

  /** Anybody can send tokens with any key id, so that control is told of each place only now and then. */
  #make(own: readonly RequestAuthentication[]): Authenticator {
    return new Authenticator(own, (remote, nowMs) => {
      const last = this.#hintedMs.get(remote);
      if (last !== undefined && Math.abs(nowMs - last) < hintPauseMs) return;
      this.#hintedMs.set(remote, nowMs);
      this.#onKeyMissing(remote);
    });
  }
}

/** Milliseconds between two hints about one key set. */
const hintPauseMs = 1_000;
