import {
  Body,
  Controller,
  Get,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { ApprovalError, type ApprovalErrorCode } from '../approval-error.js';
import { Desk } from '../desk.js';
import { LiveFeed } from './live-feed.js';
import { maxReason } from './decision-view.js';
import { detailPage } from './detail-view.js';
import { EntranceGuard } from './entrance.guard.js';
import { readForm, storableText } from './form.js';
import { render } from './html.js';
import { pageContext } from './page-context.js';
import { PageFilter } from './page.filter.js';
import { PageRefusal } from './page-refusal.js';
import { VisitorGuard, visitorOf } from './visitor.guard.js';

const idSchema = z.uuid();
const reasonText = storableText.trim().max(maxReason);
const decisionSchema = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('approve'),
    reason: reasonText.default(''),
    grantSeconds: z
      .string()
      .regex(/^[1-9]\d{0,7}$/)
      .transform(Number)
      .optional(),
  }),
  z.object({ decision: z.literal('refuse'), reason: reasonText.min(1, 'a reason is required') }),
]);
const justificationSchema = z.object({ justification: reasonText.min(1, 'a reason is required') });
const reviewSchema = z.object({ reason: reasonText.default('') });

/** Presses that came too late: the page itself tells what was decided, and by whom. */
const lateCodes: ReadonlySet<ApprovalErrorCode> = new Set<ApprovalErrorCode>([
  'APPROVAL_ALREADY_DECIDED',
  'APPROVAL_ALREADY_VOTED',
  'APPROVAL_EXPIRED',
]);

/** One approval: to read, and to decide. */
@Controller('approvals')
@UseGuards(EntranceGuard, VisitorGuard)
@UseFilters(PageFilter)
export class DetailController {
  constructor(
    private readonly desk: Desk,
    private readonly feed: LiveFeed,
  ) {}

  @Get(':id')
  async detail(
    @Req() request: Request,
    @Res() response: Response,
    @Param('id') name: string,
    @Query('after') after: unknown,
  ): Promise<void> {
    const id = idOf(name);
    const visitor = visitorOf(request);
    const context = pageContext(visitor, this.feed.cursor);
    const view = await this.desk.view(visitor.principal, id);
    response.type('html').send(render(detailPage(view, after === 'press', context)));
  }

  @Post(':id/decision')
  async decide(
    @Req() request: Request,
    @Res() response: Response,
    @Param('id') name: string,
    @Body() body: unknown,
  ): Promise<void> {
    const press = readForm(decisionSchema, body);
    await this.#change(request, response, name, async (by, id) =>
      this.desk.press(by, id, { ...press, channel: 'page' }),
    );
  }

  /** A look at a call that ran on break-glass. */
  @Post(':id/review')
  async review(
    @Req() request: Request,
    @Res() response: Response,
    @Param('id') name: string,
    @Body() body: unknown,
  ): Promise<void> {
    const { reason } = readForm(reviewSchema, body);
    await this.#change(request, response, name, async (by, id) =>
      this.desk.press(by, id, { decision: 'approve', reason, channel: 'page' }),
    );
  }

  @Post(':id/withdrawal')
  async withdraw(
    @Req() request: Request,
    @Res() response: Response,
    @Param('id') name: string,
  ): Promise<void> {
    await this.#change(request, response, name, async (by, id) =>
      this.desk.withdraw(by, id, 'page'),
    );
  }

  @Post(':id/justification')
  async justify(
    @Req() request: Request,
    @Res() response: Response,
    @Param('id') name: string,
    @Body() body: unknown,
  ): Promise<void> {
    const { justification } = readForm(justificationSchema, body);
    await this.#change(request, response, name, async (by, id) =>
      this.desk.justify(by, id, justification, 'page'),
    );
  }

  async #change(
    request: Request,
    response: Response,
    name: string,
    change: (by: Principal, id: string) => Promise<unknown>,
  ): Promise<void> {
    const id = idOf(name);
    try {
      await change(visitorOf(request).principal, id);
    } catch (error) {
      if (!(error instanceof ApprovalError) || !lateCodes.has(error.code)) throw error;
    }
    response.redirect(303, `/approvals/${id}?after=press`);
  }
}

function idOf(name: string): string {
  const id = idSchema.safeParse(name).data;
  if (id === undefined) throw new PageRefusal('PAGE_NOT_FOUND', 'There is no such page.');
  return id.toLowerCase();
}
