import { setTimeout as pause } from 'node:timers/promises';
import type { Response } from 'express';
import type { Json } from '#masking';
import type { AnswerPart } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import type { Continuation } from './continued.js';
import type { Intake } from './intake.js';
import type { CallAnswer, McpCallParts } from './call-parts.js';
import { McpCall } from './mcp-call.js';
import type { JsonObject } from './message.js';
import type { OpenCalls } from './open-calls.js';
import { outcomeOfAnswer, outcomeOfRefusal, type TaskOutcome, taskResult } from './task-answer.js';
import type { TaskResults } from './task-results.js';

/** How long a question waits for a call that runs, in milliseconds; the call goes on behind it. */
const patienceMs = 20_000;

/** A task's call on its way through the gate at this replica. */
interface TaskRun {
  readonly call: McpCall;
  readonly outcome: Promise<TaskOutcome>;
  /** Questions that wait for it. */
  questions: number;
}

/** What is asked of a task here. */
export interface TaskQuestion {
  readonly callId: string;
  readonly intake: Intake;
  readonly continues: Extract<Continuation, { kind: 'task' }>;
  readonly response: Response;
  /** Keeps the caller's place among its calls taken until this has settled; never rejects. */
  occupy(run: Promise<unknown>): void;
}

/** What the desk works with. */
export interface TaskDeskParts {
  readonly call: McpCallParts;
  readonly open: OpenCalls;
  readonly results: TaskResults;
}

/** Keeps the last part of an answer for whoever asks after the task; nobody is shown its progress. */
class KeptAnswer implements CallAnswer {
  content: Json | undefined;

  expect(): void {
    // There is nobody to tell it to.
  }

  mark(): void {
    // A task is asked after; no stream of it is taken up.
  }

  progress(): void {
    // Notes on progress are not a task's (ext-tasks 2026-07-28, task status notifications).
  }

  async release(part: AnswerPart): Promise<void> {
    if (part.last) this.content = part.content;
  }
}

/**
 * Answers questions after tasks that were made here or at another replica. A question makes the task's
 * call again, joined to its approval; what has run is remembered, so that it is told to whoever asks twice.
 */
export class TaskDesk {
  readonly #runs = new Map<string, TaskRun>();

  constructor(private readonly parts: TaskDeskParts) {}

  /** The result of `tasks/get`, `tasks/update` or `tasks/cancel`. @throws Refusal, on record. */
  async answer(question: TaskQuestion): Promise<JsonObject> {
    const { deed } = question.continues;
    if (deed === 'get') return this.#get(question);
    if (deed === 'cancel') await this.#cancel(question);
    // No task of ours asks for input, and answers to what was never asked are to be ignored.
    return { resultType: 'complete' };
  }

  async #get(question: TaskQuestion): Promise<JsonObject> {
    const { id, task } = question.continues;
    const outcome = this.parts.results.of(task.key) ?? (await this.#outcome(question));
    const pollMs = this.parts.call.ladder.taskPollMs;
    return taskResult({ id, task, nowMs: Date.now(), pollMs }, outcome);
  }

  /** Questions at the same time wait for the same run. */
  async #outcome(question: TaskQuestion): Promise<TaskOutcome> {
    const run = this.#runs.get(question.continues.task.key) ?? this.#start(question);
    const leave = joined(run);
    question.response.once('close', leave);
    if (question.response.destroyed) leave();
    const stop = new AbortController();
    const late = pause(patienceMs, undefined, { signal: stop.signal }).then(() => workingOf(run));
    late.catch(() => undefined);
    try {
      return await Promise.race([run.outcome, late]);
    } finally {
      question.response.removeListener('close', leave);
      leave();
      stop.abort();
    }
  }

  #start(question: TaskQuestion): TaskRun {
    const { callId, continues, intake } = question;
    const answer = new KeptAnswer();
    const call = new McpCall(callId, intake, answer, this.parts.call);
    const outcome = this.#run(call, answer, question).finally(() =>
      this.#runs.delete(continues.task.key),
    );
    // Whoever asked may have left.
    question.occupy(outcome.catch(() => undefined));
    const run = { call, outcome, questions: 0 };
    this.#runs.set(continues.task.key, run);
    return run;
  }

  async #run(call: McpCall, answer: KeptAnswer, question: TaskQuestion): Promise<TaskOutcome> {
    const outcome = await this.#ended(call, answer, question);
    if (outcome.status !== 'working') this.#keep(question, outcome);
    return outcome;
  }

  async #ended(
    call: McpCall,
    answer: KeptAnswer,
    { callId, intake }: TaskQuestion,
  ): Promise<TaskOutcome> {
    try {
      await this.parts.open.run(call);
      return outcomeOfAnswer(answer.content);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { approvalPage } = this.parts.call;
      const outcome = outcomeOfRefusal(error, intake.message, { callId, approvalPage });
      if (outcome === undefined) throw error;
      return outcome;
    }
  }

  /**
   * The client takes back what it asked for; what has run, has run. Between two questions no call of the
   * task is on its way, so that one is made to be taken back: the approval hears of that like of any other.
   */
  async #cancel(question: TaskQuestion): Promise<void> {
    const { callId, continues, intake } = question;
    const run = this.#runs.get(continues.task.key);
    const isOver = this.parts.results.of(continues.task.key) !== undefined;
    if (isOver || run?.call.withdraw() === false) return;
    this.#keep(question, { status: 'cancelled' });
    const call = new McpCall(callId, intake, new KeptAnswer(), this.parts.call);
    await this.parts.open.run(call).catch((error: unknown) => {
      // It is on record; whatever the refusal, the call was not made.
      if (!(error instanceof Refusal)) throw error;
    });
  }

  #keep({ continues, intake }: TaskQuestion, outcome: TaskOutcome): void {
    const { objectId, tenantId } = intake.principal;
    this.parts.results.keep(continues.task.key, `${tenantId}/${objectId}`, outcome);
  }
}

/** One more question waits for a run; returns how it ceases to, which may be called again. */
function joined(run: TaskRun): () => void {
  run.questions += 1;
  let waits = true;
  return () => {
    if (!waits) return;
    waits = false;
    run.questions -= 1;
    // Without anybody who waits nothing may begin to run; the next question goes on from here.
    if (run.questions === 0) run.call.clientWillReturn();
  };
}

function workingOf({ call }: TaskRun): TaskOutcome {
  const words = call.hasRun ? 'The call is approved and runs.' : 'The call waits for an approval.';
  return { status: 'working', words };
}
