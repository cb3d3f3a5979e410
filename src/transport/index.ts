export { connect, type ConnectAttempt, type ConnectFailure, type ConnectOptions } from './connect.ts';
export { listen, type Listener, type ListenOptions, type ListenSecurity, type RefusedConnection } from './listener.ts';
export type { SocketFacts } from './socket-facts.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
export {
  createAnonymousTlsIdentity,
  createTlsIdentity,
  type PeerVerdict,
  type TlsClientContext,
  type TlsIdentityOptions,
  type TlsServerContext,
  type VerifyPeer,
} from './tls-context.ts';
export {
  defaultTransportLimits,
  Http2Transport,
  type CloseReason,
  type Http2TransportOptions,
  type TransportLimits,
} from './transport.ts';
