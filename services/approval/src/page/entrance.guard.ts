import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { urlencoded, type Request, type Response } from 'express';
import { PageAddress } from './page-address.js';
import { PageRefusal } from './page-refusal.js';
import { checkRequest } from './request-checks.js';
import { securityHeaders } from './security-headers.js';

const parseForm = urlencoded({ extended: false, limit: '32kb', parameterLimit: 20 });

/** The first door of every route: headers of the answer, name of the host, and the form of a POST. */
@Injectable()
export class EntranceGuard implements CanActivate {
  constructor(private readonly address: PageAddress) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    response.set(securityHeaders);
    checkRequest(request.headers, this.address);
    if (request.method === 'POST') await readForm(request, response);
    return true;
  }
}

async function readForm(request: Request, response: Response): Promise<void> {
  await new Promise<void>((done, fail) => {
    parseForm(request, response, (error?: unknown) => {
      if (error === undefined) return done();
      fail(new PageRefusal('FORM_INVALID', 'The form cannot be read.', { cause: error }));
    });
  });
}
