import { createServer, type Server } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoTenant } from '../entra/identities.js';
import { listeningPort } from '../listening-port.js';
import { linesOf } from './card-rules.js';
import { type StandInTeams, startStandInTeams } from './stand-in-teams.js';

const appId = 'c0ffee00-0000-4000-8000-000000000001';
const secret = 'a secret of the bot';
const card = (text: string, more: object = {}) => ({
  type: 'AdaptiveCard',
  version: '1.5',
  body: [
    { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text }] },
    { type: 'Input.Text', id: 'reason' },
  ],
  actions: [{ type: 'Action.Execute', title: 'Approve', verb: 'approve', data: { id: 7 } }],
  ...more,
});
const message = (content: unknown) => ({
  type: 'message',
  attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }],
});

interface Received {
  readonly authorization: string;
  readonly activity: Record<string, unknown>;
}

let teams: StandInTeams;
let bot: Server;
let received: Received[] = [];
let answer: { status: number; body: string };
/** What the bot does before it answers. */
let meanwhile: () => Promise<unknown>;

beforeAll(async () => {
  bot = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const activity: Record<string, unknown> = JSON.parse(Buffer.concat(chunks).toString());
      received.push({ authorization: request.headers.authorization ?? '', activity });
      void meanwhile().then(() => {
        response.statusCode = answer.status;
        response.end(answer.body);
      });
    });
  }).listen(0, '127.0.0.1');
  const port = await listeningPort(bot);
  teams = await startStandInTeams({
    host: '127.0.0.1',
    port: 0,
    gatewayMessagesUrl: `http://127.0.0.1:${port}/teams/messages`,
    appId,
    tenant: demoTenant,
    credentials: { secret },
  });
});
afterAll(async () => {
  await teams.close();
  bot.close();
});
beforeEach(() => {
  received = [];
  answer = { status: 200, body: '{}' };
  meanwhile = async () => undefined;
});

async function token(change: Record<string, string> = {}, tenant = demoTenant): Promise<Response> {
  return fetch(`${teams.loginUrl}/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: appId,
      client_secret: secret,
      scope: 'https://api.botframework.com/.default',
      ...change,
    }),
  });
}

async function bearer(): Promise<string> {
  const { access_token }: { access_token: string } = JSON.parse(await (await token()).text());
  return `Bearer ${access_token}`;
}

async function call(method: string, path: string, body: object, authorization?: string) {
  const response = await fetch(`${teams.serviceUrl}v3/conversations${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: authorization ?? (await bearer()),
    },
    body: JSON.stringify(body),
  });
  const answered: { id?: string; activityId?: string; error?: { code: string } } = JSON.parse(
    await response.text(),
  );
  return { status: response.status, retryAfter: response.headers.get('retry-after'), ...answered };
}

async function channel(name = 'Orders owners') {
  return teams.install({ kind: 'channel', name });
}
const activities = (id: string) => `/${encodeURIComponent(id)}/activities`;

describe('the token endpoint', () => {
  test('when the bot proves itself, then it gets a token for the connector', async () => {
    const response = await token();

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
  });

  test.each([
    ['the secret is wrong', { client_secret: 'guess' }, demoTenant, 401, 'invalid_client'],
    [
      'the scope is another',
      { scope: 'https://graph.microsoft.com/.default' },
      demoTenant,
      400,
      'invalid_scope',
    ],
    [
      'the application is unknown',
      { client_id: demoTenant },
      demoTenant,
      400,
      'unauthorized_client',
    ],
    ['the old authority is asked', {}, 'botframework.com', 400, 'invalid_request'],
    ['the grant is another', { grant_type: 'password' }, demoTenant, 400, 'invalid_request'],
  ])('when %s, then there is no token', async (_name, change, tenant, status, error) => {
    const response = await token(change, tenant);

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });
});

describe('the connector', () => {
  test('when a call shows no token of the bot, then it is refused', async () => {
    const { id } = await channel();

    const answers = await Promise.all([
      call('POST', activities(id), message(card('x')), 'Bearer nonsense'),
      call('POST', activities(id), message(card('x')), ''),
    ]);

    expect(answers.map((each) => each.status)).toEqual([401, 401]);
  });

  test('when a card is posted to a channel, then it opens a thread whose messages name it', async () => {
    const { id } = await channel();

    const first = await call('POST', activities(id), message(card('first')));
    const reply = await call(
      'POST',
      activities(`${id};messageid=${first.id}`),
      message(card('reply')),
    );

    const [one, other] = teams.rooms.messages(id).slice(-2);
    expect([first.status, reply.status]).toEqual([200, 200]);
    expect(one).toMatchObject({ activityId: first.id, rootId: first.id });
    expect(other).toMatchObject({ activityId: reply.id, rootId: first.id });
  });

  test('when a conversation is created in a channel, then its id names the thread', async () => {
    const { id } = await channel();
    const body = { channelData: { channel: { id } }, activity: message(card('new')) };

    const created = await call('POST', '', body);

    expect(created.id).toBe(`${id};messageid=${created.activityId}`);
  });

  test('when a chat is created with somebody who has the app, then it is the one that is there', async () => {
    const chat = await teams.install({ kind: 'personal', name: 'Petra', members: ['approver'] });
    const members = [{ id: chat.members[0] }];

    expect(await call('POST', '', { members, tenantId: demoTenant })).toMatchObject({
      id: chat.id,
    });
    expect(await call('POST', '', { members, tenantId: appId })).toMatchObject({ status: 403 });
    expect(
      await call('POST', '', { members: [{ id: 'nobody' }], tenantId: demoTenant }),
    ).toMatchObject({ status: 403, error: { code: 'BotNotInConversationRoster' } });
  });

  test('when a message is updated, then everybody sees the new card, whoever had one of their own', async () => {
    const { id } = await channel();
    const posted = await call('POST', activities(id), message(card('old')));
    const there = teams.rooms.message(id, posted.id ?? '');
    there?.ownCards.set('somebody', card('their own'));

    const updated = await call('PUT', `${activities(id)}/${posted.id}`, message(card('new')));

    expect(updated).toMatchObject({ status: 200, id: posted.id });
    expect(linesOf(there?.card)).toEqual(['new']);
    expect(there?.ownCards.size).toBe(0);
  });

  test.each([
    ['an unknown conversation', 'POST', '/19%3Anobody/activities', 404, 'ConversationNotFound'],
    ['an unknown message', 'PUT', '', 404, 'ActivityNotFoundInConversation'],
  ])('when %s is named, then it is not found', async (_name, method, path, status, code) => {
    const { id } = await channel();

    const answered = await call(method, path || `${activities(id)}/1`, message(card('x')));

    expect(answered).toMatchObject({ status, error: { code } });
  });

  test('when the app was removed, then the bot may not write any more', async () => {
    const room = await channel('Left');
    await teams.uninstall(room);

    expect(await call('POST', activities(room.id), message(card('x')))).toMatchObject({
      status: 403,
    });
  });

  test.each([
    ['has a newer version', card('x', { version: '1.6' }), 400],
    [
      'holds an element that Teams does not draw',
      card('x', { body: [{ type: 'CodeBlock' }] }),
      400,
    ],
    [
      'has a button without a verb',
      card('x', { actions: [{ type: 'Action.Execute', title: 'Go' }] }),
      400,
    ],
    [
      'leads to a script',
      card('x', { actions: [{ type: 'Action.OpenUrl', title: 'Go', url: 'javascript:1' }] }),
      400,
    ],
    [
      'has two inputs of one id',
      card('x', { body: [1, 2].map(() => ({ type: 'Input.Text', id: 'a' })) }),
      400,
    ],
    [
      'has seven buttons',
      card('x', { actions: Array.from({ length: 7 }, () => card('x').actions[0]) }),
      400,
    ],
    ['is larger than 28 KB', card('x'.repeat(29_000)), 413],
    ['is no card', 'hello', 400],
  ])('when a card %s, then it is refused', async (_name, content, status) => {
    const { id } = await channel();

    expect(await call('POST', activities(id), message(content))).toMatchObject({ status });
  });

  test('when trouble is planned, then the next fitting calls meet it, and no more', async () => {
    const { id } = await channel();
    const posted = await call('POST', activities(id), message(card('x')));
    teams.failNext(429, { retryAfter: '3', method: 'PUT', times: 2 });
    const put = async () => call('PUT', `${activities(id)}/${posted.id}`, message(card('y')));

    expect(await call('POST', activities(id), message(card('z')))).toMatchObject({ status: 200 });
    expect(await put()).toMatchObject({ status: 429, retryAfter: '3' });
    expect(await put()).toMatchObject({ status: 429 });
    expect(await put()).toMatchObject({ status: 200 });
    expect(teams.calls.slice(-4).map((each) => `${each.method} ${each.status}`)).toEqual([
      'POST 200',
      'PUT 429',
      'PUT 429',
      'PUT 200',
    ]);
  });
});

describe('what the bot is sent', () => {
  const keys = () =>
    createRemoteJWKSet(new URL(teams.openIdUrl.replace('openidconfiguration', 'keys')));

  test('when the app is installed, then the bot is told twice, with tokens of the published key', async () => {
    const room = await channel('Installed');

    const types = received.map(({ activity }) => activity['type']);
    const shown = received[0]?.authorization.replace('Bearer ', '') ?? '';
    const { payload } = await jwtVerify(shown, keys());
    expect(types).toEqual(['conversationUpdate', 'installationUpdate']);
    expect(payload).toMatchObject({
      iss: 'https://api.botframework.com',
      aud: appId,
      serviceurl: teams.serviceUrl,
    });
    expect(received[0]?.activity).toMatchObject({
      channelId: 'msteams',
      serviceUrl: teams.serviceUrl,
      conversation: { id: room.id, conversationType: 'channel', tenantId: demoTenant },
      membersAdded: [{ id: `28:${appId}` }],
    });
  });

  test('when keys are read, then each says which channels it may speak for', async () => {
    const configuration: { jwks_uri: string } = JSON.parse(
      await (await fetch(teams.openIdUrl)).text(),
    );
    const published: { keys: unknown[] } = JSON.parse(
      await (await fetch(configuration.jwks_uri)).text(),
    );

    expect(published.keys[0]).toMatchObject({ kty: 'RSA', endorsements: ['msteams', 'webchat'] });
  });

  test('when somebody presses in a channel, then the thread, the message and the inputs are named', async () => {
    const room = await channel();
    const { id = '' } = await call('POST', activities(room.id), message(card('press me')));
    const posted = teams.rooms.message(room.id, id);
    if (posted === undefined) throw new Error('nothing was posted');
    answer = {
      status: 200,
      body: JSON.stringify({
        statusCode: 200,
        type: 'application/vnd.microsoft.card.adaptive',
        value: card('pressed'),
      }),
    };
    received = [];

    const outcome = await teams.press({
      message: posted,
      by: 'approver',
      verb: 'approve',
      inputs: { reason: 'because' },
    });

    expect(outcome.kind).toBe('card');
    expect(received[0]?.activity).toMatchObject({
      type: 'invoke',
      name: 'adaptiveCard/action',
      replyToId: id,
      conversation: { id: `${room.id};messageid=${id}` },
      from: { name: 'Petra Approver', aadObjectId: 'b0000000-0000-4000-8000-000000000003' },
      value: {
        action: { verb: 'approve', data: { id: 7, reason: 'because' } },
        trigger: 'manual',
      },
    });
    expect(linesOf(posted.card)).toEqual(['press me']);
    expect([...posted.ownCards.values()].map(linesOf)).toEqual([['pressed']]);
  });

  test('when the card is updated before the press is answered, then the older answer does not cover it', async () => {
    const room = await channel();
    const { id = '' } = await call('POST', activities(room.id), message(card('press me')));
    const posted = teams.rooms.message(room.id, id);
    if (posted === undefined) throw new TypeError('it was not posted');
    const type = 'application/vnd.microsoft.card.adaptive';
    answer = {
      status: 200,
      body: JSON.stringify({ statusCode: 200, type, value: card('approved') }),
    };
    meanwhile = async () => call('PUT', `${activities(room.id)}/${id}`, message(card('used')));

    await teams.press({ message: posted, by: 'approver', verb: 'approve' });

    expect(linesOf(posted.card)).toEqual(['used']);
    expect(posted.ownCards.size).toBe(0);
  });

  test.each([
    [
      '201',
      {
        status: 201,
        body: '{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"x"}',
      },
      'broken',
    ],
    ['500', { status: 500, body: '{}' }, 'broken'],
    ['an empty body', { status: 200, body: '' }, 'broken'],
    [
      'a type that is not known',
      { status: 200, body: '{"statusCode":200,"type":"text","value":"x"}' },
      'broken',
    ],
    [
      'a card that cannot be drawn',
      {
        status: 200,
        body: '{"statusCode":200,"type":"application/vnd.microsoft.card.adaptive","value":{}}',
      },
      'broken',
    ],
    [
      'a message',
      {
        status: 200,
        body: '{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"x"}',
      },
      'toast',
    ],
    [
      'an error',
      {
        status: 200,
        body: '{"statusCode":400,"type":"application/vnd.microsoft.error","value":{"code":"a","message":"b"}}',
      },
      'error',
    ],
  ])(
    'when the bot answers a press with %s, then the client shows it so',
    async (_name, given, kind) => {
      const room = await channel();
      const { id = '' } = await call('POST', activities(room.id), message(card('x')));
      const posted = teams.rooms.message(room.id, id);
      if (posted === undefined) throw new Error('nothing was posted');
      answer = given;

      const outcome = await teams.press({ message: posted, by: 'approver', verb: 'approve' });

      expect(outcome.kind).toBe(kind);
    },
  );
});

describe('the page', () => {
  const get = async (path: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, teams.pageUrl), { headers });
  const press = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(new URL('/press', teams.pageUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  test('when it is opened, then page, script, style and the renderer are there', async () => {
    const paths = ['/', '/page/client.js', '/page/style.css', '/adaptivecards.js', '/people'];

    const answers = await Promise.all(paths.map(async (path) => get(path)));

    expect(answers.map((each) => each.status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers[0]?.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('when somebody looks, then they see their own conversations, and workloads see none', async () => {
    await teams.install({ kind: 'personal', name: 'Ana', members: ['analyst'] });
    const names = async (as: string) => {
      const state: { conversations: { name: string }[] } = JSON.parse(
        await (await get(`/state?as=${as}`)).text(),
      );
      return state.conversations.map((each) => each.name);
    };

    expect(await names('analyst')).toContain('Ana');
    expect(await names('engineer')).not.toContain('Ana');
    expect(await names('ci')).toEqual([]);
  });

  test('when another site presses or reads, then it is refused', async () => {
    const body = {
      as: 'approver',
      conversation: 'x',
      activity: 'x',
      title: 'x',
      verb: 'x',
      data: {},
    };

    expect((await press(body, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await press(body)).status).toBe(400);
  });

  test('when something is posted, then a page that listens is told', async () => {
    const room = await channel();
    const events = await get('/events');
    const reader = events.body?.getReader();
    const read = async () => new TextDecoder().decode((await reader?.read())?.value);
    expect(await read()).toContain('hello');

    await call('POST', activities(room.id), message(card('x')));

    expect(await read()).toContain('changed');
    await reader?.cancel();
  });
});

test('when it should listen to the network, or run in production, then it refuses to start', async () => {
  const settings = {
    port: 0,
    gatewayMessagesUrl: 'http://127.0.0.1:1/',
    appId,
    tenant: demoTenant,
    credentials: { secret },
  };
  const everywhere: string = '0.0.0.0';

  // @ts-expect-error the type allows loopback only
  await expect(startStandInTeams({ ...settings, host: everywhere })).rejects.toThrow('loopback');
  process.env['NODE_ENV'] = 'production';
  try {
    await expect(startStandInTeams({ ...settings, host: '127.0.0.1' })).rejects.toThrow(
      'production',
    );
  } finally {
    process.env['NODE_ENV'] = 'test';
  }
});
