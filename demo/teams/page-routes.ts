import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import express, { type NextFunction, type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { DemoIdentity } from '../entra/identities.js';
import type { ExecuteAction } from './card-rules.js';
import type { PressOutcome } from './gateway-sender.js';
import type { RoomMessage, Rooms } from './rooms.js';

/** What the page shows and does. */
export interface PageParts {
  readonly origin: string;
  readonly rooms: Rooms;
  readonly people: Readonly<Record<string, DemoIdentity>>;
  readonly press: (
    message: RoomMessage,
    by: string,
    action: ExecuteAction,
  ) => Promise<PressOutcome>;
}

const pressSchema = z.strictObject({
  as: z.string(),
  conversation: z.string(),
  activity: z.string(),
  title: z.string(),
  verb: z.string(),
  data: z.record(z.string(), z.unknown()),
});

/** The renderer is a script of its own; the page needs no other. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'";
const keepAliveMs = 15_000;

/** The page that draws the cards, and what it asks for: who is there, what stands where, news, presses. */
export function pageRoutes(parts: PageParts): Router {
  const router = Router();
  // Run from the repository, as the rest of the demo.
  const folder = resolve('demo/teams/page');
  const renderer = createRequire(import.meta.filename).resolve(
    'adaptivecards/dist/adaptivecards.min.js',
  );
  router.use((request, response, next) => guard(parts.origin, request, response, next));
  router.get('/', (_request, response) => response.sendFile(join(folder, 'index.html')));
  router.get('/adaptivecards.js', (_request, response) => response.sendFile(renderer));
  router.use('/page', express.static(folder));
  router.get('/people', (_request, response) => void response.json(peopleOf(parts)));
  router.get('/state', (request, response) => {
    const { as } = request.query;
    response.json(stateFor(parts, typeof as === 'string' ? as : ''));
  });
  router.get('/events', (request, response) => streamChanges(parts.rooms, request, response));
  router.post('/press', express.json({ limit: '64kb' }), async (request, response) => {
    const press = pressSchema.safeParse(request.body).data;
    const message = press && visibleMessage(parts, press);
    if (press === undefined || message === undefined) {
      response.status(400).json({ kind: 'broken', why: 'no such message for this person' });
      return;
    }
    const { as, data, title, verb } = press;
    response.json(await parts.press(message, as, { title, verb, data }));
  });
  return router;
}

/** Other sites must neither read the page (by another name for this address) nor press for it. */
function guard(origin: string, request: Request, response: Response, next: NextFunction): void {
  const { port } = new URL(origin);
  const hosts = [new URL(origin).host, `localhost:${port}`, `127.0.0.1:${port}`];
  const isOwnHost = hosts.includes(request.headers.host ?? '');
  const from = request.headers.origin;
  const isOwnPage = from === undefined || hosts.some((host) => from === `http://${host}`);
  if (!isOwnHost || !isOwnPage) {
    response.status(403).json({ kind: 'broken', why: 'not this page' });
    return;
  }
  response.set('Content-Security-Policy', policy).set('Cache-Control', 'no-store');
  next();
}

function peopleOf({ people }: PageParts): object[] {
  return Object.entries(people).map(([key, { name }]) => ({ key, name }));
}

/** What one person sees, each message as it is for them. */
function stateFor({ people, rooms }: PageParts, key: string): object {
  const oid = Object.hasOwn(people, key) ? people[key]?.oid : undefined;
  const theirs = rooms.all().filter((room) => oid !== undefined && room.members.includes(oid));
  return {
    conversations: theirs.map((room) => ({
      id: room.id,
      kind: room.kind,
      name: room.name,
      messages: rooms.messages(room.id).map((message) => ({
        id: message.activityId,
        isReply: message.rootId !== message.activityId,
        postedAt: message.postedAt.toISOString(),
        isUpdated: message.updates > 0,
        card: message.ownCards.get(oid ?? '') ?? message.card,
      })),
    })),
  };
}

function visibleMessage(
  { people, rooms }: PageParts,
  press: z.infer<typeof pressSchema>,
): RoomMessage | undefined {
  const oid = Object.hasOwn(people, press.as) ? people[press.as]?.oid : undefined;
  const room = rooms.find(press.conversation)?.room;
  if (oid === undefined || room?.members.includes(oid) !== true) return undefined;
  return rooms.message(room.id, press.activity);
}

/** Server-sent events without content: the page asks for what it needs. */
function streamChanges(rooms: Rooms, request: Request, response: Response): void {
  response.type('text/event-stream').write('data: hello\n\n');
  const stop = rooms.onChange(() => void response.write('data: changed\n\n'));
  const timer = setInterval(() => void response.write(': still here\n\n'), keepAliveMs);
  request.on('close', () => {
    stop();
    clearInterval(timer);
  });
}
