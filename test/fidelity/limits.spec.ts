import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../stack/http.js';
import { allEvents, type Caller, listen, post, postModern } from './mcp-http.js';
import { failed, type Relayed, startRelayed } from './relayed.js';
import { beginStream, sayEvent, sayJson } from './scripted-upstream.js';

let house: Relayed;
let ada: Caller;

const maxStreamMs = 1200;

beforeAll(async () => {
  house = await startRelayed('standalone', {
    sections: {
      ingress: {
        maxBodyBytes: 65_536,
        maxAnswerBytes: 65_536,
        maxStreamBytes: 262_144,
        maxDepth: 16,
        maxArrayLength: 100,
        maxStreamMs,
        upstreamTimeoutMs: 2000,
        callsPerCaller: 12,
        streamsPerCaller: 2,
        requestsPerSecondPerCaller: 60,
      },
    },
    others: (url) => ({
      rare: { url, limits: { requestsPerSecond: 1 } },
      narrow: { url, limits: { concurrentCalls: 2 } },
    }),
  });
  ({ ada } = house);
}, 90_000);

afterAll(async () => house?.close(), 30_000);

const leaving: AbortController[] = [];
afterEach(() => {
  for (const each of leaving.splice(0)) each.abort();
});
const leaver = (): AbortSignal => {
  const controller = new AbortController();
  leaving.push(controller);
  return controller.signal;
};

const at = (server: string, who: Caller = ada): Caller => ({
  ...who,
  url: who.url.replace(/odd$/, server),
});
const call = (given: unknown = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: given },
});
const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
const callIdOf = (answer: Response): string => answer.headers.get('x-countersign-call') ?? '';
const answerAtOnce = (result: object = {}): void =>
  house.upstream.answerWith(({ body: { id } }, response) =>
    sayJson(response, { jsonrpc: '2.0', id, result }),
  );
/** The server keeps what it is asked until the test lets it answer. */
function answerLater(): () => void {
  const waiting: (() => void)[] = [];
  house.upstream.answerWith(({ body: { id } }, response) => {
    waiting.push(() => sayJson(response, { jsonrpc: '2.0', id, result: {} }));
  });
  return () => {
    for (const each of waiting.splice(0)) each();
  };
}

/** One is refused by a code, with the time to come again, and that is on record under its caller. */
async function expectRefused(answer: Response, status: number, code: string, isTimed = true) {
  const told: unknown = await answer.json();
  expect({ status: answer.status, told }).toMatchObject({
    status,
    told: { error: { data: { code, executed: 'no' } } },
  });
  const wait = Number(answer.headers.get('retry-after'));
  if (isTimed) expect(wait).toBeGreaterThanOrEqual(1);
  expect(await house.recorded(callIdOf(answer), failed)).toMatchObject({
    code,
    executed: 'no',
    principal: { tenantId: expect.any(String), objectId: expect.any(String) },
  });
}
const list = (length: number): number[] => Array.from({ length }, () => 1);
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
const members = (count: number) => Object.fromEntries(list(count).map((_, at) => [`m${at}`, 1]));

test('when a server may be asked once a second, then whoever comes too soon is told when to come again, and can', async () => {
  answerAtOnce();
  const answers = await Promise.all([1, 2, 3, 4].map(async () => post(at('rare'), ping)));
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(429);

  const refused = answers.filter(({ status }) => status === 429);
  for (const each of refused) await expectRefused(each, 429, 'RATE_LIMITED');
  const waitMs =
    Math.max(...refused.map(({ headers }) => Number(headers.get('retry-after')))) * 1000;
  await new Promise((done) => setTimeout(done, waitMs));
  expect((await post(at('rare'), ping)).status).toBe(200);
});

test('when one caller asks too often, then it is refused and others are not', async () => {
  answerAtOnce();
  const lead = { url: ada.url, token: await house.world.token('lead') };
  const flood = Array.from({ length: 240 }, async () => post(lead, ping));
  const other = await post(house.eng, ping);
  const answers = await Promise.all(flood);

  expect(other.status).toBe(200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  const [first] = refused;
  if (first !== undefined) await expectRefused(first, 429, 'RATE_LIMITED');
  // Places of calls may be taken as well, and then the answer is 503.
  expect(new Set(answers.map(({ status }) => status))).not.toContain(500);
});

test('when a server may have two calls at once, then a third is refused until one is over', async () => {
  const finish = answerLater();
  const before = house.upstream.heard.length;
  const running = [post(at('narrow'), call()), post(at('narrow', house.eng), call())];
  await eventually(() => expect(house.upstream.heard.length).toBe(before + 2));

  await expectRefused(await post(at('narrow'), call()), 503, 'OVERLOADED');
  expect(house.upstream.heard.length).toBe(before + 2);
  finish();
  for (const each of running) expect((await each).status).toBe(200);
  answerAtOnce();
  await eventually(async () => expect((await post(at('narrow'), call())).status).toBe(200));
});

test('when one caller has all its calls open, then more are refused, and others have theirs', async () => {
  const finish = answerLater();
  const before = house.upstream.heard.length;
  const running = Array.from({ length: 12 }, async () => post(ada, call()));
  await eventually(() => expect(house.upstream.heard.length).toBe(before + 12));

  await expectRefused(await post(ada, call()), 503, 'OVERLOADED');
  const others = post(house.eng, call());
  await eventually(() => expect(house.upstream.heard.length).toBe(before + 13));
  finish();
  for (const each of [...running, others]) expect((await each).status).toBe(200);
});

test('when one caller has all its streams open, then one more is refused, and calls are not', async () => {
  house.upstream.answerWith(({ body: { id }, verb }, response) => {
    if (verb === 'GET') beginStream(response);
    else sayJson(response, { jsonrpc: '2.0', id, result: {} });
  });
  const open = [
    await listen({ ...ada, signal: leaver() }),
    await listen({ ...ada, signal: leaver() }),
  ];
  expect(open.map(({ status }) => status)).toEqual([200, 200]);

  await expectRefused(await listen(ada), 503, 'OVERLOADED');
  const params = { notifications: {} };
  const asked = { id: 3, method: 'subscriptions/listen', params };
  await expectRefused(await postModern(ada, asked), 503, 'OVERLOADED');
  expect((await post(ada, call())).status).toBe(200);
});

test('when a stream has been open for long enough, then it ends, its server is let go, and the client can come back', async () => {
  house.upstream.answerWith((_, response) => {
    beginStream(response);
    sayEvent(response, { message: { jsonrpc: '2.0', method: 'notifications/x' } });
  });
  for (const _ of [1, 2]) {
    const startedMs = Date.now();
    const events = await allEvents(await listen(house.eng));
    const lastedMs = Date.now() - startedMs;

    expect(events).toHaveLength(1);
    expect(lastedMs).toBeGreaterThan(maxStreamMs * 0.8);
    expect(lastedMs).toBeLessThan(maxStreamMs * 5);
    await eventually(() => expect(house.upstream.heard.at(-1)?.isBrokenOff()).toBe(true));
  }
  const params = { notifications: { toolsListChanged: true } };
  const asked = { id: 4, method: 'subscriptions/listen', params };
  const answer = await postModern(house.eng, asked);
  expect((await allEvents(answer)).length).toBeGreaterThanOrEqual(1);
});

test.each<[string, object | string, number, string]>([
  ['an array of too many', call({ a: list(101) }), 400, 'REQUEST_UNREADABLE'],
  ['an object of too many', call(members(101)), 400, 'REQUEST_UNREADABLE'],
  ['too much depth', call({ a: nested(16) }), 400, 'REQUEST_UNREADABLE'],
  [
    'depth that would break a parser',
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    400,
    'REQUEST_UNREADABLE',
  ],
  ['too many bytes', call({ a: 'a'.repeat(65_536) }), 413, 'REQUEST_TOO_LARGE'],
])(
  'when a request has %s, then it is refused, on record, and not sent on',
  async (_, message, status, code) => {
    answerAtOnce();
    const before = house.upstream.heard.length;
    await expectRefused(await post(ada, message), status, code, false);

    expect(house.upstream.heard.length).toBe(before);
  },
);

test('when a request has just as much as it may, then it passes, both ways', async () => {
  answerAtOnce({ a: list(100), b: nested(14), c: members(100) });
  const answer = await post(ada, call({ a: list(100), b: nested(12), c: members(100) }));

  expect(await answer.json()).toMatchObject({ result: { a: list(100), b: nested(14) } });
});

test.each<[string, object, string]>([
  ['an array of too many', { a: list(101) }, 'UPSTREAM_UNREADABLE'],
  ['an object of too many', members(101), 'UPSTREAM_UNREADABLE'],
  ['too much depth', { a: nested(16) }, 'UPSTREAM_UNREADABLE'],
  ['too many bytes', { a: 'a'.repeat(65_536) }, 'ANSWER_TOO_LARGE'],
])(
  'when an answer has %s, then it is withheld, and on record as executed',
  async (_, result, code) => {
    answerAtOnce(result);
    const answer = await post(ada, call());

    expect(await answer.json()).toMatchObject({ error: { data: { code, executed: 'yes' } } });
    expect(await house.recorded(callIdOf(answer), failed)).toMatchObject({ code, executed: 'yes' });
  },
);

test.each<[string, (round: number) => string, string]>([
  [
    'one event after another',
    (round) => `data: {"jsonrpc":"2.0","method":"n/${round}"}\n\n`,
    'ANSWER_TOO_LARGE',
  ],
  ['comments', () => `: ${'x'.repeat(1000)}\n\n`, 'ANSWER_TOO_LARGE'],
  ['one event', () => 'data: xxxxxxxxxxxxxxxx\n', 'ANSWER_TOO_LARGE'],
  ['one line', () => 'x'.repeat(1000), 'ANSWER_TOO_LARGE'],
  ['events of other types', () => `event: x\ndata: ${'y'.repeat(1000)}\n\n`, 'ANSWER_TOO_LARGE'],
])(
  'when a server says %s for ever, then the call ends by a code, and the server is let go',
  async (_, piece, code) => {
    house.upstream.answerWith((_heard, response) => {
      beginStream(response);
      let round = 0;
      const more = (): void => {
        do round += 1;
        while (!response.destroyed && response.write(piece(round).repeat(50)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const answer = await post(ada, call());
    const last = (await allEvents(answer)).at(-1);

    expect(JSON.parse(last?.data ?? '{}')).toMatchObject({ id: 1, error: { data: { code } } });
    expect(await house.recorded(callIdOf(answer), failed)).toMatchObject({ code, executed: 'yes' });
    await eventually(() => expect(house.upstream.heard.at(-1)?.isBrokenOff()).toBe(true));
  },
);

test('when a server begins and then says nothing, then the call ends in time', async () => {
  house.upstream.answerWith((_, response) => {
    beginStream(response);
    sayEvent(response, { message: { jsonrpc: '2.0', method: 'notifications/x' } });
  });
  const answer = await post(ada, call());
  const [, last] = await allEvents(answer);

  expect(JSON.parse(last?.data ?? '{}')).toMatchObject({
    error: { data: { code: 'UPSTREAM_TIMEOUT' } },
  });
  expect(await house.recorded(callIdOf(answer), failed)).toMatchObject({
    code: 'UPSTREAM_TIMEOUT',
  });
});

test('when places were taken by calls that failed, then they are free again', async () => {
  house.upstream.answerWith((_, response) => void response.destroy());
  for (const _ of [1, 2, 3]) {
    const broken = await Promise.all(Array.from({ length: 10 }, async () => post(ada, call())));
    expect(new Set(broken.map(({ status }) => status))).toEqual(new Set([200]));
  }
  answerAtOnce();
  expect((await post(ada, call())).status).toBe(200);
});
