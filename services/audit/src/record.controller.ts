import { Controller, Get, Param, Query, Req, UseFilters, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';
import { BearerGuard, principalOf } from '#identity';
import { Problem, ProblemFilter, ZodPipe } from '#runtime';
import { isOutage } from '#storage';
import { AuditError, type AuditErrorCode } from './audit-error.js';
import { type Filters, filtersSchema, namedFilters } from './filters.js';
import { ReaderGuard, visibleTo } from './reader.guard.js';
import { Reads } from './reads.js';
import { RecordQuery } from './record-query.js';

const idSchema = z.uuid();

/** A code without an answer does not compile. */
const answers = {
  CALL_NOT_FOUND: [404, 'The record knows no such call.'],
  CURSOR_INVALID: [400, 'The cursor belongs to another query.'],
} as const satisfies Record<AuditErrorCode, readonly [number, string]>;

/** The record, for auditors; its metadata also for administrators. */
@Controller('v1')
@UseGuards(BearerGuard, ReaderGuard)
@UseFilters(ProblemFilter)
export class RecordController {
  constructor(
    private readonly query: RecordQuery,
    private readonly reads: Reads,
  ) {}

  @Get('events')
  async events(
    @Req() request: Request,
    @Query(new ZodPipe(filtersSchema)) filters: Filters,
  ): Promise<object> {
    const reader = await this.#recorded(request, namedFilters(filters));
    const page = await answered(async () => this.query.events(filters, visibleTo(reader)));
    return { events: page.items, next: page.next, resume: page.resume };
  }

  @Get('calls')
  async calls(
    @Req() request: Request,
    @Query(new ZodPipe(filtersSchema)) filters: Filters,
  ): Promise<object> {
    const reader = await this.#recorded(request, namedFilters(filters));
    const page = await answered(async () => this.query.calls(filters, visibleTo(reader)));
    return { calls: page.items, next: page.next, resume: page.resume };
  }

  @Get('calls/:id')
  async call(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    const reader = await this.#recorded(request, {});
    return answered(async () => this.query.call(id, visibleTo(reader)));
  }

  async #recorded(request: Request, filters: Record<string, string>) {
    const reader = principalOf(request);
    const route = `${request.method} ${request.path}`;
    await this.reads.record({ reader, route, filters, outcome: 'read' });
    return reader;
  }
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuditError) {
      const [status, detail] = answers[error.code];
      throw new Problem(status, error.code, detail, { cause: error });
    }
    if (!isOutage(error)) throw error;
    throw new Problem(503, 'RECORD_UNAVAILABLE', 'The record cannot be read now.', {
      cause: error,
    });
  }
}
