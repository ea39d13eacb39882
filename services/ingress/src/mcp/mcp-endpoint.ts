import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { Refusal } from '../gate/refusal.js';
import type { RefusalRecord, RefusedRequest } from '../gate/refusal-record.js';
import { flightKey } from './calls-in-flight.js';
import { ClientAnswer } from './client-answer.js';
import type { Intake, IntakeReader, Learned, Verb } from './intake.js';
import { McpCall, type McpCallParts } from './mcp-call.js';
import { objectAt } from './message.js';
import { operationOf } from './operation.js';
import type { Quotas } from './quotas.js';

/** The MCP endpoint of the gateway: reads a request, takes it through the gate, writes the answer. */
export class McpEndpoint {
  readonly #open = new Map<McpCall, Promise<void>>();

  constructor(
    private readonly reader: IntakeReader,
    private readonly refusals: RefusalRecord,
    private readonly quotas: Quotas,
    private readonly parts: McpCallParts,
  ) {}

  /** Answers one HTTP request. Never rejects. */
  async handle(verb: Verb, server: string, request: Request, response: Response): Promise<void> {
    const callId = randomUUID();
    const answer = new ClientAnswer(response, callId);
    const learned: Learned = {};
    let giveBack: (() => void) | undefined;
    try {
      const admitted = await this.#read(callId, verb, server, { request, response }, learned);
      ({ giveBack } = admitted);
      const intake = this.#remaining(admitted.intake);
      if (intake !== undefined) {
        await this.#run(new McpCall(callId, intake, answer, this.parts), response);
      }
    } catch (error) {
      answer.refuse(asRefusal(error), learned.message);
    } finally {
      answer.end();
      giveBack?.();
    }
  }

  /** Gives up every call that has not run, and ends streams. */
  stop(): void {
    for (const call of this.#open.keys()) call.stop();
  }

  /** Resolves when no call is at the gate any more, or after `timeoutMs`. */
  async settled(timeoutMs: number): Promise<void> {
    const ended = Promise.allSettled(this.#open.values());
    await Promise.race([ended, pause(timeoutMs, undefined, { ref: false })]);
  }

  async #run(call: McpCall, response: Response): Promise<void> {
    const running = call.run(response);
    this.#open.set(call, running);
    try {
      await running;
    } finally {
      this.#open.delete(call);
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
      const intake = await this.reader.read(verb, serverName, exchange, learned);
      const kind = verb === 'GET' ? 'stream' : 'call';
      return { intake, giveBack: this.quotas.take(intake.principal, kind) };
    } catch (error) {
      const refusal = asRefusal(error);
      await this.refusals.ofRequest(known(callId, learned, remoteAddress), refusal);
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
    const call = this.parts.inFlight.find(key);
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
