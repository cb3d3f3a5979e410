export {
  Authenticator,
  overloaded,
  type PendingVerdict,
  type RefusedToken,
  type TokenPlace,
  type Verdict,
  type VerifiedToken,
} from './authenticator.ts';
export { claimHeaderValue } from './claim-header.ts';
export { maxTokensPerRequest } from './limits.ts';
export type { TokenStatus } from './status.ts';
