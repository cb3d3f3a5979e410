/**
 * Options of Node for what measures, the honest client and the application: without them their own collector (20 ms, for what
 * grpc-js keeps of finished calls) and optimising compiler are the p99, attack or not.
 */
export const instrumentFlags = ['--no-opt', '--no-maglev', '--max-semi-space-size=1', '--single-threaded-gc'];
