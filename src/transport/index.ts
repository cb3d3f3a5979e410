export { isAnyoneAtWork } from './at-work.ts';
export { connect, type ConnectAttempt, type ConnectFailure, type ConnectOptions } from './connect.ts';
export type { ClientHello } from './client-hello.ts';
export {
  listen,
  type Listener,
  type ListenOptions,
  type ListenSecurity,
  type RefusedConnection,
  type TreatmentOf,
} from './listener.ts';
export { bindError, probePort, type BindError } from './probe-port.ts';
export type { SocketFacts } from './socket-facts.ts';
export { TimerWheel, WheelTimer, type TimerWheelOptions } from './timer-wheel.ts';
export {
  createAnonymousTlsIdentity,
  createBackendTlsIdentity,
  createTlsIdentity,
  type PeerVerdict,
  type TlsClientContext,
  type TlsIdentityOptions,
  type TlsServerContext,
  type VerifyPeer,
} from './tls-context.ts';
export { Http2Transport, type CloseReason, type Http2TransportOptions } from './transport.ts';
export { defaultTransportLimits, type TransportLimits } from './transport-limits.ts';
export { resumeNextTurn, type Resumable } from './turn.ts';
