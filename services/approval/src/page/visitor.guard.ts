import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { isOutage } from '#storage';
import { sessionIdOf } from './cookies.js';
import { isCsrfToken } from './csrf.js';
import { Doorkeeper, type Visitor } from './doorkeeper.js';
import { PageAddress } from './page-address.js';
import { PageRefusal, SignInNeeded } from './page-refusal.js';
import { checkSameOrigin } from './request-checks.js';

const visitors = new WeakMap<Request, Visitor>();

/** Sent by our script when it looks on its own: nobody need be at the screen. */
const liveHeader = 'countersign-live';

/** Lets people pass who are signed in; what they change comes from a form of their own session. */
@Injectable()
export class VisitorGuard implements CanActivate {
  constructor(
    private readonly doorkeeper: Doorkeeper,
    private readonly address: PageAddress,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const sessionId = sessionIdOf(request);
    const visitor = sessionId === undefined ? undefined : await this.#visitor(request, sessionId);
    if (visitor === undefined) throw new SignInNeeded('nobody is signed in');
    visitors.set(request, visitor);
    if (request.method !== 'GET' && request.method !== 'HEAD') this.#checkForm(request, visitor);
    return true;
  }

  async #visitor(request: Request, sessionId: string): Promise<Visitor | undefined> {
    try {
      const isActive = request.headers[liveHeader] === undefined;
      return await this.doorkeeper.visitor(sessionId, isActive);
    } catch (error) {
      if (!isOutage(error)) throw error;
      const detail =
        'Sign-ins cannot be looked up now. Nothing was changed; try again in a moment.';
      throw new PageRefusal('APPROVALS_UNAVAILABLE', detail, { cause: error });
    }
  }

  #checkForm(request: Request, visitor: Visitor): void {
    checkSameOrigin(request.headers, this.address);
    const body: unknown = request.body;
    const token = typeof body === 'object' && body !== null && 'csrf' in body ? body.csrf : '';
    if (isCsrfToken(token, visitor.sessionId)) return;
    const detail = 'The form is of another sign-in. Nothing was changed; open the page again.';
    throw new PageRefusal('CSRF_INVALID', detail);
  }
}

/** The visitor of a request that {@link VisitorGuard} has looked at; undefined where it let nobody in. */
export function knownVisitor(request: Request): Visitor | undefined {
  return visitors.get(request);
}

/** The visitor of a request that {@link VisitorGuard} let pass. @throws TypeError when it did not run. */
export function visitorOf(request: Request): Visitor {
  const visitor = visitors.get(request);
  if (visitor === undefined) throw new TypeError('VisitorGuard did not run for this route');
  return visitor;
}
