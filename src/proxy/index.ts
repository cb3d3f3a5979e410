export { findLimitFaults, withLimitSettings, type LimitSettings } from './limit-settings.ts';
export type { ProxyLimits } from './limits.ts';
export { createProxy } from './proxy.ts';
export type { Address, ClusterSnapshot, Proxy, ProxyOptions, ProxySnapshot } from './proxy-api.ts';
