import { Controller, Get, Query, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { EntranceGuard } from './entrance.guard.js';
import { LiveStreams } from './live-streams.js';
import { PageFilter } from './page.filter.js';
import { VisitorGuard, visitorOf } from './visitor.guard.js';

/** Changes as server-sent events. */
@Controller('approvals')
@UseGuards(EntranceGuard, VisitorGuard)
@UseFilters(PageFilter)
export class LiveController {
  constructor(private readonly streams: LiveStreams) {}

  /** `Last-Event-ID` after a break, `after` the first time: where the reader is in the feed. */
  @Get('events')
  events(@Req() request: Request, @Res() response: Response, @Query('after') after: unknown): void {
    const cursor = request.headers['last-event-id'] ?? after;
    this.streams.open(response, visitorOf(request), typeof cursor === 'string' ? cursor : '');
  }
}
