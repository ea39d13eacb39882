import type { IncomingHttpHeaders } from 'node:http';
import type { Request, Response } from 'express';
import type { Principal } from '#contracts';
import { type Authentication, refusalOf, TokenError, type TokenErrorCode } from '#identity';
import { Refusal } from '../gate/refusal.js';
import { readMessage, type Message } from './message.js';
import type { ResourceMetadata } from './resource-metadata.js';
import { type JsonLimits, parseStrictJson, UnreadableJson } from './strict-json.js';
import {
  type AllowedPlaces,
  checkMediaType,
  checkTransport,
  readBody,
} from './transport-checks.js';

export type Verb = 'POST' | 'GET' | 'DELETE';

/** One HTTP request and the way back. */
export interface HttpExchange {
  readonly request: Request;
  readonly response: Response;
}

/** Who came, before it is known what for. */
export interface Arrival {
  readonly verb: Verb;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal;
  /** Who calls, found out once more. @throws Refusal of stage `forward` */
  readonly identify: () => Promise<Principal>;
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

/** What reading an arrival needs. */
export interface ArrivalParts {
  readonly allowed: AllowedPlaces;
  readonly authentication: Authentication;
  readonly metadata: ResourceMetadata;
  readonly maxBodyBytes: number;
  readonly json: JsonLimits;
}

/** Reads what every request has, whatever server it is for: transport, identity, body. */
export class Arrivals {
  constructor(private readonly parts: ArrivalParts) {}

  /**
   * Who came, over a transport that is in order. `server` names what a token would be for; absent for all.
   * @throws Refusal of stage `intake`
   */
  async identified(
    verb: Verb,
    server: string | undefined,
    exchange: HttpExchange,
  ): Promise<Arrival> {
    const { headers } = exchange.request;
    checkTransport(exchange.request, this.parts.allowed);
    // HEAD is routed like GET, and would open a stream that nobody reads.
    if (exchange.request.method !== verb) {
      throw new Refusal('VERB_REFUSED', 'intake', 'Only POST, GET and DELETE are spoken.');
    }
    const principal = await this.#identify('intake', server, exchange);
    const identify = async (): Promise<Principal> => this.#identify('forward', server, exchange);
    return { verb, headers, principal, identify };
  }

  /** The one message that a body holds. @throws Refusal of stage `intake` */
  async message(request: Request): Promise<Message> {
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

  async #identify(
    stage: 'intake' | 'forward',
    server: string | undefined,
    { request, response }: HttpExchange,
  ): Promise<Principal> {
    try {
      return await this.parts.authentication.identify(request, response);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { status, headers } = refusalOf(error, this.parts.metadata.challenge(server));
      throw new IdentityRefusal(status, headers, error.code, error.message, error, stage);
    }
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
}
