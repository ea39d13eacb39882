import { createServer, type Server } from 'node:https';
import express, { type Request, type Response } from 'express';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../demo/entra/certificates.js';
import { demoTenant } from '../../../demo/entra/identities.js';
import { listeningPort } from '../../../demo/listening-port.js';
import { AppToken } from './app-token.js';
import { GraphGroups } from './graph-groups.js';
import { GroupsUnavailable } from './group-directory.js';

const clientId = 'c0ffee00-0000-4000-8000-000000000002';
const group = (number: number): string =>
  `a0000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const petra = {
  tenantId: demoTenant,
  objectId: 'b0000000-0000-4000-8000-000000000003',
  groups: [],
};

let server: Server;
let authority: string;
let url: string;
/** What Graph knows, and how it behaves. */
let members: Set<string>;
let answer: (request: Request, response: Response) => void;
let questions: { path: string; groupIds: string[]; authorization: string }[];
let tokens: number;

function graph(request: Request, response: Response): void {
  const body: { groupIds: string[] } = request.body;
  response.json({ value: body.groupIds.filter((id) => members.has(id)) });
}

beforeAll(async () => {
  const certificates = await makeCertificates(['localhost']);
  authority = certificates.authority;
  const app = express();
  app.post('/:tenant/oauth2/v2.0/token', express.urlencoded(), (request, response) => {
    const form: Record<string, string> = request.body;
    const isRight =
      form['client_secret'] === 'secret' &&
      form['scope'] === 'https://graph.microsoft.com/.default';
    tokens += 1;
    if (isRight)
      response.json({ token_type: 'Bearer', expires_in: 3600, access_token: `t${tokens}` });
    else response.status(401).json({ error: 'invalid_client' });
  });
  app.post('/v1.0/users/:id/checkMemberGroups', express.json(), (request, response) => {
    const body: { groupIds: string[] } = request.body;
    const { authorization = '' } = request.headers;
    questions.push({ path: request.path, groupIds: body.groupIds, authorization });
    answer(request, response);
  });
  server = createServer({ cert: certificates.certificate, key: certificates.privateKey }, app);
  server.listen(0, '127.0.0.1');
  url = `https://localhost:${await listeningPort(server)}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  members = new Set([group(1)]);
  answer = graph;
  questions = [];
  tokens = 0;
});

function directory(
  changes: { rememberMs?: number; timeoutMs?: number; secret?: string; ca?: string } = {},
) {
  const { ca = authority, rememberMs, secret = 'secret', timeoutMs } = changes;
  return new GraphGroups({
    graphUrl: url,
    tenant: demoTenant,
    token: new AppToken({
      loginUrl: url,
      tenant: demoTenant,
      clientId,
      scope: 'https://graph.microsoft.com/.default',
      credential: { kind: 'secret', secret },
      certificateAuthority: ca,
    }),
    certificateAuthority: ca,
    ...(rememberMs === undefined ? {} : { rememberMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

describe('membership', () => {
  test('when Graph is asked, then those groups are told that the person is in', async () => {
    expect(await directory().memberOf(petra, [group(2), group(1)])).toEqual([group(1)]);
    expect(questions).toEqual([
      {
        path: `/v1.0/users/${petra.objectId}/checkMemberGroups`,
        groupIds: [group(2), group(1)],
        authorization: 'Bearer t1',
      },
    ]);
  });

  test('when there are more than twenty groups, then they are asked for twenty at a time', async () => {
    members = new Set([group(1), group(45)]);
    const groups = Array.from({ length: 45 }, (_, index) => group(index + 1));

    expect(await directory().memberOf(petra, groups)).toEqual([group(1), group(45)]);
    expect(questions.map((each) => each.groupIds.length)).toEqual([20, 20, 5]);
    expect(tokens).toBe(1);
  });

  test('when no groups are asked for, or somebody of another tenant, then nobody is asked', async () => {
    const foreign = { ...petra, tenantId: clientId };

    expect(await directory().memberOf(petra, [])).toEqual([]);
    expect(await directory().memberOf(foreign, [group(1)])).toEqual([]);
    expect(questions).toEqual([]);
  });

  test('when Graph does not know the person, then they are in none', async () => {
    answer = (_request, response) => void response.status(404).json({});

    expect(await directory().memberOf(petra, [group(1)])).toEqual([]);
  });

  test('when Graph names a group that was not asked for, then it does not count', async () => {
    answer = (_request, response) =>
      void response.json({ value: [group(9), group(1).toUpperCase()] });

    expect(await directory().memberOf(petra, [group(1)])).toEqual([group(1)]);
  });

  test('when an object id is made to climb out of the path, then it stays in it', async () => {
    await directory().memberOf({ ...petra, objectId: '../groups' }, [group(1)]);

    expect(questions[0]?.path).toBe('/v1.0/users/..%2Fgroups/checkMemberGroups');
  });
});

describe('memory', () => {
  test('when a person is in a group, then that is remembered for a while; that they are in none is not', async () => {
    const groups = directory();
    await groups.memberOf(petra, [group(1), group(2)]);
    members = new Set([group(2)]);

    expect(await groups.memberOf(petra, [group(1), group(2)])).toEqual([group(1), group(2)]);
    expect(questions.at(-1)?.groupIds).toEqual([group(2)]);
  });

  test('when it decides, then Graph is asked anew, and an old "yes" is forgotten', async () => {
    const groups = directory();
    await groups.memberOf(petra, [group(1)]);
    members = new Set();

    expect(await groups.fresh().memberOf(petra, [group(1)])).toEqual([]);
    expect(await groups.memberOf(petra, [group(1)])).toEqual([]);
  });

  test('when somebody wants a longer memory than a minute, then a minute it is', async () => {
    const groups = directory({ rememberMs: 86_400_000 });
    await groups.memberOf(petra, [group(1)]);
    const { now } = Date;
    try {
      Date.now = () => now() + 60_001;
      await groups.memberOf(petra, [group(1)]);
    } finally {
      Date.now = now;
    }

    expect(questions).toHaveLength(2);
  });

  test('when a memory is not wanted, then there is none', async () => {
    const groups = directory({ rememberMs: 0 });
    await groups.memberOf(petra, [group(1)]);
    await groups.memberOf(petra, [group(1)]);

    expect(questions).toHaveLength(2);
  });
});

describe('trouble', () => {
  const say =
    (status: number, body: unknown = {}) =>
    (_request: Request, response: Response) =>
      void response.status(status).json(body);

  test.each([
    ['says 400', say(400)],
    ['says 401', say(401)],
    ['says 403', say(403)],
    ['says 429', say(429)],
    ['says 500', say(500)],
    ['says 503', say(503)],
    ['says something else', say(200, { groups: [] })],
    [
      'says nothing that is JSON',
      (_request: Request, response: Response) => void response.end('yes'),
    ],
    ['hangs up', (_request: Request, response: Response) => void response.destroy()],
    ['redirects', (_request: Request, response: Response) => response.redirect(307, '/elsewhere')],
  ])('when Graph %s, then nobody is in any group', async (_name, behave) => {
    answer = behave;

    await expect(directory().memberOf(petra, [group(1)])).rejects.toBeInstanceOf(GroupsUnavailable);
  });

  test('when one of several questions fails, then no answer is made of the rest', async () => {
    answer = (request, response) => {
      if (questions.length === 2) response.status(503).json({});
      else graph(request, response);
    };
    const groups = Array.from({ length: 30 }, (_, index) => group(index + 1));

    await expect(directory().memberOf(petra, groups)).rejects.toBeInstanceOf(GroupsUnavailable);
  });

  test('when Graph takes too long, then nobody waits', async () => {
    answer = () => undefined;
    const startedAt = Date.now();

    await expect(directory({ timeoutMs: 100 }).memberOf(petra, [group(1)])).rejects.toBeInstanceOf(
      GroupsUnavailable,
    );
    expect(Date.now() - startedAt).toBeLessThan(2000);
  });

  test('when there is no token, or Graph is not who it should be, then nobody is in any group', async () => {
    const strange = (await makeCertificates(['localhost'])).authority;

    for (const wrong of [directory({ secret: 'guess' }), directory({ ca: strange })]) {
      await expect(wrong.memberOf(petra, [group(1)])).rejects.toBeInstanceOf(GroupsUnavailable);
    }
    expect(questions).toEqual([]);
  });

  test('when Graph refuses a token that was kept, then the next question brings another', async () => {
    const groups = directory();
    answer = say(401);
    await expect(groups.memberOf(petra, [group(1)])).rejects.toBeInstanceOf(GroupsUnavailable);
    answer = graph;

    expect(await groups.memberOf(petra, [group(1)])).toEqual([group(1)]);
    expect(questions.map((each) => each.authorization)).toEqual(['Bearer t1', 'Bearer t2']);
  });
});
