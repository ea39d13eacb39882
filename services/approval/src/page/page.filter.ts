import { randomUUID } from 'node:crypto';
import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Injectable,
  Logger,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { isOutage } from '#storage';
import { ApprovalError, type ApprovalErrorCode } from '../approval-error.js';
import { Desk } from '../desk.js';
import { type Element, render } from './html.js';
import { PageAddress } from './page-address.js';
import { PageRefusal, SignInNeeded } from './page-refusal.js';
import { mayHideCookies } from './request-checks.js';
import { againParameter, markedAgain, safeReturnPath } from './return-path.js';
import { SignInTenants } from './sign-in-tenants.js';
import { errorPage, onwardPage, signInPage } from './sign-in-view.js';
import { knownVisitor } from './visitor.guard.js';

interface Told {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
}

/** Words for the refusals of the desk; a code without words is told by its code. */
const words: Partial<Record<ApprovalErrorCode, readonly [number, string]>> = {
  APPROVAL_NOT_FOUND: [404, 'There is no such approval, or it is not for you.'],
  APPROVER_IS_REQUESTER: [403, 'Nobody signs their own request.'],
  APPROVER_NOT_A_PERSON: [403, 'Only a person may sign.'],
  APPROVER_NOT_IN_GROUP: [403, 'You are in none of the approver groups now.'],
  NOT_THE_REQUESTER: [403, 'Only the requester may do this.'],
  JUSTIFICATION_MISSING: [409, 'The requester has to give a reason first.'],
  GRANT_NOT_OFFERED: [403, 'The rule does not let this be granted, or not for so long.'],
  GROUPS_UNAVAILABLE: [503, 'Your groups cannot be looked up now. Nothing was changed.'],
  CURSOR_INVALID: [400, 'This address belongs to another list.'],
};

/** Answers every error of the page as a page: what, why, the code, and what to do. */
@Catch()
@Injectable()
export class PageFilter implements ExceptionFilter {
  readonly #logger = new Logger('page');

  constructor(
    private readonly address: PageAddress,
    private readonly tenants: SignInTenants,
    private readonly desk: Desk,
  ) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    if (response.headersSent) return void response.destroy();
    if (error instanceof SignInNeeded) return this.#askToSignIn(request, response);
    const told = toldOf(error);
    const reference = randomUUID();
    if (told.status >= 500) this.#logger.error(withReference(error, reference));
    await this.#record(request, error);
    const backPath = backPathOf(request, this.address.origin);
    send(request, response, told.status, errorPage({ ...told, reference, backPath }));
  }

  /**
   * A navigation from another site carries no strict cookie, so whether somebody is signed in is known only after
   * one more from our own. It is tried once.
   */
  #askToSignIn(request: Request, response: Response): void {
    const isPage =
      request.method === 'GET' && request.headers.accept?.includes('text/html') === true;
    const returnPath = safeReturnPath(
      isPage ? request.originalUrl : undefined,
      this.address.origin,
    );
    const isAgain = request.query[againParameter] !== undefined;
    if (isPage && mayHideCookies(request.headers) && !isAgain) {
      const onward = onwardPage(markedAgain(returnPath, this.address.origin));
      return send(request, response, 200, onward);
    }
    send(request, response, 401, signInPage(this.tenants.all, returnPath));
  }

  /** A press of somebody known that never reached the desk belongs on record all the same. */
  async #record(request: Request, error: unknown): Promise<void> {
    const visitor = knownVisitor(request);
    const [, approvalId] = /^\/approvals\/([0-9a-f-]{36})\//i.exec(request.path) ?? [];
    if (!(error instanceof PageRefusal) || request.method !== 'POST') return;
    if (visitor === undefined || approvalId === undefined) return;
    await this.desk.recordRefused({
      channel: 'page',
      code: error.code,
      detail: error.detail,
      approvalId: approvalId.toLowerCase(),
      tenantId: visitor.principal.tenantId,
      objectId: visitor.principal.objectId,
      remoteAddress: request.socket.remoteAddress ?? null,
    });
  }
}

function send(request: Request, response: Response, status: number, page: Element): void {
  response.status(status);
  // An event stream or an unknown host gets no page, only the status.
  if (request.headers.accept === 'text/event-stream') response.type('text').send(`${status}\n`);
  else response.type('html').send(render(page));
}

function toldOf(error: unknown): Told {
  if (error instanceof PageRefusal) {
    const { code, detail, status } = error;
    return { status, code, title: titleOf(status), detail };
  }
  if (error instanceof ApprovalError) {
    const [status, detail] = words[error.code] ?? [409, 'The approval does not allow this.'];
    return { status, code: error.code, title: titleOf(status), detail };
  }
  if (error instanceof HttpException) {
    const status = error.getStatus();
    return { status, code: `HTTP_${status}`, title: titleOf(status), detail: error.message };
  }
  if (isOutage(error)) {
    const detail = 'Approvals cannot be reached now. Nothing was changed; try again in a moment.';
    return { status: 503, code: 'APPROVALS_UNAVAILABLE', title: titleOf(503), detail };
  }
  const detail = 'Something went wrong on our side; it is in the log under this reference.';
  return { status: 500, code: 'INTERNAL', title: titleOf(500), detail };
}

function titleOf(status: number): string {
  if (status === 404) return 'Not found';
  if (status === 503) return 'Not available now';
  return status >= 500 ? 'Something went wrong' : 'This did not work';
}

function withReference(error: unknown, reference: string): Error {
  return new Error(`the page failed, reference ${reference}`, { cause: error });
}

/** The approval that the request was about, else the inbox. */
function backPathOf(request: Request, origin: string): string {
  const [path = ''] = /^\/approvals\/[0-9a-f-]{36}/.exec(request.path) ?? [];
  return safeReturnPath(path, origin);
}
