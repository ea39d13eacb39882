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
import { approvalVoted, createEvent, type Principal } from '#contracts';
import { BearerGuard, principalOf } from '#identity';
import { Problem, ProblemFilter, ZodPipe } from '#runtime';
import { isOutage } from '#storage';
import { storedEnvelope } from './announcements.js';
import { type Approval, approvalSchema } from './approval.js';
import { ApprovalError, type ApprovalErrorCode } from './approval-error.js';
import { ApprovalList } from './approval-list.js';
import { Approvals, type Change, type Circumstances } from './approvals.js';
import { actorOf, maySee, type Press, vote, withdraw } from './transitions.js';

const statuses = approvalSchema.options.map((option) => option.shape.status.value);
const idSchema = z.uuid();
const storable = z.string().refine((text) => !text.includes('\0') && text.isWellFormed(), {
  error: 'holds characters that cannot be kept',
});
const decisionSchema = z.strictObject({
  decision: z.enum(['approve', 'refuse']),
  reason: storable.max(2000),
});
const listSchema = z.strictObject({
  status: z.enum(statuses).optional(),
  server: storable.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1000).optional(),
});

/** A code without an answer does not compile. */
const answers = {
  APPROVAL_NOT_FOUND: [404, 'There is no such approval.'],
  APPROVAL_ALREADY_DECIDED: [409, 'The approval is decided already.'],
  APPROVAL_ALREADY_VOTED: [409, 'You have voted already; a vote cannot be changed.'],
  APPROVAL_EXPIRED: [410, 'The approval has expired.'],
  APPROVER_IS_REQUESTER: [403, 'Nobody signs their own request.'],
  APPROVER_NOT_A_PERSON: [403, 'Only a person may sign.'],
  APPROVER_NOT_IN_GROUP: [403, 'You are in none of the approver groups.'],
  NOT_THE_REQUESTER: [403, 'Only the requester may take a request back.'],
  CURSOR_INVALID: [400, 'The cursor belongs to another query.'],
} as const satisfies Record<ApprovalErrorCode, readonly [number, string]>;

/** Approvals for people who ask and people who sign. */
@Controller('v1/approvals')
@UseGuards(BearerGuard)
@UseFilters(ProblemFilter)
export class ApprovalsController {
  constructor(
    private readonly approvals: Approvals,
    private readonly list: ApprovalList,
  ) {}

  @Get()
  async page(
    @Req() request: Request,
    @Query(new ZodPipe(listSchema)) query: z.infer<typeof listSchema>,
  ): Promise<object> {
    const page = await answered(async () => this.list.page(principalOf(request), query));
    return { approvals: page.approvals.map((each) => shown(each)), next: page.next };
  }

  @Get(':id')
  async one(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    return shown(await answered(async () => this.list.one(principalOf(request), id)));
  }

  @Post(':id/decision')
  @HttpCode(200)
  async decide(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
    @Body(new ZodPipe(decisionSchema)) body: z.infer<typeof decisionSchema>,
  ): Promise<object> {
    const by = principalOf(request);
    const press: Press = { ...body, channel: 'rest' };
    return this.#change(id, by, (approval, circumstances) =>
      pressed(approval, by, press, circumstances),
    );
  }

  @Post(':id/withdrawal')
  @HttpCode(200)
  async withdraw(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    const by = principalOf(request);
    return this.#change(id, by, (approval, { now }) => ({ approval: withdraw(approval, by, now) }));
  }

  async #change(
    id: string,
    by: Principal,
    change: (approval: Approval, circumstances: Circumstances) => Change,
  ): Promise<object> {
    const changed = await answered(async () =>
      this.approvals.change(id, (approval, circumstances) => {
        if (!maySee(approval, by)) throw new ApprovalError('APPROVAL_NOT_FOUND');
        return change(approval, circumstances);
      }),
    );
    return shown(changed);
  }
}

function pressed(approval: Approval, by: Principal, press: Press, given: Circumstances): Change {
  const after = vote(approval, by, press, given.now);
  const cause = storedEnvelope(given.origin);
  const said = createEvent(
    approvalVoted,
    {
      ...press,
      approvalId: approval.id,
      callId: cause.subject,
      voter: actorOf(by),
      votedAt: given.now.toISOString(),
    },
    { time: given.now, cause },
  );
  return { approval: after, said };
}

/** What a reader is shown: everything but the key by which repeats of the request are found. */
function shown(approval: Approval): object {
  const { requestKey: _requestKey, ...rest } = approval;
  return { ...rest, maskedArguments: parsedOrText(approval.maskedArguments) };
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApprovalError) {
      const [status, detail] = answers[error.code];
      throw new Problem(status, error.code, detail, { cause: error });
    }
    if (!isOutage(error)) throw error;
    const detail = 'Approvals cannot be reached now; nothing was changed.';
    throw new Problem(503, 'APPROVALS_UNAVAILABLE', detail, { cause: error });
  }
}
