import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { RefusalRecord } from '../gate/refusal-record.js';
import type { CallRunner } from './call-runner.js';
import { withoutCancelled } from './cancellation.js';
import { ClientAnswer } from './client-answer.js';
import { isSubscription } from './era.js';
import type { HttpExchange, Verb } from './arrivals.js';
import type { Intake, IntakeReader, Learned } from './intake.js';
import type { McpCallParts } from './call-parts.js';
import type { OpenCalls } from './open-calls.js';
import type { Quotas } from './quotas.js';
import { refusalOfRequest, refusedRequest } from './refused-request.js';
import type { TaskDesk, TaskQuestion } from './task-desk.js';

/** What the endpoint works with. */
export interface EndpointParts {
  readonly reader: IntakeReader;
  readonly refusals: RefusalRecord;
  readonly quotas: Quotas;
  readonly open: OpenCalls;
  readonly tasks: TaskDesk;
  readonly runner: CallRunner;
  readonly call: McpCallParts;
}

/** The MCP endpoint of the gateway: reads a request, takes it through the gate, writes the answer. */
export class McpEndpoint {
  constructor(private readonly parts: EndpointParts) {}

  /** Answers one HTTP request. Never rejects. */
  async handle(verb: Verb, server: string, request: Request, response: Response): Promise<void> {
    const callId = randomUUID();
    const { approvalPage } = this.parts.call;
    const answer = new ClientAnswer(response, { callId, approvalPage });
    const learned: Learned = {};
    let giveBack: (() => void) | undefined;
    const occupied: Promise<unknown>[] = [];
    const occupy = (run: Promise<unknown>): void => void occupied.push(run);
    try {
      const admitted = await this.#read(callId, verb, server, { request, response }, learned);
      ({ giveBack } = admitted);
      const intake = withoutCancelled(admitted.intake, this.parts.call.inFlight);
      if (intake !== undefined) await this.#answer({ callId, intake, response, occupy }, answer);
    } catch (error) {
      answer.refuse(refusalOfRequest(error), learned.message);
    } finally {
      answer.end();
      void Promise.all(occupied).finally(giveBack);
    }
  }

  /** Gives up every call that has not run, and ends streams. */
  stop(): void {
    this.parts.open.stop();
  }

  /** Resolves when no call is at the gate any more, or after `timeoutMs`. */
  async settled(timeoutMs: number): Promise<void> {
    await this.parts.open.settled(timeoutMs);
  }

  async #answer(question: Omit<TaskQuestion, 'continues'>, answer: ClientAnswer): Promise<void> {
    const { callId, intake, response } = question;
    const { continues, message } = intake;
    if (continues?.kind !== 'task') {
      await this.parts.runner.run(callId, intake, answer, response);
      return;
    }
    const result = await this.parts.tasks.answer({ ...question, continues });
    const id = message?.kind === 'request' ? message.id : null;
    answer.tell({ jsonrpc: '2.0', id, result });
  }

  async #read(
    callId: string,
    verb: Verb,
    serverName: string,
    exchange: HttpExchange,
    learned: Learned,
  ): Promise<{ readonly intake: Intake; readonly giveBack: () => void }> {
    // A request that was broken off may have no socket any more.
    const remoteAddress = exchange.request.socket.remoteAddress ?? null;
    try {
      const intake = await this.parts.reader.read(verb, serverName, exchange, learned);
      const isStream = verb === 'GET' || isSubscription(intake.message);
      const kind = isStream ? 'stream' : 'call';
      return { intake, giveBack: this.parts.quotas.take({ ...intake, kind }) };
    } catch (error) {
      const refusal = refusalOfRequest(error);
      await this.parts.refusals.ofRequest(refusedRequest(callId, learned, remoteAddress), refusal);
      throw refusal;
    }
  }
}
