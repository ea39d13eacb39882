import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Bus, TryAgainLater } from '#bus';
import {
  callCancelled,
  callDecided,
  callFailed,
  callForwarded,
  type EventOf,
  grantDecided,
} from '#contracts';
import { isOutage } from '#storage';
import type { Verifier } from '#trust';
import { ApprovalError } from './approval-error.js';
import { Approvals, type Change, type Circumstances } from './approvals.js';
import type { Approval } from './approval.js';
import type { Grants } from './grants.js';
import { wishApproval } from './grant-request.js';
import { requestOf } from './request.js';
import { use } from './transitions.js';

type Ended = EventOf<typeof callFailed> | EventOf<typeof callCancelled>;

/** Listens to what becomes of calls. While the database is away, events wait and nothing is lost. */
@Injectable()
export class ApprovalConsumer implements OnModuleInit {
  readonly #logger = new Logger('approval');

  constructor(
    private readonly bus: Bus,
    private readonly approvals: Approvals,
    private readonly grants: Pick<Grants, 'one'>,
    private readonly policyKey: Verifier,
  ) {}

  onModuleInit(): void {
    this.bus.on(callDecided, async (event) => this.#whenUp(async () => this.#onDecided(event)));
    this.bus.on(grantDecided, async (event) =>
      this.#whenUp(async () => this.#onGrantDecided(event)),
    );
    this.bus.on(callForwarded, async (event) => this.#whenUp(async () => this.#onForwarded(event)));
    this.bus.on(callFailed, async (event) => this.#whenUp(async () => this.#onEnded(event)));
    this.bus.on(callCancelled, async (event) => this.#whenUp(async () => this.#onEnded(event)));
  }

  async #onDecided(event: EventOf<typeof callDecided>): Promise<void> {
    const { verdict, signature } = event.data;
    const isAsked = verdict.effect === 'review' || verdict.breakGlass !== undefined;
    // A verdict that releases is policy's last word on what people have signed already.
    if (!isAsked || verdict.releases !== undefined) return;
    if (!(await this.policyKey.verify('verdict', verdict, signature))) {
      this.#logger.error(`verdict of call ${event.data.callId} is not signed by policy: ignored`);
      return;
    }
    const request = requestOf(event);
    if (request === undefined) {
      this.#logger.error(`verdict of call ${event.data.callId} contradicts itself: ignored`);
      return;
    }
    await this.approvals.open(request);
  }

  async #onGrantDecided(event: EventOf<typeof grantDecided>): Promise<void> {
    const { signature, verdict } = event.data;
    if (!(await this.policyKey.verify('grant', verdict, signature))) {
      this.#logger.error(`verdict on grant ${verdict.grantId} is not signed by policy: ignored`);
      return;
    }
    const grant = await this.grants.one(verdict.grantId);
    const wish = wishApproval(event, grant);
    if (wish === undefined) await this.approvals.refuseGrant(event, grant.id, verdict.message);
    else await this.approvals.openGrant(event, grant.id, wish);
  }

  async #onForwarded(event: EventOf<typeof callForwarded>): Promise<void> {
    const { approvalId, callId } = event.data;
    if (approvalId === null) return;
    await this.approvals.detach(callId);
    await this.#change(approvalId, (approval, { now }) => {
      if (approval.status === 'used' && approval.leaseCallId !== callId) {
        this.#logger.error(`approval ${approvalId} was used twice, the second time by ${callId}`);
      }
      return { approval: use(approval, callId, now) };
    });
  }

  /** Nobody waits for this call any more. The approval stays open for a retry, but not for long where its caller gave up. */
  async #onEnded(event: Ended): Promise<void> {
    const { callId, stage, executed } = event.data;
    if (stage !== 'approval' && stage !== 'forward' && stage !== 'verdict') return;
    if (executed === 'no') await this.approvals.left(callId, isGivenUp(event));
    else await this.approvals.detach(callId);
  }

  async #change(
    id: string,
    change: (approval: Approval, circumstances: Circumstances) => Change,
  ): Promise<void> {
    try {
      await this.approvals.change(id, change);
    } catch (error) {
      if (!(error instanceof ApprovalError)) throw error;
      this.#logger.error(`approval ${id}: ${error.code}`);
    }
  }

  async #whenUp(handle: () => Promise<void>): Promise<void> {
    try {
      await handle();
    } catch (error) {
      if (isOutage(error)) throw new TryAgainLater('the database is away', { cause: error });
      throw error;
    }
  }
}

/** The client took the call back or went away; a gateway that stops, or a wait that was too long, is no such thing. */
function isGivenUp(event: Ended): boolean {
  return event.type === callCancelled.type && 'by' in event.data && event.data.by === 'client';
}
