import type { CompiledProxy } from '../decide/index.ts';
import { stableJson, type RequestAuthentication } from '../plan/index.ts';
import { Authenticator } from '../token/index.ts';

/** Keeps the authenticator through plans that ask the same of tokens, so that a changed route forgets no verdict. */
export class Authenticators {
  readonly #ofPlan = new WeakMap<CompiledProxy, { readonly authenticator: Authenticator | undefined }>();
  #newest: { readonly text: string; readonly authenticator: Authenticator } | undefined;

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
    if (this.#newest?.text !== text) this.#newest = { text, authenticator: new Authenticator(own) };
    return this.#newest.authenticator;
  }
}
