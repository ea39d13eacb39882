import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoGroups, demoIdentities, demoPageApp, demoTenant } from './identities.js';
import { type StandInEntra, startStandInEntra } from './stand-in-entra.js';

const back = 'http://localhost:1/approvals/callback';
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');

let entra: StandInEntra;
let dispatcher: Agent;

beforeAll(async () => {
  const applications = [
    { clientId: demoPageApp, redirectUris: [back] },
    { clientId: 'confidential', redirectUris: [back], secret: 'a secret' },
  ];
  entra = await startStandInEntra({ host: '127.0.0.1', port: 0, applications });
  dispatcher = new Agent({ connect: { ca: entra.certificateAuthority } });
});
afterAll(async () => entra.close());

async function ask(
  path: string,
  init: { method?: 'POST'; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; text: string; location: URL | null }> {
  const answer = await request(`${entra.authority}${path}`, { dispatcher, ...init });
  const location = answer.headers['location'];
  return {
    status: answer.statusCode,
    text: await answer.body.text(),
    location: location === undefined ? null : new URL(String(location)),
  };
}

const authorize = async (change: Record<string, string | undefined> = {}) => {
  const all = {
    client_id: demoPageApp,
    redirect_uri: back,
    response_type: 'code',
    scope: 'openid',
    state: 'st',
    nonce: 'no',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    identity: 'approver',
    ...change,
  };
  const given = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] satisfies [string, string]],
  );
  return ask(`/${demoTenant}/oauth2/v2.0/authorize?${new URLSearchParams(given).toString()}`);
};

const newCode = async (change: Record<string, string | undefined> = {}) =>
  (await authorize(change)).location?.searchParams.get('code') ?? '';

const token = async (fields: Record<string, string>, headers: Record<string, string> = {}) => {
  const { status, text } = await ask(`/${demoTenant}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });
  return { status, body: z.record(z.string(), z.unknown()).parse(JSON.parse(text)) };
};

const redeem = async (code: string, change: Record<string, string> = {}) =>
  token({
    grant_type: 'authorization_code',
    client_id: demoPageApp,
    code,
    redirect_uri: back,
    code_verifier: verifier,
    ...change,
  });

describe('asking for a code', () => {
  test('when nobody is chosen yet, then the people of the demo can be, and no program', async () => {
    const { status, text } = await authorize({ identity: undefined });

    expect(status).toBe(200);
    expect(text).toContain('Petra Approver');
    expect(text).toContain('signs refunds');
    expect(text).not.toContain('orders-pipeline');
  });

  test.each([
    ['an address that is not registered', { redirect_uri: 'https://evil.example/' }],
    ['an address that only begins like one', { redirect_uri: `${back}/more` }],
    ['an unknown application', { client_id: 'unknown' }],
  ])('when it is for %s, then nobody is sent anywhere', async (_, change) => {
    const { location, status } = await authorize(change);

    expect(status).toBe(400);
    expect(location).toBeNull();
  });

  test.each([
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a token at once', { response_type: 'token' }, 'unsupported_response_type'],
    ['a form back', { response_mode: 'form_post' }, 'invalid_request'],
    ['a program', { identity: 'ci' }, 'access_denied'],
    ['nobody', { identity: 'nobody' }, 'access_denied'],
  ])('when it has %s, then the application is told, with its state', async (_, change, error) => {
    const { location } = await authorize(change);

    expect(Object.fromEntries(location?.searchParams ?? [])).toEqual({ error, state: 'st' });
  });
});

describe('a code', () => {
  test('when it is redeemed, then the tokens are of the person, the application and the nonce', async () => {
    const { body, status } = await redeem(await newCode());

    expect(status).toBe(200);
    expect(decodeJwt(String(body['id_token']))).toMatchObject({
      aud: demoPageApp,
      nonce: 'no',
      oid: demoIdentities.approver.oid,
      tid: demoTenant,
      iss: `${entra.authority}/${demoTenant}/v2.0`,
    });
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      azp: demoPageApp,
      scp: 'mcp.invoke approvals.decide',
      groups: [demoGroups['orders-owners']],
    });
  });

  test.each([
    ['another verifier', { code_verifier: 'B'.repeat(43) }],
    ['another address', { redirect_uri: 'http://localhost:2/' }],
    ['another application', { client_id: 'confidential', client_secret: 'a secret' }],
  ])('when it comes with %s, then it is refused, and spent', async (_, change) => {
    const code = await newCode();

    expect(await redeem(code, change)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await redeem(code)).status).toBe(400);
  });

  test('when it comes twice, then the tokens of the first time end too', async () => {
    const code = await newCode();
    const { body } = await redeem(code);
    await redeem(code);

    const refresh_token = String(body['refresh_token']);
    const renewed = await token({
      grant_type: 'refresh_token',
      client_id: demoPageApp,
      refresh_token,
    });

    expect(renewed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  test('when the application has a secret, then only who knows it redeems, by form or by header', async () => {
    const client = { client_id: 'confidential' };
    const basic = (secret: string) => {
      const pair = `confidential:${encodeURIComponent(secret)}`;
      return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    };
    const form = async () => ({
      grant_type: 'authorization_code',
      code: await newCode(client),
      redirect_uri: back,
      code_verifier: verifier,
    });

    expect((await token({ ...(await form()), ...client })).status).toBe(401);
    expect((await token({ ...(await form()), ...client, client_secret: 'x' })).status).toBe(401);
    expect((await token(await form(), basic('x'))).status).toBe(401);
    expect((await token({ ...(await form()), ...client, client_secret: 'a secret' })).status).toBe(
      200,
    );
    expect((await token(await form(), basic('a secret'))).status).toBe(200);
  });
});

describe('a refresh token', () => {
  const renew = async (refresh: unknown, client_id: string = demoPageApp) =>
    token({ grant_type: 'refresh_token', client_id, refresh_token: String(refresh) });

  test('when it is used, then a new one replaces it; when the old one comes again, all end', async () => {
    const { body } = await redeem(await newCode());
    const first = await renew(body['refresh_token']);
    expect(first.status).toBe(200);

    expect((await renew(body['refresh_token'])).status).toBe(400);
    expect((await renew(first.body['refresh_token'])).status).toBe(400);
  });

  test('when the person moved to other groups, then the new token says so', async () => {
    const { body } = await redeem(await newCode({ identity: 'approver2' }));
    entra.setGroups(demoIdentities.approver2.oid, [demoGroups.analysts]);

    const { body: renewed } = await renew(body['refresh_token']);

    const { groups } = decodeJwt(String(renewed['access_token']));
    expect(groups).toEqual([demoGroups.analysts]);
    entra.setGroups(demoIdentities.approver2.oid, demoIdentities.approver2.groups);
  });

  test('when it is unknown or the endpoint is away, then it is told which', async () => {
    expect((await renew('unknown')).status).toBe(400);
    entra.setOutage('token', true);
    expect((await renew('unknown')).status).toBe(503);
    entra.setOutage('token', false);
  });
});

describe('Graph', () => {
  const graph = async (path: string, body: unknown, authorization = 'Bearer x') => {
    const { status, text } = await ask(`/v1.0/users/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify(body),
    });
    return {
      status,
      body: z.looseObject({ value: z.unknown().optional() }).parse(JSON.parse(text)),
    };
  };
  const { oid } = demoIdentities.approver;
  const owners = demoGroups['orders-owners'];

  test('when memberships are asked for, then those of now are answered', async () => {
    const groupIds = [owners, demoGroups.analysts];
    expect((await graph(`${oid}/checkMemberGroups`, { groupIds })).body.value).toEqual([owners]);
    entra.setGroups(oid, [demoGroups.analysts]);
    expect((await graph(`${oid}/checkMemberGroups`, { groupIds })).body.value).toEqual([
      demoGroups.analysts,
    ]);
    expect(
      (await graph(`${oid}/getMemberObjects`, { securityEnabledOnly: true })).body.value,
    ).toEqual([demoGroups.analysts]);
    entra.setGroups(oid, [owners]);
  });

  test.each<[string, string, unknown, string, number]>([
    [
      'somebody unknown',
      'c0000000-0000-4000-8000-000000000009',
      { groupIds: [owners] },
      'Bearer x',
      404,
    ],
    ['more than 20 groups', oid, { groupIds: Array(21).fill(owners) }, 'Bearer x', 400],
    ['no groups', oid, {}, 'Bearer x', 400],
    ['memberships without a token', oid, { groupIds: [owners] }, 'none', 401],
  ])(
    'when somebody asks for %s, then it is refused as Graph refuses',
    async (_, who, body, authorization, status) => {
      const answer = await graph(`${who}/checkMemberGroups`, body, authorization);

      expect(answer.status).toBe(status);
      expect(answer.body).toHaveProperty('error.code');
    },
  );

  test('when Graph is away, then it answers 503', async () => {
    entra.setOutage('graph', true);
    expect((await graph(`${oid}/getMemberObjects`, { securityEnabledOnly: true })).status).toBe(
      503,
    );
    entra.setOutage('graph', false);
  });

  test('when an application asks for a token with its secret, then it gets one for Graph', async () => {
    const fields = { grant_type: 'client_credentials', client_id: 'app', scope: 'x/.default' };

    expect((await token(fields)).status).toBe(401);
    const { body } = await token({ ...fields, client_secret: 'any' });
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ idtyp: 'app' });
  });
});

test('when sign-in pages are wanted on plain HTTP, then browsers are sent there, and everything else stays away', async () => {
  const other = await startStandInEntra({ host: '127.0.0.1', port: 0, signIn: { port: 0 } });
  const ca = other.certificateAuthority;
  const path = `${other.authority}/${demoTenant}/v2.0/.well-known/openid-configuration`;
  const found = await request(path, { dispatcher: new Agent({ connect: { ca } }) });
  const token = `${other.signInUrl}/${demoTenant}/oauth2/v2.0/token`;
  const refused = await request(token, { method: 'POST', body: '' });

  expect(other.signInUrl).toMatch(/^http:\/\/localhost:\d+$/);
  expect(await found.body.json()).toMatchObject({
    issuer: `${other.authority}/${demoTenant}/v2.0`,
    authorization_endpoint: `${other.signInUrl}/${demoTenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${other.authority}/${demoTenant}/oauth2/v2.0/token`,
  });
  expect(refused.statusCode).toBe(404);
  await refused.body.dump();
  await other.close();
});

test('when somebody signs out, then they are sent back only to a registered address', async () => {
  const leave = async (to: string) =>
    ask(`/${demoTenant}/oauth2/v2.0/logout?post_logout_redirect_uri=${encodeURIComponent(to)}`);

  expect((await leave(back)).location?.toString()).toBe(back);
  expect((await leave('https://evil.example/')).location).toBeNull();
});
