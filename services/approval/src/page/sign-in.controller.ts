import {
  Body,
  Controller,
  Get,
  HttpCode,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { clearSession, clearSignIn, setSession, setSignIn, signInOf } from './cookies.js';
import { EntranceGuard } from './entrance.guard.js';
import { render } from './html.js';
import { PageAddress } from './page-address.js';
import { PageFilter } from './page.filter.js';
import { PageRefusal } from './page-refusal.js';
import { mayHideCookies } from './request-checks.js';
import { safeReturnPath } from './return-path.js';
import { Sessions } from './sessions.js';
import { SignIn } from './sign-in.js';
import { onwardPage, signedOutPage, signInPage } from './sign-in-view.js';
import { SignInTenants } from './sign-in-tenants.js';
import { VisitorGuard, visitorOf } from './visitor.guard.js';

const startSchema = z.object({ tenant: z.string(), return: z.string().optional() });
const stateSchema = z.object({ state: z.string().regex(/^[\w-]{43}$/) });
const signOutSchema = z.object({ everywhere: z.literal('yes').optional() });

/** In and out. */
@Controller('approvals')
@UseGuards(EntranceGuard)
@UseFilters(PageFilter)
export class SignInController {
  constructor(
    private readonly signIn: SignIn,
    private readonly sessions: Sessions,
    private readonly address: PageAddress,
    private readonly tenants: SignInTenants,
  ) {}

  @Get('sign-in')
  page(@Res() response: Response, @Query('return') wish: unknown): void {
    this.#sendSignInPage(response, wish);
  }

  /** Only a link of ours leads out: another site that begins a sign-in gets the page with the link. */
  @Get('sign-in/start')
  async start(
    @Req() request: Request,
    @Res() response: Response,
    @Query() query: unknown,
  ): Promise<void> {
    const asked = startSchema.safeParse(query).data;
    const isForeign =
      request.headers['sec-fetch-site'] !== undefined && mayHideCookies(request.headers);
    if (asked === undefined || !this.tenants.all.includes(asked.tenant) || isForeign) {
      return this.#sendSignInPage(response, asked?.return);
    }
    const returnPath = safeReturnPath(asked.return, this.address.origin);
    const started = await this.signIn.start(asked.tenant, returnPath);
    setSignIn(response, started.state, started.sealed);
    response.redirect(303, started.url.toString());
  }

  /** The return from Entra. */
  @Get('callback')
  async callback(
    @Req() request: Request,
    @Res() response: Response,
    @Query() query: unknown,
  ): Promise<void> {
    const state = stateSchema.safeParse(query).data?.state;
    if (state === undefined) {
      throw new PageRefusal('SIGN_IN_INVALID', 'This sign-in was not started here.');
    }
    const sealed = signInOf(request, state);
    clearSignIn(response, state);
    const { search } = this.address.url(request.originalUrl);
    const { returnPath, sessionId } = await this.signIn.finish(search, state, sealed);
    setSession(response, sessionId);
    response.type('html').send(render(onwardPage(returnPath)));
  }

  @Post('sign-out')
  @HttpCode(200)
  @UseGuards(VisitorGuard)
  async signOut(
    @Req() request: Request,
    @Res() response: Response,
    @Body() body: unknown,
  ): Promise<void> {
    const { principal, sessionId } = visitorOf(request);
    const isEverywhere = signOutSchema.safeParse(body).data?.everywhere === 'yes';
    await (isEverywhere ? this.sessions.endAll(principal) : this.sessions.end(sessionId));
    clearSession(response);
    const entraAddress = await this.signIn.signOutAddress(principal.tenantId);
    response.type('html').send(render(signedOutPage(entraAddress)));
  }

  #sendSignInPage(response: Response, wish: unknown): void {
    const returnPath = safeReturnPath(wish, this.address.origin);
    response.type('html').send(render(signInPage(this.tenants.all, returnPath)));
  }
}
