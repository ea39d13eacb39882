import type { Request, Response } from 'express';
import type { Principal } from '#contracts';
import { type Authentication, refusalOf, TokenError, type TokenErrorCode } from '#identity';
import { Refusal } from '../gate/refusal.js';
import type { Server, Servers } from '../servers.js';
import { type ClientInfo, clientInfoOf } from './client-info.js';
import { type Continuation, continued } from './continued.js';
import type { Continuations } from './continuations.js';
import { isModern } from './era.js';
import type { EventIds, Resumption } from './event-ids.js';
import type { Definitions } from './definitions.js';
import { type Demands, demandsOf } from './justification.js';
import { readMessage, type Message } from './message.js';
import { checkArguments } from './mirrored-arguments.js';
import { checkMirrored, upstreamHeaders } from './mirrored-headers.js';
import { type Operation, operationOf, upkeepOperation } from './operation.js';
import type { ServerEras } from './server-eras.js';
import type { ResourceMetadata } from './resource-metadata.js';
import type { Session, SessionIds } from './session-ids.js';
import { type JsonLimits, parseStrictJson, UnreadableJson } from './strict-json.js';
import { type EarlierCall, type TaskIds, withServerTasks } from './task-ids.js';
import {
  type AllowedPlaces,
  checkMediaType,
  checkTransport,
  readBody,
} from './transport-checks.js';

export type Verb = 'POST' | 'GET' | 'DELETE';

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

/** The caller was not identified: refused with the headers that tell how to get a token. */
export class IdentityRefusal extends Refusal {
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
    readonly tokenCode: TokenErrorCode,
    message: string,
    cause: unknown,
    stage: 'intake' | 'forward' = 'intake',
  ) {
    const code = status === 503 ? 'IDENTITY_UNAVAILABLE' : 'IDENTITY_REFUSED';
    super(code, stage, `${message} (${tokenCode})`, {}, { cause });
  }
}

type Said = Pick<Intake, 'message' | 'operation' | 'demands' | 'continues' | 'earlier'> & {
  /** The message as it came. */
  readonly sent: Message | undefined;
};

/** What reading a request needs. */
export interface IntakeParts {
  readonly allowed: AllowedPlaces;
  readonly authentication: Authentication;
  readonly metadata: ResourceMetadata;
  readonly servers: Servers;
  readonly sessionIds: SessionIds;
  readonly continuations: Continuations;
  readonly definitions: Definitions;
  readonly eventIds: EventIds;
  readonly taskIds: TaskIds;
  readonly eras: ServerEras;
  readonly maxBodyBytes: number;
  readonly json: JsonLimits;
}

/** Reads a request in a fixed order: transport, identity, server, body, session, headers against body. */
export class IntakeReader {
  constructor(private readonly parts: IntakeParts) {}

  /** @throws Refusal of stage `intake`; `learned` then holds what was known by then. */
  async read(
    verb: Verb,
    serverName: string,
    exchange: { readonly request: Request; readonly response: Response },
    learned: Learned,
  ): Promise<Intake> {
    const { request, response } = exchange;
    checkTransport(request, this.parts.allowed);
    const principal = await this.#identify('intake', serverName, request, response);
    learned.principal = principal;
    const server = this.parts.servers.find(serverName);
    if (server === undefined) {
      throw new Refusal('SERVER_UNKNOWN', 'intake', 'No server of this name is configured.');
    }
    learned.server = server;
    const { sent, ...said } = await this.#said(
      verb,
      request,
      { server: server.name, principal },
      learned,
    );
    const { message } = said;
    checkMirrored(request.headers, sent, this.parts.eras.isLegacy(server.name));
    const session = this.#session(request, sent, server, principal);
    const resumes = this.#resumption(request, verb, { server, session, principal });
    const headers = upstreamHeaders(request.headers, message);
    this.#checkArguments(headers, server, said);
    const client = clientInfoOf(message) ?? session?.client ?? null;
    const identify = async (): Promise<Principal> =>
      this.#identify('forward', serverName, request, response);
    const who = { principal, client, identify };
    const earlier = said.earlier ?? resumes?.origin?.call;
    return { verb, server, session, resumes, headers, ...said, earlier, ...who };
  }

  /** Where the tool was listed here, and where headers count at all. */
  #checkArguments(
    headers: Readonly<Record<string, string>>,
    { name }: Server,
    { message, operation }: Pick<Intake, 'message' | 'operation'>,
  ): void {
    if (operation.method !== 'tools/call' || headers['mcp-method'] === undefined) return;
    const params = this.parts.definitions.headerParams(name, operation.resource);
    if (params === undefined || this.parts.eras.isLegacy(name)) return;
    checkArguments(headers, message, params);
  }

  /** What a request says: as it was sent, and as it is to be judged. */
  async #said(
    verb: Verb,
    request: Request,
    asker: { readonly server: string; readonly principal: Principal },
    learned: Learned,
  ): Promise<Said> {
    if (verb !== 'POST') {
      const operation = verbOperation(verb);
      learned.operation = operation;
      const nothing = { sent: undefined, message: undefined, continues: undefined };
      return { ...nothing, operation, demands: {}, earlier: undefined };
    }
    const sent = await this.#message(request);
    learned.message = sent;
    const { demands, message: asked } = demandsOf(sent, request.headers);
    learned.operation = operationOf(asked);
    const now = { ...asker, nowMs: Date.now() };
    const { continues, message: meant } = continued(asked, now, this.parts.continuations);
    const { earlier, message } = withServerTasks(meant, (id) =>
      this.parts.taskIds.open(id, asker.server, asker.principal),
    );
    if (message !== asked) learned.operation = operationOf(message);
    return { sent, message, operation: learned.operation, demands, continues, earlier };
  }

  async #identify(
    stage: 'intake' | 'forward',
    serverName: string,
    request: Request,
    response: Response,
  ): Promise<Principal> {
    try {
      return await this.parts.authentication.identify(request, response);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { status, headers } = refusalOf(error, this.parts.metadata.challenge(serverName));
      throw new IdentityRefusal(status, headers, error.code, error.message, error, stage);
    }
  }

  async #message(request: Request): Promise<Message> {
    checkMediaType(request);
    const bytes = await readBody(request, this.parts.maxBodyBytes);
    const message = readMessage(this.#json(bytes));
    if (message !== undefined) return message;
    throw new Refusal(
      'REQUEST_NOT_ONE_MESSAGE',
      'intake',
      'The body must be exactly one JSON-RPC request, notification or response; batches are not accepted.',
    );
  }

  #json(bytes: Buffer) {
    try {
      return parseStrictJson(bytes, this.parts.json);
    } catch (cause) {
      if (!(cause instanceof UnreadableJson)) throw cause;
      const message = `The body is not JSON that is accepted (${cause.fault}).`;
      throw new Refusal('REQUEST_UNREADABLE', 'intake', message, {}, { cause });
    }
  }

  /** The stateless era has no sessions: there the header says nothing. */
  #session(
    request: Request,
    sent: Message | undefined,
    server: Server,
    principal: Principal,
  ): Session | undefined {
    const id = request.headers['mcp-session-id'];
    if (id === undefined || isModern(sent)) return undefined;
    const session = this.parts.sessionIds.open(String(id), server.name, principal, Date.now());
    if (session !== undefined) return session;
    throw new Refusal('SESSION_UNKNOWN', 'intake', 'The session is unknown; initialize anew.');
  }

  #resumption(
    request: Request,
    verb: Verb,
    place: {
      readonly server: Server;
      readonly session: Session | undefined;
      readonly principal: Principal;
    },
  ): Resumption | undefined {
    const id = request.headers['last-event-id'];
    if (verb !== 'GET' || id === undefined) return undefined;
    const { principal, server, session } = place;
    const where = { server: server.name, principal, sessionId: session?.sessionId ?? null };
    const resumption = this.parts.eventIds.open(String(id), where, Date.now());
    if (resumption !== undefined) return resumption;
    const message = 'The Last-Event-ID is not of this session, or its time is over.';
    throw new Refusal('CONTINUATION_UNKNOWN', 'intake', message);
  }
}

function verbOperation(verb: Verb): Operation {
  return upkeepOperation(verb === 'GET' ? 'session/stream' : 'session/close');
}
