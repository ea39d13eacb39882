import type { Request } from 'express';
import { Strategy } from 'passport';
import { bearerToken } from './bearer-header.js';
import { TokenError, type TokenVerifier } from './token-verifier.js';

/**
 * The Passport strategy: finds the one bearer token and has it verified. Every outcome that is not a
 * principal is passed on as a {@link TokenError}, so that the edge decides how to answer.
 */
export class BearerStrategy extends Strategy {
  override readonly name = 'countersign-bearer';

  constructor(private readonly verifier: TokenVerifier) {
    super();
  }

  override authenticate(request: Request): void {
    this.#identify(request).then(
      (principal) => this.success(principal),
      (error: unknown) => this.error(error),
    );
  }

  async #identify(request: Request): Promise<Express.User> {
    try {
      return await this.verifier.verify(bearerToken(request));
    } catch (cause) {
      if (cause instanceof TokenError) throw cause;
      throw new TokenError('IDENTITY_UNAVAILABLE', 'Tokens cannot be checked at the moment.', {
        cause,
      });
    }
  }
}
