import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { Refusal } from '../gate/refusal.js';
import type { RefusalRecord } from '../gate/refusal-record.js';
import { flightKey } from './calls-in-flight.js';
import { ClientAnswer } from './client-answer.js';
import type { Intake, IntakeReader, Learned, Verb } from './intake.js';
import { McpCall, type McpCallParts } from './mcp-call.js';
import { objectAt, type RequestId } from './message.js';

/** The MCP endpoint of the gateway: reads a request, takes it through the gate, writes the answer. */
export class McpEndpoint {
  readonly #open = new Set<McpCall>();

  constructor(
    private readonly reader: IntakeReader,
    private readonly refusals: RefusalRecord,
    private readonly parts: McpCallParts,
  ) {}

  /** Answers one HTTP request. Never rejects. */
  async handle(verb: Verb, server: string, request: Request, response: Response): Promise<void> {
    const callId = randomUUID();
    const answer = new ClientAnswer(response, callId);
    const learned: Learned = {};
    try {
      const intake = await this.#read(callId, verb, server, { request, response }, learned);
      if (!this.#isWithdrawal(intake)) {
        await this.#run(new McpCall(callId, intake, answer, this.parts), response);
      }
    } catch (error) {
      answer.refuse(asRefusal(error), learned.message);
    } finally {
      answer.end();
    }
  }

  /** Gives up every call that has not run, and ends streams. */
  stop(): void {
    for (const call of this.#open) call.stop();
  }

  async #run(call: McpCall, response: Response): Promise<void> {
    this.#open.add(call);
    try {
      await call.run(response);
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
  ): Promise<Intake> {
    // A request that was broken off may have no socket any more.
    const remoteAddress = exchange.request.socket.remoteAddress ?? null;
    try {
      return await this.reader.read(verb, serverName, exchange, learned);
    } catch (error) {
      const refusal = asRefusal(error);
      await this.refusals.ofRequest(
        {
          callId,
          server: learned.server?.name ?? null,
          method: learned.operation?.method ?? null,
          resource: learned.operation?.resource ?? null,
          principal: learned.principal ?? null,
          remoteAddress,
        },
        refusal,
      );
      throw refusal;
    }
  }

  /** A cancellation of a call that waits here ends the wait, and never reaches an upstream that knows nothing of it. */
  #isWithdrawal(intake: Intake): boolean {
    const { message, principal, server, session } = intake;
    if (message?.kind !== 'notification' || message.method !== 'notifications/cancelled')
      return false;
    const id = objectAt(message.body, 'params')['requestId'];
    if (typeof id !== 'string' && typeof id !== 'number') return false;
    const requestId: RequestId = id;
    const key = flightKey(principal, server.name, session?.sessionId ?? null, requestId);
    return this.parts.inFlight.withdraw(key);
  }
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const message = 'The request could not be handled.';
  return new Refusal('REQUEST_UNREADABLE', 'intake', message, { executed: 'no' }, { cause: error });
}
