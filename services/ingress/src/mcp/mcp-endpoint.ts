import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { Refusal } from '../gate/refusal.js';
import type { RefusalRecord, RefusedRequest } from '../gate/refusal-record.js';
import { flightKey } from './calls-in-flight.js';
import { ClientAnswer } from './client-answer.js';
import { isSubscription } from './era.js';
import type { Intake, IntakeReader, Learned, Verb } from './intake.js';
import type { McpCallParts } from './call-parts.js';
import { McpCall } from './mcp-call.js';
import { objectAt } from './message.js';
import { operationOf } from './operation.js';
import type { OpenCalls } from './open-calls.js';
import type { PendingAnswers } from './pending-answer.js';
import type { Quotas } from './quotas.js';
import type { TaskDesk, TaskQuestion } from './task-desk.js';

/** What the endpoint works with. */
export interface EndpointParts {
  readonly reader: IntakeReader;
  readonly refusals: RefusalRecord;
  readonly quotas: Quotas;
  readonly open: OpenCalls;
  readonly tasks: TaskDesk;
  readonly pending: PendingAnswers;
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
      const intake = this.#remaining(admitted.intake);
      if (intake !== undefined) await this.#answer({ callId, intake, response, occupy }, answer);
    } catch (error) {
      answer.refuse(asRefusal(error), learned.message);
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
      await this.#run(callId, intake, answer, response);
      return;
    }
    const result = await this.parts.tasks.answer({ ...question, continues });
    const id = message?.kind === 'request' ? message.id : null;
    answer.tell({ jsonrpc: '2.0', id, result });
  }

  /** A client that can wait no longer may go on waiting in a way of its own. */
  async #run(
    callId: string,
    intake: Intake,
    answer: ClientAnswer,
    response: Response,
  ): Promise<void> {
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

  async #read(
    callId: string,
    verb: Verb,
    serverName: string,
    exchange: { readonly request: Request; readonly response: Response },
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
      const refusal = asRefusal(error);
      await this.parts.refusals.ofRequest(known(callId, learned, remoteAddress), refusal);
      throw refusal;
    }
  }

  /**
   * What is left to do of a request. A cancellation of a call that waits here ends the wait and goes no
   * further; of one that runs, it goes on under the id that the upstream knows; of any other, nothing is
   * left to cancel: undefined.
   */
  #remaining(intake: Intake): Intake | undefined {
    const { message, principal, server, session } = intake;
    if (message?.kind !== 'notification' || message.method !== 'notifications/cancelled')
      return intake;
    const params = objectAt(message.body, 'params');
    const { requestId } = params;
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return undefined;
    const key = flightKey(principal, server.name, session?.sessionId ?? null, requestId);
    const call = this.parts.call.inFlight.find(key);
    if (call === undefined || call.withdraw()) return undefined;
    const body = { ...message.body, params: { ...params, requestId: call.callId } };
    const renamed = { ...message, body };
    return { ...intake, message: renamed, operation: operationOf(renamed) };
  }
}

/** What was known of a request when it was refused. */
function known(
  callId: string,
  { operation, principal, server }: Learned,
  remoteAddress: string | null,
): RefusedRequest {
  return {
    callId,
    server: server?.name ?? null,
    method: operation?.method ?? null,
    resource: operation?.resource ?? null,
    principal: principal ?? null,
    remoteAddress,
  };
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const message = 'The request could not be handled.';
  return new Refusal('REQUEST_UNREADABLE', 'intake', message, { executed: 'no' }, { cause: error });
}
