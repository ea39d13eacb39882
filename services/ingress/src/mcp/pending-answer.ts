import { callDigest } from '#trust';
import type { Pending } from '../gate/call.js';
import type { Refusal } from '../gate/refusal.js';
import { roundOf } from './continued.js';
import type { Continuations } from './continuations.js';
import type { Intake } from './intake.js';
import { maxLegs, type Wait } from './ladder.js';
import type { JsonObject } from './message.js';
import { taskFields } from './task-answer.js';

/** How long a task outlasts its approval, in milliseconds: for its end to be learned. */
const graceMs = 10 * 60_000;

/** The longest round that a state takes along, in characters; with a longer one the client is told to call again. */
const maxRound = 16_384;

/** What somebody who waits for people is told. */
export function waitingWords({ approvalId, approvers }: Pending, page: string): string {
  return `Approval ${approvalId} is asked of ${approvers.join(', ')}. ${page}`;
}

/** A call whose caller can wait no longer. */
interface PendingCall {
  readonly callId: string;
  readonly intake: Intake;
  readonly wait: Wait;
}

/** Answers calls that go on waiting for people in the client's own hands: as a task, or as a further leg. */
export class PendingAnswers {
  constructor(
    private readonly continuations: Continuations,
    private readonly taskPollMs: number,
    private readonly approvalPage: (approvalId: string) => string,
  ) {}

  /** The message that says so; undefined where the client is only told that the call is pending. */
  answerTo(refusal: Refusal, call: PendingCall): JsonObject | undefined {
    const { pending } = refusal;
    const { message } = call.intake;
    if (refusal.code !== 'APPROVAL_PENDING' || pending === undefined) return undefined;
    if (message?.kind !== 'request') return undefined;
    const result =
      call.wait.rung === 'task'
        ? this.#task(pending, call, message.body)
        : this.#leg(pending, call);
    return result && { jsonrpc: '2.0', id: message.id, result };
  }

  /** `CreateTaskResult`: the approval is durable, so that the task is. */
  #task(pending: Pending, { callId, intake }: PendingCall, body: JsonObject): JsonObject {
    const nowMs = Date.now();
    const { approvalId } = pending;
    const { justification } = intake.demands;
    const expiresMs = Date.parse(pending.expiresAt) + graceMs;
    const facts = { callId, approvalId, body, justification, createdMs: nowMs, expiresMs };
    const task = this.continuations.task(facts);
    const id = this.continuations.taskId(task, intake.server.name, intake.principal);
    const words = waitingWords(pending, this.approvalPage(approvalId));
    const fields = taskFields({ id, task, nowMs, pollMs: this.taskPollMs }, 'working', words);
    return { resultType: 'task', ...fields };
  }

  /** "Come again", as often as clients bear it. */
  #leg({ approvalId }: Pending, { intake, wait }: PendingCall): JsonObject | undefined {
    const { continues, operation, principal, server } = intake;
    const legs = (continues?.kind === 'leg' ? continues.leg.legs : 0) + 1;
    const round = roundOf(intake.message);
    const isLong = JSON.stringify(round ?? {}).length > maxRound;
    if (wait.rung !== 'legs' || legs >= maxLegs || isLong) return undefined;
    const digest = callDigest({ protocol: 'mcp', server: server.name, ...operation });
    const leg = { approvalId, digest, legs, round };
    const requestState = this.continuations.legState(leg, server.name, principal, Date.now());
    return { resultType: 'input_required', requestState };
  }
}
