/** Limits of reading, each with its reason. What goes over one is a finding, never a hang or a crash. */

/**
 * Bytes of one file. 4 MiB is larger than the biggest bundles of CRDs that people apply; what
 * is above is a wrong path (a dump, a tarball) far more often than a manifest.
 */
export const maxFileBytes = 4 * 1024 * 1024;

/**
 * YAML tokens of one file. Time grows with tokens, not bytes (about 1.7 µs each, 120 to a route), so this is what holds
 * an answer to about a second, for files made to be slow as well.
 */
export const maxTokens = 500_000;

/** Malformed tokens after which a text is taken for something else than YAML; each costs a stack trace to make. */
export const maxBadTokens = 100;

/** Values that aliases may add to one document by repeating others: a "billion laughs" stops here. */
export const maxAliasedValues = 100_000;

/** Depth of nesting. Kubernetes objects stay below 30; the recursion that reads them must not exhaust the stack. */
export const maxDepth = 100;

/** YAML errors shown for one document: what follows the first few is usually their consequence. */
export const maxErrorsPerDocument = 10;

/** Findings shown for one file, so that a wrong file does not bury the findings of the right ones. */
export const maxFindingsPerFile = 100;

/** Files below the given paths: more is a wrong path (a home directory, a checkout with its dependencies). */
export const maxFiles = 10_000;

/** Depth of directories below a given path; also ends loops of symbolic links. */
export const maxDirectoryDepth = 32;
