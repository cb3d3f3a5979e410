export interface FuzzTarget {
  readonly name: string;
  /** Files whose blocks count as novelty. */
  readonly covers: RegExp;
  /** Inputs to begin with. */
  readonly seeds: readonly Buffer[];
  /** Pieces that mean something in an input. */
  readonly tokens: readonly Buffer[];
  /** Throws when an invariant does not hold. */
  run(input: Buffer): void;
}
