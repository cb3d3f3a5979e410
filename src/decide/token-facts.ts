/** What policies read of a token that was verified. Nothing of a token that was not is ever here. */

/** A verified JSON Web Token; claims as they are in it. Texts are JavaScript's, not latin1. */
export interface TokenFacts {
  readonly issuer: string;
  /** Empty when the token has no `sub`. */
  readonly subject: string;
  readonly audiences: readonly string[];
  /** The claim `azp`, or empty. */
  readonly presenter: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Claims at the top whose text is a list with spaces between its entries. */
  readonly spaceDelimited: ReadonlySet<string>;
}

/**
 * The texts of a claim, nested by `path`: one for a text, each for a list of texts, none for anything else. A claim of
 * `spaceDelimited` is split only at the top; nested texts are matched whole (istio.md 1.4).
 */
export function claimTexts(token: TokenFacts, path: readonly string[]): readonly string[] {
  const value = claimAt(token.claims, path);
  if (typeof value === 'string') {
    const isList = path.length === 1 && token.spaceDelimited.has(path[0] as string);
    return isList ? value.split(' ').filter((entry) => entry !== '') : [value];
  }
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

/** A claim, nested by `path`; undefined where there is none. Lists are not entered. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // Own fields only: a claim named `constructor` is one that is written in the token.
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

/** `iss/sub`, as policies write it; undefined when the token lacks one of the two. */
export function requestPrincipalOf({ issuer, subject }: TokenFacts): string | undefined {
  return issuer === '' || subject === '' ? undefined : `${issuer}/${subject}`;
}

/** The names of `…request.auth.claims[a][b]`, which policies and VirtualServices write; undefined for any other key. */
export function claimPath(key: string): readonly string[] | undefined {
  const names = /^@?request\.auth\.claims((?:\[[^\][]+\])+)$/.exec(key)?.[1];
  return names?.slice(1, -1).split('][');
}
