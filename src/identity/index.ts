export {
  checkTrustDomain,
  formatSpiffeId,
  istioSpiffeId,
  parseIstioSpiffeId,
  parseSpiffeId,
  principalOf,
  type IstioIdentity,
  type SpiffeId,
  type SpiffeIdResult,
} from './spiffe-id.ts';
export { SvidHolder, type AcceptResult, type Svid } from './svid-holder.ts';
export { verifyPeer, type PeerTrust, type PeerVerdict, type VerifyPeerOptions } from './verify-peer.ts';
