export {
  CertificateAuthority,
  type AuthorityResult,
  type IssueRequest,
  type IssueResult,
} from './certificate-authority.ts';
export {
  makeListenerCertificate,
  type ListenerCertificate,
  type ListenerCertificateResult,
} from './listener-certificate.ts';
export { findPemFault } from './pem-fault.ts';
export { checkPins, type Pins } from './certificate-pins.ts';
export { checkNames, type WantedName } from './peer-names.ts';
export { checkTrustDomain, istioSpiffeId, principalOf } from './spiffe-id.ts';
export { SvidHolder, type AcceptResult, type Svid } from './svid-holder.ts';
export { verifyPeer, type PeerTrust, type PeerVerdict, type VerifyPeerOptions } from './verify-peer.ts';
export {
  certificateFacts,
  verifyClient,
  type CertificateFacts,
  type ClientTrust,
  type ClientVerdict,
} from './verify-client.ts';
