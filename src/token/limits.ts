/** Bounds on tokens, each with its reason. */

/** Tokens that one proxy remembers: users of one machine's mesh at a time; each with its claims, so at most a few MB. */
export const maxVerdicts = 2_048;

/** Characters above which a token is not remembered, so that the bound on tokens also bounds bytes. */
export const maxRememberedTokenLength = 4_096;

/**
 * Signatures that are being checked at one time. At about 6,000 a second that is a wait below 0.2 s; what comes beyond is
 * refused, so that made-up tokens cannot gather a queue without bound.
 */
export const maxPendingVerifications = 1_024;

/** Tokens of one request that are looked at. Without a bound one request could ask for hundreds. */
export const maxTokensPerRequest = 4;

/** Keys that are tried for one token: a key set has one per algorithm and generation, and each costs a signature check. */
export const maxKeysTried = 8;

/** Seconds that clocks may differ, as in Envoy. */
export const clockSkewSeconds = 60;

/** A claim in a header, in bytes; a longer one is left out, since it would fill the next hop's head. */
export const maxClaimHeaderBytes = 8_192;
