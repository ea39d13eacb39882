import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppToken, type AppCredential } from '#identity';
import { demoTenant } from '../../../../demo/entra/identities.js';
import { listeningPort } from '../../../../demo/listening-port.js';
import { linesOf } from '../../../../demo/teams/card-rules.js';
import type { Room } from '../../../../demo/teams/rooms.js';
import {
  type StandInTeams,
  type StandInTeamsSettings,
  startStandInTeams,
} from '../../../../demo/teams/stand-in-teams.js';
import { DeliveryError } from '../channel.js';
import { noticeCard } from './card.js';
import { ConnectorClient, retryAfter } from './connector.client.js';
import { appId, secret } from './gateway.suite.js';
import { makeBotCertificate } from './bot-certificate.suite.js';

let bot: Server;
let teams: StandInTeams;
let room: Room;
let folder: string;
const started: StandInTeams[] = [];

async function standIn(changes: Partial<StandInTeamsSettings> = {}): Promise<StandInTeams> {
  const port = await listeningPort(bot);
  const made = await startStandInTeams({
    host: '127.0.0.1',
    port: 0,
    gatewayMessagesUrl: `http://127.0.0.1:${port}/`,
    appId,
    tenant: demoTenant,
    credentials: { secret },
    ...changes,
  });
  started.push(made);
  return made;
}

function clientOf(
  at: StandInTeams,
  credential: AppCredential = { kind: 'secret', secret },
  timeoutMs = 5000,
) {
  const { loginUrl, serviceHost } = at;
  const scope = 'https://api.botframework.com/.default';
  const token = new AppToken({ loginUrl, tenant: demoTenant, clientId: appId, scope, credential });
  return new ConnectorClient({ serviceHosts: [serviceHost], timeoutMs }, token);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-connector-'));
  bot = createServer(
    (request, response) => void request.resume().on('end', () => response.end('{}')),
  );
  bot.listen(0, '127.0.0.1');
  teams = await standIn();
  room = await teams.install({ kind: 'channel', name: 'Orders owners' });
});
afterAll(async () => {
  await Promise.all(started.map(async (each) => each.close()));
  bot.close();
  await rm(folder, { recursive: true });
});

const card = noticeCard('hello');
const post = async (client: ConnectorClient, at = teams, to = room) =>
  client.post(at.serviceUrl, to.id, card);
const failure = async (work: Promise<unknown>): Promise<DeliveryError> => {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof DeliveryError)) throw new Error(`not a delivery error: ${String(error)}`);
  return error;
};

describe('posting', () => {
  test('when a card is posted and updated, then it stands there, and one token served for both', async () => {
    const client = clientOf(teams);
    const issued = teams.botTokensIssued();

    const activityId = await post(client);
    const message = { serviceUrl: teams.serviceUrl, conversationId: room.id, activityId };
    await client.update(message, noticeCard('changed'));

    expect(linesOf(teams.rooms.message(room.id, activityId)?.card)).toEqual(['changed']);
    expect(teams.botTokensIssued() - issued).toBe(1);
  });

  test('when many are posted at once, then they share one token', async () => {
    const client = clientOf(teams);
    const issued = teams.botTokensIssued();

    await Promise.all(Array.from({ length: 10 }, async () => post(client)));

    expect(teams.botTokensIssued() - issued).toBe(1);
  });

  test('when a token ends within five minutes, then it is not used again', async () => {
    const brief = await standIn({ botTokenSeconds: 299 });
    const to = await brief.install({ kind: 'channel', name: 'Brief' });
    const client = clientOf(brief);

    await post(client, brief, to);
    await post(client, brief, to);

    expect(brief.botTokensIssued()).toBe(2);
  });

  test('when the connector does not take a token that was kept, then a new one is tried, once', async () => {
    const client = clientOf(teams);
    await post(client);
    const issued = teams.botTokensIssued();
    teams.failNext(401, { times: 1 });

    await post(client);

    expect(teams.botTokensIssued() - issued).toBe(1);
    teams.failNext(401, { times: 2 });
    expect(await failure(post(client))).toMatchObject({ isFinal: true });
  });
});

describe('trouble', () => {
  test.each([
    [429, false],
    [412, false],
    [502, false],
    [504, false],
    [400, true],
    [403, true],
    [404, true],
    [409, true],
    [413, true],
    [500, true],
    [503, true],
  ])('when Teams says %i, then final is %s', async (status, isFinal) => {
    teams.failNext(status);

    expect(await failure(post(clientOf(teams)))).toMatchObject({ isFinal });
  });

  test('when Teams says for how long it wants to be left alone, then that is told', async () => {
    teams.failNext(429, { retryAfter: '7' });

    expect(await failure(post(clientOf(teams)))).toMatchObject({
      isFinal: false,
      retryAfterMs: 7000,
    });
  });

  test.each([
    ['7', 7000],
    ['Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['86400', 600_000],
    ['soon', undefined],
    [null, undefined],
  ])('when Retry-After is %j, then the pause is %j ms', (value, ms) => {
    expect(retryAfter(value, Date.parse('2026-11-23T10:00:00Z'))).toBe(ms);
  });

  test('when the message was deleted, then updating it is useless', async () => {
    const client = clientOf(teams);
    const activityId = await post(client);
    const message = { serviceUrl: teams.serviceUrl, conversationId: room.id, activityId };
    const there = teams.rooms.message(room.id, activityId);
    if (there !== undefined) teams.rooms.remove(there);

    const error = await failure(client.update(message, card));

    expect(error).toMatchObject({ isFinal: true });
    expect(error.message).toContain('ActivityNotFoundInConversation');
  });

  test('when Teams says nothing, then it may be tried again', async () => {
    teams.delayNext(2000);

    expect(await failure(post(clientOf(teams, undefined, 100)))).toMatchObject({ isFinal: false });
  });

  test('when nobody listens, then it may be tried again', async () => {
    const gone = await standIn();
    const client = clientOf(gone);
    await gone.close();

    expect(await failure(post(client, gone))).toMatchObject({ isFinal: false });
  });
});

describe('where the token may go', () => {
  test.each([
    'https://smba.trafficmanager.net.evil.example/emea/',
    'https://evil.example/',
    'http://smba.trafficmanager.net/emea/',
    'https://user:word@smba.trafficmanager.net/emea/',
    'https://smba.trafficmanager.net:8443/emea/',
    'https://smba.trafficmanager.net@evil.example/',
    'ftp://smba.trafficmanager.net/',
    'nowhere',
  ])(
    'when the service address is %s, then nothing is sent, and no token is fetched',
    async (serviceUrl) => {
      const token = new AppToken({
        loginUrl: teams.loginUrl,
        tenant: demoTenant,
        clientId: appId,
        scope: 'https://api.botframework.com/.default',
        credential: { kind: 'secret', secret },
      });
      const client = new ConnectorClient({ serviceHosts: ['smba.trafficmanager.net'] }, token);
      const issued = teams.botTokensIssued();

      expect(await failure(client.post(serviceUrl, 'x', card))).toMatchObject({ isFinal: true });
      expect(teams.botTokensIssued()).toBe(issued);
    },
  );

  test('when the connector redirects, then the token does not follow', async () => {
    const reached: string[] = [];
    const thief = createServer((request, response) => {
      reached.push(request.headers.authorization ?? '');
      response.end('{"id":"1"}');
    }).listen(0, '127.0.0.1');
    const target = `http://127.0.0.1:${await listeningPort(thief)}/`;
    const redirecting = createServer((_request, response) => {
      response.writeHead(307, { location: target }).end();
    }).listen(0, '127.0.0.1');
    const host = `127.0.0.1:${await listeningPort(redirecting)}`;
    const { loginUrl } = teams;
    const scope = 'https://api.botframework.com/.default';
    const credential = { kind: 'secret', secret } as const;
    const token = new AppToken({
      loginUrl,
      tenant: demoTenant,
      clientId: appId,
      scope,
      credential,
    });
    const client = new ConnectorClient({ serviceHosts: [host] }, token);

    await failure(client.post(`http://${host}/`, 'x', card));

    expect(reached).toEqual([]);
    thief.close();
    redirecting.close();
  });
});

describe('how the bot proves itself', () => {
  test('when it has a certificate, then it signs an assertion that names it', async () => {
    const { certificate, privateKey } = await makeBotCertificate();
    const at = await standIn({ credentials: { certificate } });
    const to = await at.install({ kind: 'channel', name: 'Certificate' });

    await post(clientOf(at, { kind: 'certificate', certificate, privateKey }), at, to);

    expect(at.rooms.messages(to.id)).toHaveLength(1);
  });

  test('when the certificate is another than the registered one, then there is no token, and the card waits', async () => {
    const at = await standIn({
      credentials: { certificate: (await makeBotCertificate()).certificate },
    });
    const to = await at.install({ kind: 'channel', name: 'Certificate' });
    const own = await makeBotCertificate();

    const error = await failure(post(clientOf(at, { kind: 'certificate', ...own }), at, to));

    expect(error).toMatchObject({ isFinal: false });
    expect(error.message).toContain('invalid_client');
  });

  test('when it has a federated credential, then its file is read anew for every token', async () => {
    const file = join(folder, 'assertion');
    await writeFile(file, 'old assertion\n');
    const at = await standIn({ credentials: { assertion: 'new assertion' } });
    const to = await at.install({ kind: 'channel', name: 'Federated' });
    const client = clientOf(at, { kind: 'assertion', file });
    expect(await failure(post(client, at, to))).toMatchObject({ isFinal: false });

    await writeFile(file, 'new assertion\n');
    await post(client, at, to);

    expect(at.rooms.messages(to.id)).toHaveLength(1);
  });

  test('when the secret is wrong, or no file is there, then the card waits, and no word of the secret is said', async () => {
    const wrong = await failure(post(clientOf(teams, { kind: 'secret', secret: 'guessed-word' })));
    const missing = await failure(
      post(clientOf(teams, { kind: 'assertion', file: join(folder, 'missing') })),
    );

    expect([wrong.isFinal, missing.isFinal]).toEqual([false, false]);
    expect(wrong.message).not.toContain('guessed-word');
  });
});
