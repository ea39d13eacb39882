import type { Request, Response } from 'express';
import type { Principal } from '#contracts';
import { type Authentication, refusalOf, TokenError, type TokenErrorCode } from '#identity';
import { Refusal } from '../gate/refusal.js';
import type { Server, Servers } from '../servers.js';
import { readMessage, type Message } from './message.js';
import { upstreamHeaders } from './mirrored-headers.js';
import { type Operation, operationOf, upkeepOperation } from './operation.js';
import type { ResourceMetadata } from './resource-metadata.js';
import type { Session, SessionIds } from './session-ids.js';
import { parseStrictJson, UnreadableJson } from './strict-json.js';
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
  readonly message: Message | undefined;
  readonly operation: Operation;
  readonly headers: Readonly<Record<string, string>>;
}

/** The caller was not identified: refused with the headers that tell how to get a token. */
export class IdentityRefusal extends Refusal {
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
    readonly tokenCode: TokenErrorCode,
    message: string,
    cause: unknown,
  ) {
    const code = status === 503 ? 'IDENTITY_UNAVAILABLE' : 'IDENTITY_REFUSED';
    super(code, 'intake', `${message} (${tokenCode})`, {}, { cause });
  }
}

/** What reading a request needs. */
export interface IntakeParts {
  readonly allowed: AllowedPlaces;
  readonly authentication: Authentication;
  readonly metadata: ResourceMetadata;
  readonly servers: Servers;
  readonly sessionIds: SessionIds;
  readonly maxBodyBytes: number;
  readonly maxDepth: number;
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
    const principal = await this.#identify(serverName, request, response);
    learned.principal = principal;
    const server = this.parts.servers.find(serverName);
    if (server === undefined) {
      throw new Refusal('SERVER_UNKNOWN', 'intake', 'No server of this name is configured.');
    }
    learned.server = server;
    const message = verb === 'POST' ? await this.#message(request) : undefined;
    if (message !== undefined) learned.message = message;
    const operation = message === undefined ? verbOperation(verb) : operationOf(message);
    learned.operation = operation;
    const session = this.#session(request, server, principal);
    const headers = upstreamHeaders(request.headers, message, operation);
    return { verb, principal, server, session, message, operation, headers };
  }

  async #identify(serverName: string, request: Request, response: Response): Promise<Principal> {
    try {
      return await this.parts.authentication.identify(request, response);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { status, headers } = refusalOf(error, this.parts.metadata.challenge(serverName));
      throw new IdentityRefusal(status, headers, error.code, error.message, error);
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
      return parseStrictJson(bytes, this.parts.maxDepth);
    } catch (cause) {
      if (!(cause instanceof UnreadableJson)) throw cause;
      const message = `The body is not JSON that is accepted (${cause.fault}).`;
      throw new Refusal('REQUEST_UNREADABLE', 'intake', message, {}, { cause });
    }
  }

  #session(request: Request, server: Server, principal: Principal): Session | undefined {
    const id = request.headers['mcp-session-id'];
    if (id === undefined) return undefined;
    const session = this.parts.sessionIds.open(String(id), server.name, principal);
    if (session !== undefined) return session;
    throw new Refusal('SESSION_UNKNOWN', 'intake', 'The session is unknown; initialize anew.');
  }
}

function verbOperation(verb: Verb): Operation {
  return upkeepOperation(verb === 'GET' ? 'session/stream' : 'session/close');
}
