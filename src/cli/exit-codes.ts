/** Exit codes of every verb but `call`, which uses grpcurl's. The numbers are those of sysexits(3) and `istioctl analyze`. */
export const exitCode = {
  ok: 0,
  failure: 1,
  usage: 64,
  badInput: 65,
  unreachable: 69,
  findings: 79,
} as const;
