import { Controller, Get, Query, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ApprovalState } from '../approval-view.js';
import { Desk } from '../desk.js';
import { LiveFeed } from './live-feed.js';
import { EntranceGuard } from './entrance.guard.js';
import { readForm } from './form.js';
import { render } from './html.js';
import { inboxPage } from './inbox-view.js';
import { pageContext } from './page-context.js';
import { PageFilter } from './page.filter.js';
import { VisitorGuard, visitorOf } from './visitor.guard.js';

const querySchema = z.object({
  show: z.enum(['all', 'open', 'decided']).default('all'),
  server: z.string().trim().max(200).optional(),
  cursor: z.string().max(1000).optional(),
});

const openStates: readonly ApprovalState[] = ['pending', 'unreviewed'];
const decidedStates: readonly ApprovalState[] = [
  'approved',
  'leased',
  'used',
  'granted',
  'refused',
  'expired',
  'withdrawn',
  'reviewed',
];
const mostOpen = 100;
const decidedBesideOpen = 10;
const decidedAlone = 50;
const nothing = { approvals: [], next: null };

/** What waits and what was decided. */
@Controller('approvals')
@UseGuards(EntranceGuard, VisitorGuard)
@UseFilters(PageFilter)
export class InboxController {
  constructor(
    private readonly desk: Desk,
    private readonly feed: LiveFeed,
  ) {}

  @Get()
  async inbox(
    @Req() request: Request,
    @Res() response: Response,
    @Query() query: unknown,
  ): Promise<void> {
    const { cursor, server: named, show } = readForm(querySchema, query);
    const server = named === '' ? undefined : named;
    const visitor = visitorOf(request);
    const context = pageContext(visitor, this.feed.cursor);
    const page = async (states: readonly ApprovalState[], limit: number, from?: string) =>
      this.desk.page(visitor.principal, { states, server, limit, cursor: from });
    const [open, decided] = await Promise.all([
      show === 'decided' ? nothing : page(openStates, mostOpen),
      show === 'open'
        ? nothing
        : page(decidedStates, show === 'all' ? decidedBesideOpen : decidedAlone, cursor),
    ]);
    const inbox = {
      show,
      server,
      open: open.approvals,
      hasMoreOpen: open.next !== null,
      decided: decided.approvals,
      next: decided.next,
    };
    response.type('html').send(render(inboxPage(inbox, context)));
  }
}
