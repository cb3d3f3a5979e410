/** Bounds of telemetry, each with its reason. */

/** Client-and-destination pairs; a mesh on one machine has tens, and each costs a map and a label list. */
export const maxPairs = 4_096;

/** Series of requests, 512 bytes each: 4 MiB at most. Beyond it everything is counted in one overflow series. */
export const maxSeries = 8_192;

/** Different identities and services whose labels are told apart; they are part of a pair's key, 16 bits each. */
export const maxIdentities = 0xffff;

/** Different response flags; Envoy has about thirty, and they combine rarely. */
export const maxFlags = 64;

/**
 * Combinations of labels that Telemetry resources compute, in one process; clients can choose most of them. Beyond it the values
 * read `overflow`, and all other labels of a request stay right.
 */
export const maxTagSets = 1_024;

/** Characters of one such value: a path or a header, of which a page holds many. */
export const maxTagValueLength = 256;

/** Label combinations of one plain counter; reasons of failures may come from peers. */
export const maxCounterSeries = 256;

/** Bytes of access log that wait for a sink that does not take them; beyond it lines are dropped and counted. */
export const maxBufferedLogCharacters = 1_048_576;

/** Characters of one client-controlled value in an access log line. */
export const maxLoggedValueLength = 1_024;
