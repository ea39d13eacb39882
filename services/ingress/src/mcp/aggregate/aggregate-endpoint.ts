import { randomUUID } from 'node:crypto';
import { Refusal } from '../../gate/refusal.js';
import type { RefusalRecord } from '../../gate/refusal-record.js';
import type { Arrivals, HttpExchange, Verb } from '../arrivals.js';
import { ClientAnswer } from '../client-answer.js';
import { isModern } from '../era.js';
import type { Learned } from '../intake.js';
import { checkMirrored } from '../mirrored-headers.js';
import { operationOf, upkeepOperation } from '../operation.js';
import { refusalOfRequest, refusedRequest } from '../refused-request.js';
import type { AggregateDesk, AggregateRequest } from './aggregate-desk.js';
import type { AggregateSessions } from './aggregate-sessions.js';

/** What the endpoint works with. */
export interface AggregateParts {
  readonly arrivals: Arrivals;
  readonly sessions: AggregateSessions;
  readonly desk: AggregateDesk;
  readonly refusals: RefusalRecord;
  readonly approvalPage: (approvalId: string) => string;
  /** Whether the servers are offered together at all. */
  readonly isOffered: boolean;
}

/**
 * `/mcp`: the tools of all servers under one roof, as `<server>__<tool>`. What reaches a server is a call of
 * its own, like any that is made to that server alone.
 */
export class AggregateEndpoint {
  constructor(private readonly parts: AggregateParts) {}

  /** Answers one HTTP request. Never rejects. */
  async handle(verb: Verb, exchange: HttpExchange): Promise<void> {
    const callId = randomUUID();
    const { request, response } = exchange;
    const { approvalPage, desk, refusals } = this.parts;
    const remoteAddress = request.socket.remoteAddress ?? null;
    const answer = new ClientAnswer(response, { callId, approvalPage });
    const learned: Learned = {};
    try {
      const asked = await this.#read(verb, exchange, learned);
      await desk.answer({ ...asked, callId, answer, response });
    } catch (error) {
      const refusal = refusalOfRequest(error);
      await refusals.ofRequest(refusedRequest(callId, learned, remoteAddress), refusal);
      answer.refuse(refusal, learned.message);
    } finally {
      answer.end();
    }
  }

  async #read(
    verb: Verb,
    exchange: HttpExchange,
    learned: Learned,
  ): Promise<Pick<AggregateRequest, 'arrival' | 'message' | 'members'>> {
    const { arrivals, isOffered, sessions } = this.parts;
    const arrival = await arrivals.identified(verb, undefined, exchange);
    const { headers, principal } = arrival;
    learned.principal = principal;
    if (!isOffered) {
      throw new Refusal('SERVER_UNKNOWN', 'intake', 'The servers are not offered together here.');
    }
    if (verb === 'GET') {
      throw new Refusal('VERB_REFUSED', 'intake', 'All servers together have no stream.');
    }
    const message = verb === 'POST' ? await arrivals.message(exchange.request) : undefined;
    if (message !== undefined) learned.message = message;
    learned.operation = message ? operationOf(message) : upkeepOperation('session/close');
    checkMirrored(headers, message, false);
    const id = isModern(message) ? undefined : headers['mcp-session-id'];
    const members = id === undefined ? undefined : sessions.open(String(id), principal);
    return { arrival, message, members };
  }
}
