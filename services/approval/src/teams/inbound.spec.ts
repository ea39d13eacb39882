import { request as httpRequest } from 'node:http';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DataSource } from 'typeorm';
import { demoIdentities, demoTenant } from '../../../../demo/entra/identities.js';
import {
  type Forgery,
  type StandInTeams,
  startStandInTeams,
} from '../../../../demo/teams/stand-in-teams.js';
import { connectorToken, newSigningKey, type SigningKey } from '../../../../demo/teams/signing.js';
import { type TestDatabase, testDatabase } from '../../../../test/postgres/test-database.js';
import {
  appId,
  approvalView,
  OneApprovalDesk,
  type RunningTeams,
  secret,
  startTeams,
  teamsDatabase,
  teamsSettings,
} from './gateway.suite.js';

const stranger = 'd0000000-0000-4000-8000-00000000000d';
const minute = 60;

let server: TestDatabase;
let database: DataSource;
let teams: StandInTeams;
let gateway: RunningTeams;
let desk: OneApprovalDesk;
let foreign: SigningKey;
let directlineKey: SigningKey;
/** Published besides the connector's own. */
let trusted: SigningKey;
let messagesUrl = '';

beforeAll(async () => {
  server = await testDatabase();
  database = await teamsDatabase(server.url);
  teams = await startStandInTeams({
    host: '127.0.0.1',
    port: 0,
    gatewayMessagesUrl: () => messagesUrl,
    appId,
    tenant: demoTenant,
    credentials: { secret },
  });
  directlineKey = await teams.addKey(['directline'], true);
  trusted = await teams.addKey(['msteams'], true);
  foreign = await newSigningKey(['msteams']);
});
beforeEach(async () => {
  desk = new OneApprovalDesk(approvalView(), [demoIdentities.approver.oid]);
  await gateway?.close();
  gateway = await startTeams(teamsSettings(teams), desk, database);
  messagesUrl = gateway.messagesUrl;
  await press();
});
afterAll(async () => {
  await gateway.close();
  await teams.close();
  await database.destroy();
  await server.drop();
});

let pressed: Record<string, unknown>;

/** Posts the card, so that the press would count if it were let in. */
async function press(): Promise<void> {
  const room = await teams.install({ kind: 'channel', name: 'Orders owners' });
  const place = {
    key: 'conversation',
    audience: 'approvers',
    address: { serviceUrl: teams.serviceUrl, conversationId: room.id, kind: 'channel' },
  } as const;
  const message = await gateway.channel.post(place, desk.shown, desk.nonce);
  desk.copies = [{ place, message }];
  const posted = teams.rooms.message(room.id, message['activityId'] ?? '');
  if (posted === undefined) throw new Error('nothing was posted');
  pressed = teams.activity({ message: posted, by: 'approver', verb: 'approve' });
}

const now = (): number => Math.floor(Date.now() / 1000);

/** A token as Entra makes it for the bot's application id; at worst, signed by a key that the connector publishes. */
async function entraToken(claims: object, key = trusted): Promise<string> {
  return new SignJWT({
    iss: `https://login.microsoftonline.com/${demoTenant}/v2.0`,
    aud: appId,
    tid: demoTenant,
    ver: '2.0',
    nbf: now() - minute,
    exp: now() + 60 * minute,
    serviceurl: teams.serviceUrl,
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.id })
    .sign(key.privateKey);
}

describe('the table of attacks', () => {
  test('when the connector itself sends a press, then it counts', async () => {
    const answer = await teams.send(pressed);

    expect(answer).toMatchObject({ status: 200, body: { statusCode: 200 } });
    expect(desk.presses).toHaveLength(1);
    expect(desk.refused).toEqual([]);
  });

  const tokens: [string, () => Promise<Forgery> | Forgery][] = [
    ['no token', () => ({ token: null })],
    ['a token that is none', () => ({ token: 'a.b' })],
    ['a wrong audience', () => ({ claims: { aud: stranger } })],
    ['several audiences', () => ({ claims: { aud: [appId, stranger] } })],
    ['no audience', () => ({ claims: { aud: undefined } })],
    ['another issuer', () => ({ claims: { iss: 'https://api.botframework.us' } })],
    ['an issuer of nobody', () => ({ claims: { iss: 'https://nobody.example/' } })],
    ['no issuer', () => ({ claims: { iss: undefined } })],
    ['an end six minutes ago', () => ({ claims: { exp: now() - 6 * minute } })],
    ['no end', () => ({ claims: { exp: undefined } })],
    ['a beginning in six minutes', () => ({ claims: { nbf: now() + 6 * minute } })],
    ['no service address', () => ({ claims: { serviceurl: undefined } })],
    ['a key that is not published', () => ({ key: foreign })],
    [
      'no algorithm',
      () => ({ token: new UnsecuredJWT({ aud: appId, iss: teams.issuer }).encode() }),
    ],
    [
      'the published key as the secret of an HMAC',
      async () => ({
        token: await new SignJWT({ aud: appId, iss: teams.issuer, serviceurl: teams.serviceUrl })
          .setProtectedHeader({ alg: 'HS256', kid: directlineKey.id })
          .setExpirationTime('1h')
          .sign(new TextEncoder().encode(JSON.stringify(directlineKey.jwk))),
      }),
    ],
    [
      'the key id of a published key and the signature of another',
      () => ({ key: { ...foreign, id: directlineKey.id } }),
    ],
    [
      'the token of an ordinary user of our tenant, audience the app id',
      async () => ({ token: await entraToken({ oid: demoIdentities.analyst.oid, scp: 'access' }) }),
    ],
    [
      "a user's single-sign-on token for the bot",
      async () => ({
        token: await entraToken({ aud: `api://botid-${appId}`, scp: 'access_as_user' }),
      }),
    ],
    [
      'an app-only token of another app',
      async () => ({ token: await entraToken({ azp: stranger, idtyp: 'app' }) }),
    ],
    [
      'an Entra token of a foreign tenant',
      async () => ({
        token: await entraToken({ iss: `https://login.microsoftonline.com/${stranger}/v2.0` }),
      }),
    ],
    [
      'the token that a bot shows to the connector',
      async () => ({
        token: await entraToken({
          iss: `https://sts.windows.net/${demoTenant}/`,
          aud: 'https://api.botframework.com',
        }),
      }),
    ],
  ];

  test.each(tokens)(
    'when a press comes with %s, then it is refused and recorded',
    async (_name, forge) => {
      const answer = await teams.send(pressed, await forge());

      expect(answer).toMatchObject({ status: 401, body: { code: 'TOKEN_REFUSED' } });
      expect(desk.presses).toEqual([]);
      expect(desk.refused).toEqual([
        {
          channel: 'teams',
          code: 'TOKEN_REFUSED',
          detail: expect.any(String),
          approvalId: null,
          tenantId: null,
          objectId: null,
          remoteAddress: '127.0.0.1',
        },
      ]);
    },
  );

  const changed = (changes: object) => ({ ...pressed, ...changes });
  const activities: [string, () => [Record<string, unknown>, Forgery?], string][] = [
    [
      'a key endorsed for Direct Line only',
      () => [pressed, { key: directlineKey }],
      'ACTIVITY_REFUSED',
    ],
    ['the channel Direct Line', () => [changed({ channelId: 'directline' })], 'ACTIVITY_REFUSED'],
    ['no channel', () => [changed({ channelId: undefined })], 'ACTIVITY_REFUSED'],
    ['no type', () => [changed({ type: undefined })], 'ACTIVITY_REFUSED'],
    [
      'the conversation of another tenant',
      () => [changed({ conversation: { ...Object(pressed['conversation']), tenantId: stranger } })],
      'TENANT_REFUSED',
    ],
    [
      'channel data of another tenant',
      () => [changed({ channelData: { tenant: { id: stranger } } })],
      'TENANT_REFUSED',
    ],
    [
      'no tenant at all',
      () => [
        changed({ channelData: {}, conversation: { id: Object(pressed['conversation']).id } }),
      ],
      'TENANT_REFUSED',
    ],
    ['no service address', () => [changed({ serviceUrl: undefined })], 'SERVICE_URL_REFUSED'],
    [
      "another service address than the token's",
      () => [changed({ serviceUrl: teams.serviceUrl.replace('emea', 'amer') })],
      'SERVICE_URL_REFUSED',
    ],
    [
      'a foreign service address, in the token too',
      () => {
        const serviceUrl = 'https://smba.trafficmanager.net.evil.example/emea/';
        return [changed({ serviceUrl }), { claims: { serviceurl: serviceUrl } }];
      },
      'SERVICE_URL_REFUSED',
    ],
    [
      'a name and password before the right host',
      () => {
        const serviceUrl = teams.serviceUrl.replace('//', '//user:word@');
        return [changed({ serviceUrl }), { claims: { serviceurl: serviceUrl } }];
      },
      'SERVICE_URL_REFUSED',
    ],
  ];

  test.each(activities)(
    'when an activity has %s, then it is refused and recorded',
    async (_name, make, code) => {
      const [activity, forged] = make();

      const answer = await teams.send(activity, forged);

      expect(answer).toMatchObject({ status: 403, body: { code } });
      expect(desk.presses).toEqual([]);
      expect(desk.refused.map((each) => each.code)).toEqual([code]);
    },
  );

  test('when clocks differ by less than five minutes, then nothing is refused', async () => {
    const claims = { nbf: now() + 4 * minute, exp: now() - 4 * minute };

    expect(await teams.send(pressed, { claims })).toMatchObject({ status: 200 });
  });

  test('when a token is refused, then the record holds what it claims, and never the token', async () => {
    const token = await entraToken({}, foreign);

    await teams.send(pressed, { token });

    const detail = desk.refused[0]?.detail ?? '';
    expect(detail).toContain(`https://login.microsoftonline.com/${demoTenant}/v2.0`);
    expect(detail).toContain(appId);
    expect(detail).toContain(foreign.id);
    expect(detail).not.toContain(token.split('.')[2]);
  });

  test('when two Authorization headers come, then the request is refused', async () => {
    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest(
        messagesUrl,
        {
          method: 'POST',
          headers: [
            'Host',
            'localhost',
            'Authorization',
            'Bearer a.b.c',
            'Authorization',
            'Bearer a.b.c',
            'Content-Length',
            '2',
          ],
        },
        (response) => resolve(response.resume().statusCode),
      );
      sent.on('error', reject).end('{}');
    });

    expect(status).toBe(401);
    expect(desk.refused[0]?.detail).toBe('2 Authorization headers');
  });

  test('when somebody only looks, then there is nothing to see', async () => {
    expect((await fetch(messagesUrl)).status).toBe(404);
  });
});

describe('bodies', () => {
  async function send(
    body: string | Uint8Array<ArrayBuffer>,
  ): Promise<{ status: number; body: unknown }> {
    const authorization = await authorized();
    const response = await fetch(messagesUrl, { method: 'POST', headers: { authorization }, body });
    return { status: response.status, body: await response.json() };
  }

  /** The header of a true request. */
  async function authorized(): Promise<string> {
    const claims = { issuer: teams.issuer, appId, serviceUrl: teams.serviceUrl };
    return `Bearer ${await connectorToken(trusted, claims)}`;
  }

  test.each([
    [
      'more than 256 KB',
      () => JSON.stringify({ ...pressed, more: 'x'.repeat(262_144) }),
      413,
      'BODY_TOO_LARGE',
    ],
    ['no JSON', () => '{', 400, 'BODY_UNREADABLE'],
    ['no text', () => new Uint8Array([0x22, 0xff, 0x22]), 400, 'BODY_UNREADABLE'],
    ['nothing', () => '', 400, 'BODY_UNREADABLE'],
    ['a list', () => '[]', 403, 'ACTIVITY_REFUSED'],
    [
      'a deep nest',
      () => `{"type":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      403,
      'ACTIVITY_REFUSED',
    ],
  ])('when a body holds %s, then it is refused and recorded', async (_name, make, status, code) => {
    expect(await send(make())).toMatchObject({ status, body: { code } });
    expect(desk.refused.map((each) => each.code)).toEqual([code]);
  });

  test('when a large body comes in chunks that name no length, then it is refused too', async () => {
    const authorization = await authorized();
    const chunk = 'x'.repeat(65_536);

    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest(
        messagesUrl,
        { method: 'POST', headers: { authorization } },
        (response) => resolve(response.resume().statusCode),
      );
      sent.on('error', reject);
      for (let each = 0; each < 5; each += 1) sent.write(chunk);
      sent.end();
    });

    expect(status).toBe(413);
  });

  test('when a token is refused, then nobody waits for the body', async () => {
    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest(
        messagesUrl,
        { method: 'POST', headers: { authorization: 'Bearer a.b.c', 'content-length': '100000' } },
        (response) => {
          resolve(response.resume().statusCode);
          sent.destroy();
        },
      );
      sent.on('error', reject);
      sent.write('{');
    });

    expect(status).toBe(401);
  });
});

describe('everything else that comes', () => {
  test.each([
    ['a message', { type: 'message', text: 'hello' }],
    ['another invoke', { type: 'invoke', name: 'task/fetch' }],
    ['a reaction', { type: 'messageReaction' }],
  ])('when %s comes, then it is taken without a word', async (_name, change) => {
    expect(await teams.send({ ...pressed, ...change })).toEqual({ status: 200, body: {} });
    expect(desk.presses).toEqual([]);
  });
});

describe('floods', () => {
  test('when refusals flood in, then they stay refused, and no longer fill the record', async () => {
    const answers = [];
    for (let each = 0; each < 80; each += 1)
      answers.push(await teams.send(pressed, { token: null }));

    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([401]));
    expect(desk.refused.length).toBeLessThanOrEqual(60);
    expect(desk.refused.length).toBeGreaterThan(0);
  });

  test('when strangers flood the endpoint, then genuine activities still pass, and the record is not flooded', async () => {
    const unsigned = async () => teams.send(pressed, { token: null });
    const answers = await Promise.all(Array.from({ length: 330 }, unsigned));

    expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
    expect(await teams.send({ ...pressed, type: 'message' })).toMatchObject({ status: 200 });
    expect(desk.refused.length).toBeGreaterThan(0);
    expect(desk.refused.length).toBeLessThanOrEqual(120);
  });
});

describe('keys', () => {
  test('when the keys are away, then those at hand go on, and an unknown one is nobody fault', async () => {
    await teams.send(pressed);
    const fetches = teams.keyFetches();
    teams.setKeysDown(true);
    try {
      expect(await teams.send(pressed)).toMatchObject({ status: 200 });
      expect(teams.keyFetches()).toBe(fetches);
    } finally {
      teams.setKeysDown(false);
    }
  });

  test('when the keys were never to be had, then nothing gets in, and it is said who is at fault', async () => {
    await gateway.close();
    gateway = await startTeams(
      teamsSettings(teams, { openIdUrl: `${teams.loginUrl}/nowhere` }),
      desk,
      database,
    );
    messagesUrl = gateway.messagesUrl;

    const answer = await teams.send(pressed);

    expect(answer).toMatchObject({ status: 503, body: { code: 'KEYS_UNAVAILABLE' } });
    expect(desk.refused[0]).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(desk.refused[0]?.detail).toContain(appId);
  });

  test('when unknown keys flood in, then the key endpoint is asked once', async () => {
    await teams.send(pressed);
    const fetches = teams.keyFetches();

    for (let each = 0; each < 5; each += 1) await teams.send(pressed, { key: foreign });

    expect(teams.keyFetches() - fetches).toBeLessThanOrEqual(1);
  });
});
