import type { DiagnosticCode } from '../base/index.ts';

/** Findings about calls between workloads and to outside hosts, SP0190 to SP0199. */
export const outboundCodes = {
  entryHostTaken: {
    code: 'SP0190',
    severity: 'warning',
    title:
      'A host of a ServiceEntry is that of a Service, or of an older ServiceEntry of another namespace, which counts.',
  },
  entryPortUnnamed: {
    code: 'SP0192',
    severity: 'info',
    title:
      'Nothing in connections to a port of a ServiceEntry says which host they are for: apps do not reach it through their sidecars.',
  },
  sidecarShadowed: {
    code: 'SP0193',
    severity: 'warning',
    title: 'A namespace has several Sidecars without a workloadSelector; only the oldest counts.',
    also: ['IST0111'],
  },
  sidecarSelectedTwice: {
    code: 'SP0194',
    severity: 'warning',
    title: 'Several Sidecars select one workload; only the oldest counts for it.',
    also: ['IST0110'],
  },
  serviceParent: {
    code: 'SP0195',
    severity: 'error',
    title: 'A route names a Service as its parent and cannot be attached to it.',
  },
} as const satisfies Record<string, DiagnosticCode>;
