export { Authentication } from './authentication.js';
export { BearerGuard, principalOf } from './bearer-guard.js';
export { refusalOf, type ChallengeFacts, type TokenRefusal } from './challenge.js';
export { EntraTokens, type EntraSettings } from './entra-tokens.js';
export { TokenError, TokenVerifier, type TokenErrorCode } from './token-verifier.js';
