/** Bounds of the deciders, each with its reason. */

/** Hosts whose virtual host one port remembers; an honest gateway serves fewer names than this at a time. */
export const maxCachedHosts = 512;

/** Paths remembered by all virtual hosts of one proxy together: about 100 bytes each, so a few MB at worst. */
export const maxCachedPaths = 16_384;

/** Paths one virtual host remembers at most: more than the methods of the services behind a usual host. */
export const maxCachedPathsPerHost = 2_048;

/** Paths one virtual host remembers at least, however many virtual hosts share `maxCachedPaths`. */
export const minCachedPathsPerHost = 32;

/** Sets of connection facts (identity, address where a policy reads it) whose bound authorization a proxy remembers. */
export const maxBoundAuthorizations = 256;

/** Authorities one bound authorization remembers when a policy reads the host. */
export const maxAuthorizationHosts = 16;

/** Paths it remembers for each. */
export const maxAuthorizationPaths = 256;

/** Routes or rules that an explanation looks at: a refused flood must not cost more than a served one. */
export const maxExplained = 50;

/** Characters of a request-controlled value that a reason shows. */
export const maxQuotedLength = 120;

/** The longest wait between attempts is this many times the first, as with Envoy when only the first is configured. */
export const maxRetryBackoffFactor = 10;

/**
 * Share of a cluster's requests that may be retries, where no `maxRetries` is configured, and how many may be however few
 * there are: Envoy's retry budget. A cluster that fails gets a fifth more requests at most, not three times as many.
 */
export const retryBudgetShare = 0.2;
export const retryBudgetMin = 3;
