import { randomUUID } from 'node:crypto';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { BearerGuard, principalOf } from '#identity';
import { ProblemFilter, ZodPipe } from '#runtime';
import { answered } from './approval-answers.js';
import { ApprovalError } from './approval-error.js';
import { isSame } from './eligibility.js';
import type { Grant } from './grant.js';
import { Grants } from './grants.js';
import { SigningDesk } from './signing-desk.js';
import { storable } from './storable.js';

const idSchema = z.uuid();
const seconds = z.int().min(1).max(2_592_000);
const words = storable.trim().min(1).max(2000);
const wishSchema = z.strictObject({
  /** Makes a repeated request the same one; a new id otherwise. */
  id: z.uuid().optional(),
  server: storable.min(1).max(200),
  resources: z.array(storable.min(1).max(128)).min(1).max(20),
  when: storable.min(1).max(4000).nullable().default(null),
  calls: z.int().min(1).max(10_000).nullable().default(null),
  seconds,
  justification: words,
});
const extensionSchema = z.strictObject({ seconds, justification: words });
const revocationSchema = z.strictObject({ reason: storable.max(2000).default('') });
const listSchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });

/** Rights that last: asked for ahead of need, listed, extended by a new approval, revoked at once. */
@Controller('v1/grants')
@UseGuards(BearerGuard)
@UseFilters(ProblemFilter)
export class GrantsController {
  constructor(
    private readonly grants: Grants,
    private readonly desk: SigningDesk,
  ) {}

  @Get()
  async list(
    @Req() request: Request,
    @Query(new ZodPipe(listSchema)) { limit }: z.infer<typeof listSchema>,
  ): Promise<object> {
    const reader = principalOf(request);
    const isAdmin = this.desk.isAdmin(reader);
    const grants = await answered(async () =>
      this.grants.list(await this.desk.known(reader), isAdmin, limit),
    );
    return { grants: grants.map((grant) => shown(grant)) };
  }

  @Get(':id')
  async one(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    return shown(await answered(async () => this.#visible(principalOf(request), id)));
  }

  /** Asks for a grant ahead of need. People are asked if policy lets them be. */
  @Post()
  @HttpCode(202)
  async ask(
    @Req() request: Request,
    @Body(new ZodPipe(wishSchema)) body: z.infer<typeof wishSchema>,
  ): Promise<object> {
    const { calls, id = randomUUID(), justification, resources, seconds, server, when } = body;
    const scope = { server, resources, when, calls };
    const by = principalOf(request);
    const wish = { id, scope, seconds, justification };
    return shown(
      await answered(async () => {
        await this.grants.ask(by, wish);
        return this.#visible(by, id);
      }),
    );
  }

  /** Asks people anew for the same scope; what is granted then ends by a time of its own. */
  @Post(':id/extension')
  @HttpCode(202)
  async extend(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
    @Body(new ZodPipe(extensionSchema)) body: z.infer<typeof extensionSchema>,
  ): Promise<object> {
    const by = principalOf(request);
    return shown(
      await answered(async () => {
        const { principal, scope } = await this.#visible(by, id);
        if (!isSame(principal, by)) throw new ApprovalError('NOT_THE_REQUESTER');
        return this.grants.ask(by, { ...body, id: randomUUID(), scope, extends: id });
      }),
    );
  }

  /** Its holder, its approvers and administrators may end it. */
  @Post(':id/revocation')
  @HttpCode(200)
  async revoke(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
    @Body(new ZodPipe(revocationSchema)) { reason }: z.infer<typeof revocationSchema>,
  ): Promise<object> {
    const by = principalOf(request);
    return shown(
      await answered(async () => {
        await this.#visible(by, id);
        return this.grants.revoke(id, by, reason);
      }),
    );
  }

  /** @throws ApprovalError `GRANT_NOT_FOUND`, also for one that is none of the reader's business */
  async #visible(reader: Principal, id: string): Promise<Grant> {
    const grant = await this.grants.one(id);
    const known = await this.desk.known(reader);
    const isTheirs =
      isSame(grant.principal, reader) ||
      grant.askedGroups.some((group) => known.groups.includes(group)) ||
      this.desk.isAdmin(reader);
    const isHere = grant.principal.tenantId === reader.tenantId || this.desk.isAdmin(reader);
    if (!isHere || !isTheirs) throw new ApprovalError('GRANT_NOT_FOUND');
    return grant;
  }
}

function shown({ votes, ...grant }: Grant): object {
  return { ...grant, approvers: votes.map(({ voter }) => voter) };
}
