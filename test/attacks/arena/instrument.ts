/**
 * Options of Node for what measures: without them its own collector (20 ms, for what grpc-js keeps of finished calls) and optimising
 * compiler are the p99, attack or not.
 */
export const instrumentFlags = ['--no-opt', '--no-maglev', '--max-semi-space-size=1', '--single-threaded-gc'];

/** The same for the application, whose code is compiled as everybody's is: it is given what the proxies let through. */
export const applicationFlags = ['--max-semi-space-size=1', '--single-threaded-gc'];
