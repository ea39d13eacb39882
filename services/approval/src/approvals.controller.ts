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
import { BearerGuard, principalOf } from '#identity';
import { ProblemFilter, ZodPipe } from '#runtime';
import { approvalSchema } from './approval.js';
import { answered } from './approval-answers.js';
import type { ApprovalView } from './approval-view.js';
import { Desk } from './desk.js';
import { plainTextOf } from './plain-text.js';
import { storable } from './storable.js';

const statuses = approvalSchema.options.map((option) => option.shape.status.value);
const idSchema = z.uuid();
const decisionSchema = z.strictObject({
  decision: z.enum(['approve', 'refuse']),
  reason: storable.max(2000),
  /** Grants for so long in place of a single call. */
  grantSeconds: z.int().min(1).max(2_592_000).optional(),
});
const justificationSchema = z.strictObject({ justification: storable.trim().min(1).max(2000) });
const listSchema = z.strictObject({
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(statuses)).min(1))
    .optional(),
  server: storable.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1000).optional(),
});

/** Approvals for people who ask and people who sign. */
@Controller('v1/approvals')
@UseGuards(BearerGuard)
@UseFilters(ProblemFilter)
export class ApprovalsController {
  constructor(private readonly desk: Desk) {}

  @Get()
  async page(
    @Req() request: Request,
    @Query(new ZodPipe(listSchema)) query: z.infer<typeof listSchema>,
  ): Promise<object> {
    const { status: states, ...rest } = query;
    const asked = { ...rest, states };
    const page = await answered(async () => this.desk.page(principalOf(request), asked));
    return { approvals: page.approvals.map((each) => shown(each)), next: page.next };
  }

  @Get(':id')
  async one(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    return shown(await answered(async () => this.desk.view(principalOf(request), id)));
  }

  /** As people forward it: a subject and a body of plain text. */
  @Get(':id/text')
  async text(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    return plainTextOf(await answered(async () => this.desk.view(principalOf(request), id)));
  }

  @Post(':id/decision')
  @HttpCode(200)
  async decide(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
    @Body(new ZodPipe(decisionSchema)) body: z.infer<typeof decisionSchema>,
  ): Promise<object> {
    const press = { ...body, channel: 'rest' as const };
    return shown(await answered(async () => this.desk.press(principalOf(request), id, press)));
  }

  @Post(':id/justification')
  @HttpCode(200)
  async justify(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
    @Body(new ZodPipe(justificationSchema)) body: z.infer<typeof justificationSchema>,
  ): Promise<object> {
    const { justification } = body;
    return shown(
      await answered(async () =>
        this.desk.justify(principalOf(request), id, justification, 'rest'),
      ),
    );
  }

  @Post(':id/withdrawal')
  @HttpCode(200)
  async withdraw(
    @Req() request: Request,
    @Param('id', new ZodPipe(idSchema)) id: string,
  ): Promise<object> {
    return shown(await answered(async () => this.desk.withdraw(principalOf(request), id, 'rest')));
  }
}

/** What a reader is shown; arguments as JSON where they are. */
function shown({ maskedArguments, state, ...view }: ApprovalView): object {
  return { ...view, status: state, maskedArguments: parsedOrText(maskedArguments) };
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
