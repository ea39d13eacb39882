import type { Response } from 'express';
import { Refusal } from '../gate/refusal.js';
import type { CallAnswer, McpCallParts } from './call-parts.js';
import type { Intake } from './intake.js';
import { McpCall } from './mcp-call.js';
import type { JsonObject } from './message.js';
import type { OpenCalls } from './open-calls.js';
import type { PendingAnswers } from './pending-answer.js';

/** What the runner works with. */
export interface RunnerParts {
  readonly open: OpenCalls;
  readonly pending: PendingAnswers;
  readonly call: McpCallParts;
}

/** Where a call is answered: what its server says, and what the gateway says by itself. */
export interface RunAnswer extends CallAnswer {
  tell(message: JsonObject): void;
}

/** Runs calls for clients that wait for them over HTTP. */
export class CallRunner {
  constructor(private readonly parts: RunnerParts) {}

  /**
   * Takes a call through the gate for as long as its client is there. A client that can wait no longer may go
   * on waiting in a way of its own.
   * @throws Refusal, on record.
   */
  async run(callId: string, intake: Intake, answer: RunAnswer, response: Response): Promise<void> {
    const call = new McpCall(callId, intake, answer, this.parts.call);
    response.on('close', () => call.clientLeft());
    if (response.destroyed) call.clientLeft();
    try {
      await this.parts.open.run(call);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { wait } = call;
      const told = this.parts.pending.answerTo(error, { callId, intake, wait });
      if (told === undefined) throw error;
      answer.tell(told);
    }
  }
}
