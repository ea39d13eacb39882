import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '#contracts';
import { GroupsUnavailable } from '#identity';
import { isOutage } from '#storage';
import { ApprovalError } from '../approval-error.js';
import type { ApprovalView } from '../approval-view.js';
import { Desk, type DeskPress } from '../desk.js';
import { visibleLine } from '../visible-text.js';
import { isOpen } from '../wish.js';
import type { Activity } from './activity.js';
import { approvalCard } from './card.js';
import { offerOf } from './card-standing.js';
import { checkCopy, checkReason, type Press, PressRefusal, presserOf, readPress } from './press.js';
import {
  cardAnswer,
  failedAnswer,
  type InvokeAnswer,
  type PressCode,
  toast,
} from './press-answer.js';

/** What becomes known of a press on its way, for the record of its refusal. */
interface Pressed {
  press?: Press;
  by?: Principal;
  nonce?: string;
  /** The desk has refused it, and put that on record itself. */
  isRecorded?: boolean;
}

/** Refusals after which the presser needs the card as it is now. */
const settled: readonly string[] = ['APPROVAL_ALREADY_DECIDED', 'APPROVAL_EXPIRED'];
/** Teams gives up after ten to fifteen seconds, people earlier; milliseconds. */
const answerWithinMs = 2700;

/** Presses on cards: checked, handed to the desk, answered in time. Never rejects: a refusal is an answer. */
@Injectable()
export class Presses {
  readonly #logger = new Logger('teams');

  constructor(
    private readonly desk: Desk,
    private readonly tenant: string,
    private readonly withinMs: number = answerWithinMs,
  ) {}

  /** What Teams is told. The activity has passed its checks. */
  async answer(activity: Activity, remoteAddress: string | null): Promise<InvokeAnswer> {
    const work = this.#answer(activity, remoteAddress).catch((error: unknown) => {
      this.#logger.error(error);
      return failedAnswer;
    });
    const slow = Promise.withResolvers<InvokeAnswer>();
    const timer = setTimeout(() => slow.resolve(toast('PRESS_TOO_SLOW')), this.withinMs);
    try {
      return await Promise.race([work, slow.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer(activity: Activity, remoteAddress: string | null): Promise<InvokeAnswer> {
    const pressed: Pressed = {};
    try {
      return await this.#press(activity, pressed);
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      if (pressed.isRecorded !== true) await this.#record(code, pressed, activity, remoteAddress);
      if (!settled.includes(code)) return toast(code);
      return await this.#present(pressed, code).catch(() => toast(code));
    }
  }

  /** The order matters: what is cheap and tells nothing comes first, the rules of the approval last. */
  async #press(activity: Activity, pressed: Pressed): Promise<InvokeAnswer> {
    const press = (pressed.press = readPress(activity));
    const binding = await this.desk.binding(press.approvalId, 'teams');
    if (binding === undefined) throw new PressRefusal('APPROVAL_NOT_FOUND');
    checkCopy(press, activity, binding);
    pressed.nonce = binding.nonce;
    const by = (pressed.by = presserOf(activity, this.tenant));
    const view = await this.desk.publicView(press.approvalId);
    if (view.state === 'expired') throw new ApprovalError('APPROVAL_EXPIRED');
    if (!isOpen(view)) throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
    checkReason(press);
    const word = deskPress(press, view);
    const after = await this.desk.press(by, press.approvalId, word).catch((error: unknown) => {
      pressed.isRecorded = error instanceof ApprovalError;
      throw isHidden(error) ? new ApprovalError('APPROVER_NOT_IN_GROUP', { cause: error }) : error;
    });
    // The same word again changes nothing, and the same card again would look as if nothing had been heard.
    if (isOpen(after) && after.version === view.version) return toast('APPROVAL_ALREADY_VOTED');
    return cardAnswer(approvalCard(after, 'approvers', binding.nonce));
  }

  async #present(pressed: Pressed, code: PressCode): Promise<InvokeAnswer> {
    const { press, nonce } = pressed;
    if (press === undefined || nonce === undefined) return toast(code);
    const view = await this.desk.publicView(press.approvalId);
    return cardAnswer(approvalCard(view, 'approvers', nonce));
  }

  async #record(
    code: PressCode,
    { press, by }: Pressed,
    activity: Activity,
    remoteAddress: string | null,
  ): Promise<void> {
    await this.desk.recordRefused({
      channel: 'teams',
      code,
      detail: detailOf(activity, press),
      approvalId: press?.approvalId ?? null,
      tenantId: by?.tenantId ?? null,
      objectId: by?.objectId ?? null,
      remoteAddress,
    });
  }
}

/** Who may not see an approval is told elsewhere that there is none; here they have its card before them. */
function isHidden(error: unknown): boolean {
  return error instanceof ApprovalError && error.code === 'APPROVAL_NOT_FOUND';
}

/** What was claimed, for auditors. */
function detailOf({ conversation, from, replyToId }: Activity, press: Press | undefined): string {
  const { aadObjectId, name, role } = from;
  const claimed = { verb: press?.verb, aadObjectId, role, name, conversation: conversation.id };
  return visibleLine(JSON.stringify({ ...claimed, replyToId }), 700);
}

/** What the buttons mean. How long a grant lasts is what the rule offers now, never what the card's data say. */
function deskPress({ verb, reason }: Press, view: ApprovalView): DeskPress {
  const decision = verb === 'refuse' ? 'refuse' : 'approve';
  if ((verb === 'review') !== (view.kind === 'break-glass'))
    throw new PressRefusal('ACTION_UNKNOWN');
  if (verb !== 'grant') return { decision, reason, channel: 'teams' };
  const offer = offerOf(view);
  if (offer === null) throw new ApprovalError('GRANT_NOT_OFFERED');
  return { decision, reason, channel: 'teams', grantSeconds: offer.maxSeconds };
}

function codeOf(error: unknown): PressCode | undefined {
  if (error instanceof PressRefusal || error instanceof ApprovalError) return error.code;
  if (error instanceof GroupsUnavailable) return 'GROUPS_UNAVAILABLE';
  return isOutage(error) ? 'APPROVALS_UNAVAILABLE' : undefined;
}
