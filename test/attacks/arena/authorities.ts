/** The honest workload's host. */
export const goodAuthority = 'sit-gateway.tcex.com.vn';
/** The evil workload's. */
export const evilAuthority = 'evil.example';
