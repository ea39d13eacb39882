import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { Problem } from '#runtime';
import { Desk } from '../desk.js';
import { visibleLine } from '../visible-text.js';
import { type Activity, type ActivityRules, activitySchema, checkActivity } from './activity.js';
import type { ConnectorTokens } from './connector-tokens.js';
import { jsonBody } from './request-body.js';
import { type Limit, RequestLimit } from './request-limit.js';
import { TeamsRefusal, type TeamsRefusalCode } from './teams-refusal.js';

/** What may come in, and how much of it from one address. */
export interface InboundSettings extends ActivityRules {
  /** Refusals that are put on record; more are only counted in the log. Default 60 in 10 s. */
  readonly refusals?: Limit;
}

const maxBodyBytes = 262_144;
const windowMs = 10_000;

/** A code without an answer does not compile. The answer tells no more than whom to ask. */
const answers = {
  TOKEN_REFUSED: [401, 'The token was refused.'],
  KEYS_UNAVAILABLE: [503, 'Tokens cannot be checked now.'],
  ACTIVITY_REFUSED: [403, 'The activity was refused.'],
  SERVICE_URL_REFUSED: [403, 'The activity was refused.'],
  TENANT_REFUSED: [403, 'The activity was refused.'],
  BODY_UNREADABLE: [400, 'The body cannot be read.'],
  BODY_TOO_LARGE: [413, 'The body is too large.'],
} as const satisfies Record<TeamsRefusalCode, readonly [number, string]>;

/** The door: lets in what the Bot Connector sends for this bot and this tenant, and puts the rest on record. */
@Injectable()
export class Inbound {
  readonly #logger = new Logger('teams');
  readonly #refusals: RequestLimit;

  constructor(
    private readonly settings: InboundSettings,
    private readonly tokens: ConnectorTokens,
    private readonly desk: Desk,
  ) {
    this.#refusals = new RequestLimit(settings.refusals ?? { count: 60, windowMs });
  }

  /** The activity of a request; its body is read only once its token was accepted. @throws Problem */
  async accept(request: Request): Promise<Activity> {
    const address = request.ip ?? '';
    try {
      return await this.#accept(request);
    } catch (error) {
      if (!(error instanceof TeamsRefusal)) throw error;
      await this.#record(error, address);
      const [status, detail] = answers[error.code];
      throw new Problem(status, error.code, detail, { cause: error });
    }
  }

  async #accept(request: Request): Promise<Activity> {
    const token = await this.tokens.verify(request);
    const activity = activitySchema.safeParse(await jsonBody(request, maxBodyBytes));
    if (!activity.success) {
      const place = activity.error.issues[0]?.path.join('.') || 'root';
      throw new TeamsRefusal('ACTIVITY_REFUSED', `not an activity: ${visibleLine(place, 100)}`);
    }
    checkActivity(activity.data, token, this.settings);
    return activity.data;
  }

  async #record(refusal: TeamsRefusal, address: string): Promise<void> {
    const detail = visibleLine(refusal.detail, 700);
    // The record must not be what a flood fills.
    if (!this.#refusals.take(address)) {
      this.#logger.debug(`refused, unrecorded: ${refusal.code}`);
      return;
    }
    this.#logger.warn(`refused: ${refusal.code}: ${detail}`);
    await this.desk.recordRefused({
      channel: 'teams',
      code: refusal.code,
      detail,
      approvalId: null,
      tenantId: null,
      objectId: null,
      remoteAddress: address === '' ? null : address,
    });
  }
}
