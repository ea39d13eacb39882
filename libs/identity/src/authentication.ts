import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import passport from 'passport';
import { type Principal, principalSchema } from '#contracts';
import { BearerStrategy } from './bearer-strategy.js';
import { TokenError, TokenVerifier } from './token-verifier.js';

/** Identifies the caller of an HTTP request. */
@Injectable()
export class Authentication {
  constructor(private readonly verifier: TokenVerifier) {}

  /** The principal of a request. @throws TokenError, and nothing else. */
  async identify(request: Request, response: Response): Promise<Principal> {
    return new Promise((resolve, reject) => {
      const settle = (error: unknown, user: unknown): void => {
        const principal = principalSchema.safeParse(user);
        if (principal.success) resolve(principal.data);
        else reject(asTokenError(error));
      };
      const next = (error: unknown): void => reject(asTokenError(error));
      // Passport hangs the outcome of a request on the strategy it is given, so that one strategy shared
      // by two requests would give one caller the identity of the other: each request has its own.
      const strategy = new BearerStrategy(this.verifier);
      // Passport's middleware settles through its callback; `next` is for its own failures.
      void passport.authenticate(strategy, { session: false }, settle)(request, response, next);
    });
  }
}

function asTokenError(cause: unknown): TokenError {
  if (cause instanceof TokenError) return cause;
  return new TokenError('IDENTITY_UNAVAILABLE', 'The caller cannot be identified now.', { cause });
}
