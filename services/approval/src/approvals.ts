import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { EventContract, EventOf } from '#contracts';
import type { Signer } from '#trust';
import { envelopeText, outcomeEvent, requestedEvent } from './announcements.js';
import { type Approval, openStatuses } from './approval.js';
import { ApprovalError } from './approval-error.js';
import { ApprovalRows, type Found } from './approval-rows.js';
import { type WaitingCallRow, waitingCallTable } from './approvals.table.js';
import { clock } from './clock.js';
import { Conclusion } from './conclusion.js';
import { Copies } from './copies.js';
import { GrantSettlement } from './grant-settlement.js';
import { claim, isClaimed, Outbox } from './outbox.js';
import type { OutboxRelay } from './outbox-relay.js';
import type { Request } from './request.js';
import type { Settlement } from './settlement.js';
import { abandon, drop, expire, release } from './transitions.js';

/** What a change makes of an approval, and what is to be said of it besides its calls' outcomes. */
export interface Change {
  readonly approval: Approval;
  readonly said?: EventOf<EventContract> | undefined;
}

/** What a change may know. */
export interface Circumstances {
  /** The database's clock: the one that judges expiry. */
  readonly now: Date;
  /** The first approval.requested event, as text: the cause of votes. */
  readonly origin: string;
}

/** What the store is made with, besides the database. */
export interface ApprovalParts {
  readonly relay: Pick<OutboxRelay, 'wake'>;
  readonly signer: Signer;
  readonly settlement: Settlement;
  /** Names of the channels that show copies. */
  readonly channels: readonly string[];
  /** Approvals of one person or program that may be pending at once: approvers are people. */
  readonly pendingPerRequester: number;
}

/** An approval that closes just when a call would join it makes another round; more than a few are a mistake. */
const maxRounds = 5;

/** All approvals. Every change locks its row, and is one transaction with the events that tell of it. */
@Injectable()
export class Approvals {
  readonly #outbox = new Outbox();
  readonly #grants = new GrantSettlement();
  readonly #copies: Copies;
  readonly #conclusion: Conclusion;

  constructor(
    private readonly database: DataSource,
    private readonly parts: ApprovalParts,
  ) {
    this.#copies = new Copies(parts.channels);
    this.#conclusion = new Conclusion(parts.signer, parts.settlement, this.#copies);
  }

  /** Opens an approval for a call under review, or joins the one that is open. A repeated event changes nothing. */
  async open(request: Request): Promise<void> {
    await this.database.transaction(async (work) => {
      if (!(await claim(work, request.decided.id))) return;
      if (request.joins === undefined) await this.#openOrJoin(work, request);
      else await this.#join(work, request, request.joins);
      if (await isClaimed(work, earlyEnd(request.callId))) {
        await this.#leave(work, request.callId, true);
      }
    });
    this.parts.relay.wake();
  }

  /** Opens an approval that no call waits for: a grant that is asked for ahead. `cause` is handled once. */
  async openGrant(
    cause: EventOf<EventContract>,
    grantId: string,
    approvalAt: (now: Date) => Approval,
  ): Promise<void> {
    await this.database.transaction(async (work) => {
      if (!(await claim(work, cause.id))) return;
      const now = await clock(work);
      const approval = approvalAt(now);
      if (!(await new ApprovalRows(work).insert(approval))) return;
      if (!(await this.#grants.toPending(work, approval))) {
        throw new ApprovalError('GRANT_NOT_FOUND');
      }
      const call = { callId: grantId, ingress: '' };
      const requested = requestedEvent(approval, call, { joined: false, cause, time: now });
      await this.#announce(work, approval, requested);
      await this.#conclusion.of(work, { approval, origin: envelopeText(requested) }, approval, now);
    });
    this.parts.relay.wake();
  }

  /** Puts a refused wish for a grant to its end. */
  async refuseGrant(
    cause: EventOf<EventContract>,
    grantId: string,
    message: string,
  ): Promise<void> {
    await this.database.transaction(async (work) => {
      if (await claim(work, cause.id)) await this.#grants.refuse(work, grantId, message);
    });
  }

  /**
   * Changes an approval under its row lock and tells the calls what follows.
   * @throws ApprovalError `APPROVAL_NOT_FOUND`, and whatever the change throws: then nothing has changed.
   */
  async change(
    id: string,
    change: (approval: Approval, circumstances: Circumstances) => Change,
  ): Promise<Approval> {
    const changed = await this.database.transaction(async (work) => {
      const found = await new ApprovalRows(work).lock(id);
      if (found === undefined) throw new ApprovalError('APPROVAL_NOT_FOUND');
      const now = await clock(work);
      const { approval, said } = change(found.approval, { now, origin: found.origin });
      if (said !== undefined && approval !== found.approval) await this.#outbox.add(work, said);
      return this.#conclusion.of(work, found, approval, now);
    });
    this.parts.relay.wake();
    return changed;
  }

  /** The call no longer waits: it will be told nothing more. */
  async detach(callId: string): Promise<void> {
    await this.database.getRepository(waitingCallTable).update({ callId }, { isWaiting: false });
  }

  /**
   * The call ended without going upstream: its lease is free, and where nobody else waits and its caller gave up,
   * the approval is on its way to its end. An end that is heard before its call is remembered for it.
   */
  async left(callId: string, isGivenUp: boolean): Promise<void> {
    await this.database.transaction(async (work) => {
      const isKnown = await this.#leave(work, callId, isGivenUp);
      if (!isKnown && isGivenUp) await claim(work, earlyEnd(callId));
    });
    this.parts.relay.wake();
  }

  /** Approvals for which time has something to do: end them, free their lease, ask further groups. */
  async due(limit: number, abandonSeconds: number): Promise<{ id: string; isLeased: boolean }[]> {
    return this.database.query(
      `select id, status = 'leased' as "isLeased" from approval
       where (status in ('pending', 'approved') and expires_at <= now())
          or (status in ('pending', 'approved')
              and abandoned_at <= now() - make_interval(secs => $3))
          or (status = 'leased' and lease_not_after <= now() - make_interval(secs => $1))
          or (status = 'pending' and escalated_at is null and requested_at
              + make_interval(secs => (requirement -> 'escalation' ->> 'afterSeconds')::int) <= now())
       order by status = 'leased', expires_at limit $2`,
      [this.parts.settlement.graceSeconds, limit, abandonSeconds],
    );
  }

  /** False where the call hangs on no approval. */
  async #leave(work: EntityManager, callId: string, isGivenUp: boolean): Promise<boolean> {
    const call = await work.getRepository(waitingCallTable).findOneBy({ callId });
    const rows = new ApprovalRows(work);
    const found = call === null ? undefined : await rows.lock(call.approvalId);
    if (found === undefined) return false;
    await rows.told(callId);
    const now = await clock(work);
    const isAlone = (await rows.waiting(found.approval.id)).length === 0;
    const released = release(found.approval, callId);
    const left = isGivenUp && isAlone ? abandon(released, now) : released;
    await this.#conclusion.of(work, found, left, now);
    return true;
  }

  /** A request that is open already is joined, however many there are; the common case, so it comes first. */
  async #openOrJoin(work: EntityManager, request: Request): Promise<void> {
    const rows = new ApprovalRows(work);
    for (let round = 0; round < maxRounds; round += 1) {
      const now = await clock(work);
      const created = request.approvalAt(now);
      // What ran on break-glass is looked at in its own right, whatever is asked about the same request.
      const isHeld = created.kind === 'call';
      const open = isHeld ? await rows.lockOpen(created.requestKey) : undefined;
      if (open !== undefined) {
        const current = await this.#refreshed(work, open, created, now);
        if (!openStatuses.some((each) => each === current.approval.status)) continue;
        await this.#attach(work, request, await this.#covered(work, request, current, now));
        return;
      }
      const { pendingPerRequester } = this.parts;
      if (isHeld && (await rows.hasPending(created.requester, pendingPerRequester))) {
        await this.#turnAway(work, request, created, 'Too many requests of yours wait already.');
        return;
      }
      if (!(await rows.insert(created))) continue;
      await this.#opened(work, request, created, now);
      return;
    }
    throw new Error(`call ${request.callId}: its approval can be neither opened nor joined`);
  }

  /** A new approval: signed at once where a grant covers it, else asked of people. */
  async #opened(
    work: EntityManager,
    request: Request,
    created: Approval,
    now: Date,
  ): Promise<void> {
    const covered = await this.#grants.cover(work, created, request.grantIds, now);
    const call = this.#waitingCall(request, created);
    const context = { joined: false, cause: request.decided, time: now };
    const requested = requestedEvent(covered ?? created, call, context);
    if (created.kind === 'call') await new ApprovalRows(work).await(call);
    if (covered === undefined) await this.#announce(work, created, requested);
    else await this.#said(work, created.id, requested);
    const found = { approval: created, origin: envelopeText(requested) };
    await this.#conclusion.of(work, found, covered ?? created, now);
  }

  /** What waits for people is signed at once where a grant has been given meanwhile. */
  async #covered(work: EntityManager, request: Request, open: Found, now: Date): Promise<Found> {
    if (open.approval.status !== 'pending') return open;
    const covered = await this.#grants.cover(work, open.approval, request.grantIds, now);
    if (covered === undefined) return open;
    return { ...open, approval: await this.#conclusion.of(work, open, covered, now) };
  }

  /** The open approval as time and the tool’s definition have left it. */
  async #refreshed(work: EntityManager, open: Found, created: Approval, now: Date): Promise<Found> {
    const { definition } = open.approval;
    const isOther =
      definition !== null &&
      created.definition !== null &&
      definition.digest !== created.definition.digest;
    const reason = 'The tool’s definition changed.';
    const kept = isOther ? drop(open.approval, reason, now) : open.approval;
    const left = expire(kept, now);
    const joined = left.abandonedAt === null ? left : { ...left, abandonedAt: null };
    return { ...open, approval: await this.#conclusion.of(work, open, joined, now) };
  }

  async #attach(work: EntityManager, request: Request, { approval, origin }: Found): Promise<void> {
    const now = await clock(work);
    const call = this.#waitingCall(request, approval);
    await new ApprovalRows(work).await(call);
    const context = { joined: true, cause: request.decided, time: now };
    await this.#outbox.add(work, requestedEvent(approval, call, context));
    await this.#conclusion.of(work, { approval, origin }, approval, now);
  }

  /** The call may wait for this approval and no other. */
  async #join(work: EntityManager, request: Request, id: string): Promise<void> {
    const found = await new ApprovalRows(work).lock(id);
    const now = await clock(work);
    const created = request.approvalAt(now);
    if (found === undefined || found.approval.requestKey !== created.requestKey) {
      const reason = 'The request is no longer the one that people were asked about.';
      await this.#turnAway(work, request, created, reason);
      return;
    }
    await this.#attach(work, request, await this.#refreshed(work, found, created, now));
  }

  /** Nobody is asked for the call, and it is told why. */
  async #turnAway(
    work: EntityManager,
    request: Request,
    created: Approval,
    reason: string,
  ): Promise<void> {
    const { callId } = request;
    const outcome = { kind: 'refused', callId, code: 'WITHDRAWN', by: null, reason } as const;
    const call = { ...this.#waitingCall(request, created), seq: '0' };
    const said = { signer: this.parts.signer, time: created.requestedAt };
    await this.#outbox.add(work, outcomeEvent(created, outcome, call, said));
  }

  #waitingCall(request: Request, approval: Approval): Omit<WaitingCallRow, 'seq'> {
    const { callId, ingress } = request;
    const decided = envelopeText(request.decided);
    return { callId, ingress, decided, approvalId: approval.id, isWaiting: true };
  }

  /** Tells people in every channel, besides the record. */
  async #announce(
    work: EntityManager,
    approval: Approval,
    requested: EventOf<EventContract>,
  ): Promise<void> {
    await this.#said(work, approval.id, requested);
    await this.#copies.place(work, approval.id);
  }

  async #said(work: EntityManager, id: string, requested: EventOf<EventContract>): Promise<void> {
    await new ApprovalRows(work).announcedBy(id, requested);
    await this.#outbox.add(work, requested);
  }
}

/** The mark of a call that its caller gave up before it was heard of. */
function earlyEnd(callId: string): string {
  return `ended:${callId}`;
}
