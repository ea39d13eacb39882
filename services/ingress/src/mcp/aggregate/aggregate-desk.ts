import type { Response } from 'express';
import { Refusal } from '../../gate/refusal.js';
import type { Arrival } from '../arrivals.js';
import type { CallRunner } from '../call-runner.js';
import type { CallsInFlight } from '../calls-in-flight.js';
import { withoutCancelled } from '../cancellation.js';
import type { ClientAnswer } from '../client-answer.js';
import { clientInfoOf } from '../client-info.js';
import { isModern, withoutTasks } from '../era.js';
import { isObject, type JsonObject, type Message, objectAt } from '../message.js';
import type { Quotas } from '../quotas.js';
import type { AggregateSessions, Member } from './aggregate-sessions.js';
import type { FanOut, Target } from './fan-out.js';
import { discovered, initialized, listedTogether, toolsOf } from './offers.js';
import { questionOf } from './questions.js';
import { RenamedAnswer } from './renamed-answer.js';
import { placeOf } from './tool-names.js';

/** What the desk works with. */
export interface DeskParts {
  readonly sessions: AggregateSessions;
  readonly fanOut: FanOut;
  readonly runner: CallRunner;
  readonly quotas: Quotas;
  readonly inFlight: CallsInFlight;
}

/** A request for all servers, read. */
export interface AggregateRequest {
  readonly callId: string;
  readonly arrival: Arrival;
  /** Absent where the session is to be ended. */
  readonly message: Message | undefined;
  /** The servers of its session; absent without one. */
  readonly members: ReadonlyMap<string, Member> | undefined;
  readonly answer: ClientAnswer;
  readonly response: Response;
}

type Request = Extract<Message, { kind: 'request' }>;

/** Does what a client of all servers asks for. */
export class AggregateDesk {
  constructor(private readonly parts: DeskParts) {}

  /** @throws Refusal of stage `intake`, which is not on record yet */
  async answer(asked: AggregateRequest): Promise<void> {
    const { message } = asked;
    if (message?.kind === 'request') await this.#request(asked, message);
    else if (message?.kind === 'response') await this.#respond(asked, message);
    else await this.#tellAll(asked);
  }

  async #request(asked: AggregateRequest, message: Request): Promise<void> {
    const { answer } = asked;
    const { id, method } = message;
    const tell = (result: JsonObject): void => answer.tell({ jsonrpc: '2.0', id, result });
    switch (`${isModern(message) ? 'modern' : 'legacy'} ${method}`) {
      case 'legacy initialize':
        answer.expect({ status: 200, isStream: false }, await this.#opened(asked, message));
        tell(initialized(objectAt(message.body, 'params')['protocolVersion']));
        return;
      case 'modern server/discover':
        tell(discovered());
        return;
      case 'legacy ping':
        tell({});
        return;
      case 'legacy tools/list':
      case 'modern tools/list':
        tell(await this.#tools(asked, message));
        return;
      case 'legacy tools/call':
      case 'modern tools/call':
        await this.#call(asked, message);
        return;
      default:
        throw new Refusal('METHOD_UNKNOWN', 'intake', `Method not found: ${method}`);
    }
  }

  /** A session with every server that agrees to one; returns its id. */
  async #opened({ arrival, message }: AggregateRequest, initialize: Request): Promise<string> {
    const { fanOut, sessions } = this.parts;
    const opened = await Promise.all(
      fanOut.targets(undefined).map(async (target): Promise<[string, Member][]> => {
        const heard = await fanOut.ask(arrival, target, initialize);
        const result = isObject(heard?.content) ? heard.content['result'] : undefined;
        if (heard === undefined || !isObject(result)) return [];
        const { protocolVersion } = result;
        const version = typeof protocolVersion === 'string' ? protocolVersion : undefined;
        return [[target.server.name, { session: heard.opened, version }]];
      }),
    );
    return sessions.issue(new Map(opened.flat()), arrival.principal, clientInfoOf(message));
  }

  async #tools({ arrival, members }: AggregateRequest, message: Request): Promise<JsonObject> {
    const { fanOut } = this.parts;
    const lists = await Promise.all(
      fanOut.targets(members).map(async (target) => {
        const ask = async (page: Message) => (await fanOut.ask(arrival, target, page))?.content;
        return { server: target.server.name, tools: await toolsOf(message, ask) };
      }),
    );
    return listedTogether(message, lists);
  }

  async #call(asked: AggregateRequest, message: Request): Promise<void> {
    const params = objectAt(message.body, 'params');
    const place = placeOf(typeof params['name'] === 'string' ? params['name'] : '');
    const target = place && this.#target(asked, place.server);
    if (place === undefined || target === undefined) throw unknownTool();
    // A question after a task would not tell which server it is for.
    const meta = params['_meta'] && { _meta: withoutTasks(objectAt(params, '_meta')) };
    const own = { ...params, ...meta, name: place.tool };
    const call = { ...message, body: { ...message.body, params: own } };
    await this.#run(asked, target, call);
  }

  /** What the client answers to a server's question goes to that server. */
  async #respond(
    asked: AggregateRequest,
    message: Extract<Message, { kind: 'response' }>,
  ): Promise<void> {
    const question = questionOf(message.id);
    const target = question && this.#target(asked, question.server);
    if (question === undefined || target === undefined) {
      throw new Refusal('PARAMS_REFUSED', 'intake', 'Nobody asked this.');
    }
    const { id } = question;
    await this.#run(asked, target, { ...message, id, body: { ...message.body, id } });
  }

  /** One server's part of what was asked, as a call; its refusal is on record, and told. */
  async #run(asked: AggregateRequest, target: Target, message: Message): Promise<void> {
    const { answer, arrival, callId, response } = asked;
    const intake = this.parts.fanOut.share(arrival, target, message);
    const { principal, server } = intake;
    const giveBack = this.parts.quotas.take({ principal, server, kind: 'call' });
    try {
      const renamed = new RenamedAnswer(answer, server.name);
      await this.parts.runner.run(callId, intake, renamed, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer.refuse(error, asked.message);
    } finally {
      giveBack();
    }
  }

  /** A notification, or the end of a session. */
  async #tellAll({ answer, arrival, members, message }: AggregateRequest): Promise<void> {
    const { fanOut, inFlight } = this.parts;
    const isHeard = message === undefined || forServers.has(methodOf(message));
    const targets = isHeard && members !== undefined ? fanOut.targets(members) : [];
    await Promise.all(
      targets.map(async (target) => {
        const intake = withoutCancelled(fanOut.share(arrival, target, message), inFlight);
        if (intake !== undefined) await fanOut.say(intake);
      }),
    );
    answer.expect({ status: message === undefined ? 200 : 202, isStream: false }, undefined);
  }

  #target({ members }: AggregateRequest, name: string): Target | undefined {
    return this.parts.fanOut.targets(members).find(({ server }) => server.name === name);
  }
}

/** What a client says to all servers at once. */
const forServers: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/roots/list_changed',
]);

function methodOf(message: Message): string {
  return message.kind === 'response' ? '' : message.method;
}

function unknownTool(): Refusal {
  return new Refusal('DENIED', 'intake', 'No rule allows this.', { hidden: true });
}
