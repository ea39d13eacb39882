import { TokenError } from './token-verifier.js';

/** A token with 200 groups is about 11 kB; more than this is not looked at. */
const maxTokenBytes = 16_000;

/** What is needed of a request to find its token. */
export interface TokenRequest {
  /** Header names and values in turn, as received: Node keeps only the first of several otherwise. */
  readonly rawHeaders: readonly string[];
  readonly url?: string | undefined;
}

/**
 * The one bearer token of a request (RFC 6750 §2.1: header only).
 * @throws TokenError when there is none, more than one, or one in the query.
 */
export function bearerToken(request: TokenRequest): string {
  if (/[?&]access_token=/i.test(request.url ?? '')) {
    throw new TokenError('TOKEN_MISPLACED', 'Send the token in the Authorization header only.');
  }
  const values = request.rawHeaders.filter(
    (_, index, all) => index % 2 === 1 && all[index - 1]?.toLowerCase() === 'authorization',
  );
  const [value] = values;
  if (value === undefined) throw new TokenError('TOKEN_MISSING', 'A bearer token is needed.');
  if (values.length > 1) throw new TokenError('TOKEN_REPEATED', 'Send one Authorization header.');
  const [, token] = /^Bearer ([\w~+/.=-]+)$/i.exec(value) ?? [];
  if (token === undefined || token.length > maxTokenBytes) {
    throw new TokenError('TOKEN_INVALID', 'The Authorization header holds no usable bearer token.');
  }
  return token;
}
