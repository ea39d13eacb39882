import { type CanActivate, type ExecutionContext, HttpException, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Principal } from '#contracts';
import { Authentication } from './authentication.js';
import { refusalOf } from './challenge.js';
import { TokenError, TokenVerifier } from './token-verifier.js';

const principals = new WeakMap<Request, Principal>();

/** Lets identified callers pass to a REST API; others get a problem (RFC 9457) with a bearer challenge. */
@Injectable()
export class BearerGuard implements CanActivate {
  readonly #authentication: Authentication;

  constructor(verifier: TokenVerifier) {
    this.#authentication = new Authentication(verifier);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    try {
      principals.set(request, await this.#authentication.identify(request, response));
      return true;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { status, headers } = refusalOf(error, {});
      response.set(headers);
      throw new HttpException({ code: error.code, detail: error.message }, status, {
        cause: error,
      });
    }
  }
}

/** The principal of a request that {@link BearerGuard} let pass. @throws TypeError when it did not run. */
export function principalOf(request: Request): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw new TypeError('BearerGuard did not run for this route');
  return principal;
}
