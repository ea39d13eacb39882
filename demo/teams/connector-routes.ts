import express, { type Request, type Response, Router } from 'express';
import type { BotTokens } from './bot-tokens.js';
import { cardOf, create, post, put, Refused } from './connector-calls.js';
import type { Faults } from './faults.js';
import type { Rooms } from './rooms.js';

/** A call of the bot, as it was answered. */
export interface ConnectorCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly at: Date;
  /** What was sent, if it was a card that can be shown. */
  readonly card: unknown;
}

/** What the routes work on. */
export interface ConnectorParts {
  readonly tenant: string;
  readonly rooms: Rooms;
  readonly tokens: BotTokens;
  readonly faults: Faults;
  readonly record: (call: ConnectorCall) => void;
}

const activities = '/v3/conversations/:conversation/activities';

/** The Bot Connector's REST interface, version 3, as far as messages go. */
export function connectorRoutes({ faults, record, rooms, tenant, tokens }: ConnectorParts): Router {
  const router = Router();
  router.use(async (request, response, next) => {
    response.on('finish', () => record(callOf(request, response)));
    await faults.meet(request, response, next);
  });
  // What is larger never reaches the checks.
  router.use(express.json({ limit: '100kb' }));
  router.use(async (request, response, next) => {
    if (await tokens.accepts(request.headers.authorization)) next();
    else refuse(response, new Refused(401, 'Unauthorized', 'no token of this bot'));
  });
  const reply = ({ body, params }: Request): object =>
    post(rooms, named(params['conversation']), body);
  router.post(activities, answered(reply));
  router.post(`${activities}/:activity`, answered(reply));
  router.put(
    `${activities}/:activity`,
    answered(({ body, params }) =>
      put(rooms, named(params['conversation']), named(params['activity']), body),
    ),
  );
  router.post(
    '/v3/conversations',
    answered(({ body }) => create(rooms, tenant, body)),
  );
  return router;
}

function answered(work: (request: Request) => object) {
  return (request: Request, response: Response): void => {
    try {
      response.json(work(request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refuse(response, error);
    }
  };
}

function refuse(response: Response, { code, message, status }: Refused): void {
  response.status(status).json({ error: { code, message } });
}

function callOf(request: Request, response: Response): ConnectorCall {
  const { method, originalUrl } = request;
  const call = { method, path: originalUrl, status: response.statusCode, at: new Date() };
  try {
    return { ...call, card: cardOf(request.body) };
  } catch {
    return { ...call, card: undefined };
  }
}

function named(parameter: string | string[] | undefined): string {
  return typeof parameter === 'string' ? parameter : '';
}
