export {
  Authenticator,
  overloaded,
  type FoundToken,
  type PendingVerdict,
  type RefusedToken,
  type TokenPlace,
  type TokenRule,
  type Verdict,
  type VerifiedToken,
} from './authenticator.ts';
export { claimHeaderValue } from './claim-header.ts';
export { maxTokensPerRequest } from './limits.ts';
export type { TokenStatus } from './status.ts';
