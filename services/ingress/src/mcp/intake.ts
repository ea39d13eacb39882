import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '#contracts';
import { Refusal } from '../gate/refusal.js';
import type { Server, Servers } from '../servers.js';
import type { Arrival, Arrivals, HttpExchange, Verb } from './arrivals.js';
import { type ClientInfo, clientInfoOf } from './client-info.js';
import { type Continuation, continued } from './continued.js';
import type { Continuations } from './continuations.js';
import type { Definitions } from './definitions.js';
import { isModern } from './era.js';
import type { EventIds, EventPlace, Resumption } from './event-ids.js';
import { type Demands, demandsOf } from './justification.js';
import type { Message } from './message.js';
import { checkArguments } from './mirrored-arguments.js';
import { checkMirrored, upstreamHeaders } from './mirrored-headers.js';
import { type Operation, operationOf, upkeepOperation } from './operation.js';
import type { QuestionIds } from './question-ids.js';
import type { RequestStates } from './request-states.js';
import type { ServerEras } from './server-eras.js';
import type { Session, SessionIds } from './session-ids.js';
import { type EarlierCall, type TaskIds, withServerTasks } from './task-ids.js';

/** What is learned of a request step by step; what is known when it is refused is on record. */
export interface Learned {
  principal?: Principal;
  server?: Server;
  message?: Message;
  operation?: Operation;
}

/** A request that was read in full. */
export interface Intake {
  readonly verb: Verb;
  readonly principal: Principal;
  readonly server: Server;
  readonly session: Session | undefined;
  /** Where a stream is taken up again that the client lost. */
  readonly resumes: Resumption | undefined;
  /** The call of which more of the answer is asked for: the rest of its stream, or its task's end. */
  readonly earlier: EarlierCall | undefined;
  /** What is to be judged and sent: without what was said to the gateway alone. */
  readonly message: Message | undefined;
  readonly operation: Operation;
  readonly headers: Readonly<Record<string, string>>;
  readonly client: ClientInfo | null;
  readonly demands: Demands;
  readonly continues: Continuation | undefined;
  /** Who calls, found out once more. @throws Refusal of stage `forward` */
  identify(): Promise<Principal>;
}

type Said = Pick<Intake, 'message' | 'operation' | 'demands' | 'continues' | 'earlier'>;

/** What reading a request needs. */
export interface IntakeParts {
  readonly arrivals: Arrivals;
  readonly servers: Servers;
  readonly sessionIds: SessionIds;
  readonly continuations: Continuations;
  readonly definitions: Definitions;
  readonly eventIds: EventIds;
  readonly taskIds: TaskIds;
  readonly requestStates: RequestStates;
  readonly questionIds: QuestionIds;
  readonly eras: ServerEras;
}

/** Reads a request in a fixed order: transport, identity, server, body, headers against body, session. */
export class IntakeReader {
  constructor(private readonly parts: IntakeParts) {}

  /** @throws Refusal of stage `intake`; `learned` then holds what was known by then. */
  async read(
    verb: Verb,
    serverName: string,
    exchange: HttpExchange,
    learned: Learned,
  ): Promise<Intake> {
    const { arrivals, eras, servers, sessionIds } = this.parts;
    const arrival = await arrivals.identified(verb, serverName, exchange);
    const { headers, principal } = arrival;
    learned.principal = principal;
    const server = servers.find(serverName);
    if (server === undefined) {
      throw new Refusal('SERVER_UNKNOWN', 'intake', 'No server of this name is configured.');
    }
    learned.server = server;
    if (verb === 'POST') learned.message = await arrivals.message(exchange.request);
    const { message } = learned;
    const said = this.#said(arrival, server, message, learned);
    checkMirrored(headers, message, eras.isLegacy(server));
    const id = isModern(message) ? undefined : headers['mcp-session-id'];
    const session =
      id === undefined ? undefined : openSession(sessionIds, String(id), server.name, principal);
    return this.#intake(arrival, server, session, said);
  }

  /** What a message that came for several servers says to one of them. @throws Refusal of stage `intake` */
  share(
    arrival: Arrival,
    server: Server,
    session: Session | undefined,
    message: Message | undefined,
  ): Intake {
    return this.#intake(arrival, server, session, this.#said(arrival, server, message, {}));
  }

  #intake(
    { headers, identify, principal, verb }: Arrival,
    server: Server,
    session: Session | undefined,
    sent: Said,
  ): Intake {
    const sessionId = session?.sessionId ?? null;
    const said = this.#answered(sent, { server: server.name, principal, sessionId });
    const resumes = this.#resumption(headers, verb, { server, session, principal });
    const upstream = upstreamHeaders(headers, said.message);
    this.#checkArguments(upstream, server, said);
    const client = clientInfoOf(said.message) ?? session?.client ?? null;
    const earlier = said.earlier ?? resumes?.origin?.call;
    const who = { principal, client, identify };
    return { verb, server, session, resumes, headers: upstream, ...said, earlier, ...who };
  }

  /** What answers a question of the server's, under the server's own id. @throws Refusal of stage `intake` */
  #answered(said: Said, place: EventPlace): Said {
    if (said.message?.kind !== 'response') return said;
    const message = this.parts.questionIds.withServerId(said.message, place);
    return { ...said, message, operation: operationOf(message) };
  }

  /** Where the tool was listed here, and for as long as headers go along. */
  #checkArguments(
    headers: Readonly<Record<string, string>>,
    { name }: Server,
    { message, operation }: Pick<Intake, 'message' | 'operation'>,
  ): void {
    if (operation.method !== 'tools/call' || headers['mcp-method'] === undefined) return;
    const params = this.parts.definitions.headerParams(name, operation.resource);
    if (params !== undefined) checkArguments(headers, message, params);
  }

  /** What a request says, as it is to be judged. */
  #said(
    { headers, principal, verb }: Arrival,
    { name: server }: Server,
    sent: Message | undefined,
    learned: Learned,
  ): Said {
    if (sent === undefined) {
      const operation = verbOperation(verb);
      learned.operation = operation;
      const nothing = { message: undefined, continues: undefined, earlier: undefined };
      return { ...nothing, operation, demands: {} };
    }
    const { demands, message: asked } = demandsOf(sent, headers);
    learned.operation = operationOf(asked);
    const now = { server, principal, nowMs: Date.now() };
    const { continues, message: meant } = continued(asked, now, this.parts.continuations);
    const { earlier, message: named } = withServerTasks(meant, (id) =>
      this.parts.taskIds.open(id, server, principal),
    );
    // What is made again for a task holds its server's own state already.
    const { requestStates } = this.parts;
    const place = { server, principal };
    const message = continues === undefined ? requestStates.withServerState(named, place) : named;
    if (message !== asked) learned.operation = operationOf(message);
    return { message, operation: learned.operation, demands, continues, earlier };
  }

  #resumption(
    headers: IncomingHttpHeaders,
    verb: Verb,
    place: {
      readonly server: Server;
      readonly session: Session | undefined;
      readonly principal: Principal;
    },
  ): Resumption | undefined {
    const id = headers['last-event-id'];
    if (verb !== 'GET' || id === undefined) return undefined;
    const { principal, server, session } = place;
    const where = { server: server.name, principal, sessionId: session?.sessionId ?? null };
    const resumption = this.parts.eventIds.open(String(id), where, Date.now());
    if (resumption !== undefined) return resumption;
    const message = 'The Last-Event-ID is not of this session, or its time is over.';
    throw new Refusal('CONTINUATION_UNKNOWN', 'intake', message);
  }
}

/** @throws Refusal where the id is none of this caller, or its time is over. */
export function openSession(
  sessionIds: SessionIds,
  id: string,
  place: string,
  principal: Principal,
): Session {
  const session = sessionIds.open(id, place, principal, Date.now());
  if (session !== undefined) return session;
  throw new Refusal('SESSION_UNKNOWN', 'intake', 'The session is unknown; initialize anew.');
}

function verbOperation(verb: Verb): Operation {
  return upkeepOperation(verb === 'GET' ? 'session/stream' : 'session/close');
}
