import { Controller, HttpCode, Post, Req, UseFilters } from '@nestjs/common';
import type { Request } from 'express';
import { Problem, ProblemFilter } from '#runtime';
import { isOutage } from '#storage';
import { Conversations } from './conversations.js';
import { Inbound } from './inbound.js';
import { Presses } from './presses.js';

/**
 * What Teams calls. It stands outside the gateway's own sign-in: the Bot Connector's tokens are checked here. Everything
 * that has passed is answered with 200, since Teams shows people nothing but trouble otherwise.
 */
@Controller('teams/messages')
@UseFilters(ProblemFilter)
export class TeamsController {
  constructor(
    private readonly inbound: Inbound,
    private readonly presses: Presses,
    private readonly conversations: Conversations,
  ) {}

  @Post()
  @HttpCode(200)
  async receive(@Req() request: Request): Promise<object> {
    const activity = await this.inbound.accept(request);
    if (activity.type === 'invoke' && activity.name === 'adaptiveCard/action') {
      return this.presses.answer(activity, request.ip ?? null);
    }
    await this.conversations.learn(activity).catch((cause: unknown) => {
      if (!isOutage(cause)) throw cause;
      throw new Problem(503, 'APPROVALS_UNAVAILABLE', 'Nothing can be kept now.', { cause });
    });
    return {};
  }
}
