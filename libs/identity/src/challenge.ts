import type { TokenError, TokenErrorCode } from './token-verifier.js';

const statuses = {
  TOKEN_MISSING: 401,
  TOKEN_REPEATED: 400,
  TOKEN_MISPLACED: 400,
  TOKEN_INVALID: 401,
  TOKEN_CLASS_REFUSED: 401,
  TENANT_NOT_ALLOWED: 403,
  CLIENT_NOT_ALLOWED: 403,
  SCOPE_MISSING: 403,
  GROUPS_UNRESOLVED: 503,
  IDENTITY_UNAVAILABLE: 503,
} as const satisfies Record<TokenErrorCode, number>;

const bearerErrors: Partial<Record<TokenErrorCode, string>> = {
  TOKEN_REPEATED: 'invalid_request',
  TOKEN_MISPLACED: 'invalid_request',
  TOKEN_INVALID: 'invalid_token',
  TOKEN_CLASS_REFUSED: 'invalid_token',
  SCOPE_MISSING: 'insufficient_scope',
};

/** The HTTP answer to a token error. */
export interface TokenRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where a client learns how to get a token: RFC 9728 metadata and the scope to ask for. */
export interface ChallengeFacts {
  readonly resourceMetadata?: string;
  readonly scope?: string;
}

/**
 * Status and headers for a token error. A challenge (RFC 6750 §3) stands on 401, on 400 and on a
 * missing scope; never on 503, or clients would sign in again for an outage that is ours.
 */
export function refusalOf(error: TokenError, facts: ChallengeFacts): TokenRefusal {
  const status = statuses[error.code];
  if (status === 503) return { status, headers: { 'retry-after': '5' } };
  const isChallenge = status !== 403 || error.code === 'SCOPE_MISSING';
  if (!isChallenge) return { status, headers: {} };
  const parameters = [
    parameter('error', bearerErrors[error.code]),
    parameter('resource_metadata', facts.resourceMetadata),
    parameter('scope', facts.scope),
  ].filter((each) => each !== undefined);
  return { status, headers: { 'www-authenticate': `Bearer ${parameters.join(', ')}`.trim() } };
}

function parameter(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`;
}
