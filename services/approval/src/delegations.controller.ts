import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Req,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';
import { BearerGuard, principalOf } from '#identity';
import { ProblemFilter, ZodPipe } from '#runtime';
import { answered } from './approval-answers.js';
import { Delegations } from './delegations.js';
import { SigningDesk } from './signing-desk.js';

const idSchema = z.uuid();
const longestDays = 90;
const delegationSchema = z.strictObject({
  /** Object id of the person who signs in one's place. */
  to: z.uuid().toLowerCase(),
  endsAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine((date) => date.getTime() > Date.now() && date.getTime() < Date.now() + longestMs, {
      error: `must lie ahead, at most ${longestDays} days`,
    }),
});
const longestMs = longestDays * 24 * 60 * 60_000;

/** Who signs in whose place while somebody is away. */
@Controller('v1/delegations')
@UseGuards(BearerGuard)
@UseFilters(ProblemFilter)
export class DelegationsController {
  constructor(
    private readonly delegations: Delegations,
    private readonly desk: SigningDesk,
  ) {}

  @Get()
  async list(@Req() request: Request): Promise<object> {
    const reader = principalOf(request);
    const isAdmin = this.desk.isAdmin(reader);
    return { delegations: await answered(async () => this.delegations.of(reader, isAdmin)) };
  }

  @Post()
  @HttpCode(201)
  async add(
    @Req() request: Request,
    @Body(new ZodPipe(delegationSchema)) body: z.infer<typeof delegationSchema>,
  ): Promise<object> {
    return answered(async () => this.delegations.add(principalOf(request), body.to, body.endsAt));
  }

  @Delete(':id')
  @HttpCode(204)
  async end(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<void> {
    const by = principalOf(request);
    await answered(async () => this.delegations.end(id, by, this.desk.isAdmin(by)));
  }
}
