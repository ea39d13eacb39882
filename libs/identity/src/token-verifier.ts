import type { Principal } from '#contracts';

/** Why a token does not make its bearer a principal. */
export type TokenErrorCode =
  | 'TOKEN_MISSING'
  | 'TOKEN_REPEATED'
  | 'TOKEN_MISPLACED'
  | 'TOKEN_INVALID'
  | 'TOKEN_CLASS_REFUSED'
  | 'TENANT_NOT_ALLOWED'
  | 'CLIENT_NOT_ALLOWED'
  | 'SCOPE_MISSING'
  | 'GROUPS_UNRESOLVED'
  | 'IDENTITY_UNAVAILABLE';

/** A caller could not be identified. The message is safe to show; the cause is for the log alone. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  constructor(
    readonly code: TokenErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Turns a bearer token into a principal. */
export abstract class TokenVerifier {
  /** @throws TokenError, always with a code; nothing else. */
  abstract verify(token: string): Promise<Principal>;
}
