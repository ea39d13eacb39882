export { AppToken, AppTokenError, type AppCredential } from './app-token.js';
export { Authentication } from './authentication.js';
export { BearerGuard, principalOf } from './bearer-guard.js';
export { refusalOf, type ChallengeFacts, type TokenRefusal } from './challenge.js';
export { EntraTokens, type EntraSettings } from './entra-tokens.js';
export {
  ConfiguredGroups,
  GroupDirectory,
  GroupsUnavailable,
  type Member,
  TokenGroups,
} from './group-directory.js';
export { GraphGroups } from './graph-groups.js';
export { TokenError, TokenVerifier, type TokenErrorCode } from './token-verifier.js';
