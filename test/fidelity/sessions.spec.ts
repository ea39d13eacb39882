import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { demoIdentities } from '../../demo/entra/identities.js';
import { eventually, rest } from '../stack/http.js';
import { stackNames } from '../stack/stack.js';
import { type Caller, end, post } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { sayJson } from './scripted-upstream.js';

const eventsSchema = z.object({
  events: z.array(z.object({ event: z.object({ data: z.record(z.string(), z.unknown()) }) })),
});
const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} };
const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

/** A server that gives each session an id of its own, and knows it until it is ended. */
function keepSessions({ upstream }: Relayed): ReadonlySet<string> {
  const open = new Set<string>();
  let last = 0;
  upstream.answerWith(({ body: { id, method }, headers, verb }, response) => {
    const session = String(headers['mcp-session-id'] ?? '');
    if (method === 'initialize') {
      last += 1;
      open.add(`raw-${last}`);
      sayJson(response, { jsonrpc: '2.0', id, result: {} }, { 'mcp-session-id': `raw-${last}` });
    } else if (!open.has(session)) response.writeHead(session === '' ? 400 : 404).end();
    else if (verb === 'DELETE') {
      open.delete(session);
      response.writeHead(200).end();
    } else sayJson(response, { jsonrpc: '2.0', id, result: { session } });
  });
  return open;
}

async function opened(who: Caller): Promise<Caller> {
  const answer = await post(who, initialize);
  await answer.text();
  return { ...who, session: answer.headers.get('mcp-session-id') ?? '' };
}
const statusOf = async (answer: Promise<Response>): Promise<number> => {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
};

describe.each(stackNames)('on %s', (kind) => {
  let house: Relayed;
  let known: ReadonlySet<string>;

  beforeAll(async () => {
    house = await startRelayed(kind);
    known = keepSessions(house);
  }, 90_000);

  afterAll(async () => house?.close(), 30_000);

  test('when a client ends its session, then its server hears of it, it is on record, and the session is over', async () => {
    const ada = await opened(house.ada);
    expect(await statusOf(post(ada, ping))).toBe(200);
    const before = known.size;

    expect(await statusOf(end(ada))).toBe(200);

    expect(known.size).toBe(before - 1);
    const gone = await post(ada, ping);
    expect([gone.status, await gone.json()]).toMatchObject([404, { error: { code: -32_001 } }]);
    const token = await house.world.token('auditor');
    const sessions = await eventually(async () => {
      const query = 'type=countersign.session.closed.v1';
      const { body } = await rest(`${house.stack.audit}/v1/events?${query}`, token);
      const { events } = eventsSchema.parse(body);
      expect(events.length).toBeGreaterThan(0);
      return events.map(({ event }) => event.data);
    });
    expect(sessions.at(-1)).toMatchObject({
      reason: 'client',
      server: 'odd',
      principal: { objectId: demoIdentities.analyst.oid },
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(JSON.stringify(sessions)).not.toContain('raw-');
  });

  test('when another ends it, then it goes on, and nothing is said to its server', async () => {
    const ada = await opened(house.ada);
    const before = house.upstream.heard.length;
    const stolen = { ...house.eng, session: ada.session };
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => statusOf(end(stolen))),
    );

    expect(new Set(statuses)).toEqual(new Set([404]));
    expect(house.upstream.heard.length).toBe(before);
    expect(await statusOf(post(ada, ping))).toBe(200);
  });

  test('when many begin at once, then each session is its caller’s own, and so is each answer', async () => {
    const begun = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        opened(index % 2 === 0 ? house.ada : house.eng),
      ),
    );
    expect(new Set(begun.map(({ session }) => session)).size).toBe(begun.length);

    const answers = await Promise.all(begun.map(async (who) => (await post(who, ping)).json()));
    const sessions = answers.map((answer) =>
      z.object({ result: z.object({ session: z.string() }) }).parse(answer),
    );
    expect(new Set(sessions.map(({ result }) => result.session)).size).toBe(begun.length);
  });

  test('when a session is asked for where the server wants one, then its own refusal comes back', async () => {
    expect(await statusOf(post(house.ada, ping))).toBe(400);
  });
});

describe('in time', () => {
  const minute = 60_000;
  let house: Relayed;

  beforeAll(async () => {
    house = await startRelayed('standalone', {
      sections: { ingress: { sessionIdleMinutes: 5, sessionMaxMinutes: 12 } },
    });
    keepSessions(house);
  }, 90_000);

  afterAll(async () => house?.close(), 30_000);
  afterEach(() => void vi.useRealTimers());

  /** From now on it is so much later, in this process; timers run on as they are. */
  const later = (ms: number): void => {
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: now + ms });
  };

  test('when a session lies idle for too long, then it is unknown, and nothing is said to its server', async () => {
    const ada = await opened(house.ada);
    const used = await opened(house.ada);
    later(4 * minute);
    expect(await statusOf(post(used, ping))).toBe(200);
    later(2 * minute);
    const before = house.upstream.heard.length;

    expect(await statusOf(post(ada, ping))).toBe(404);
    expect(await statusOf(end(ada))).toBe(404);
    expect(house.upstream.heard.length).toBe(before);
    expect(await statusOf(post(used, ping))).toBe(200);
  });

  test('when a session has grown too old, then it is unknown however much it is used', async () => {
    const ada = await opened(house.ada);
    for (const _ of [1, 2, 3]) {
      later(3 * minute);
      expect(await statusOf(post(ada, ping))).toBe(200);
    }
    later(4 * minute);

    expect(await statusOf(post(ada, ping))).toBe(404);
    expect(await statusOf(post(await opened(house.ada), ping))).toBe(200);
  });
});
