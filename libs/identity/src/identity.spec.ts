import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  demoAudience,
  demoClientApp,
  demoIdentities,
  demoTenant,
} from '../../../demo/entra/identities.js';
import { type StandInEntra, startStandInEntra } from '../../../demo/entra/stand-in-entra.js';
import { listeningPort } from '../../../demo/listening-port.js';
import { Authentication } from './authentication.js';
import { bearerToken } from './bearer-header.js';
import { refusalOf } from './challenge.js';
import { EntraTokens } from './entra-tokens.js';
import { TokenError } from './token-verifier.js';

let entra: StandInEntra;
let tokens: EntraTokens;

const settings = (change: object = {}) => ({
  authority: entra.authority,
  tenants: [demoTenant],
  audiences: [demoAudience],
  clientApps: [],
  scope: 'mcp.invoke',
  workloadRole: 'Mcp.Invoke',
  certificateAuthority: entra.certificateAuthority,
  ...change,
});

beforeAll(async () => {
  entra = await startStandInEntra({ host: '127.0.0.1', port: 0 });
  tokens = new EntraTokens(settings());
});
afterAll(async () => {
  tokens.close();
  await entra.close();
});

const analyst = demoIdentities.analyst;
const encoded = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');
const now = (): number => Math.floor(Date.now() / 1000);

test('when a person has a token of the tenant, then they are a principal by tenant and object id', async () => {
  expect(await tokens.verify(await entra.token(analyst))).toEqual({
    tenantId: demoTenant,
    objectId: analyst.oid,
    kind: 'person',
    clientApp: demoClientApp,
    displayName: 'Ana Analyst',
    groups: analyst.groups,
    roles: [],
  });
});

test('when an application calls for itself, then it is a workload', async () => {
  expect(await tokens.verify(await entra.token(demoIdentities.ci))).toMatchObject({
    kind: 'workload',
    displayName: null,
  });
});

test('when an agent identity calls, then it is an agent, whatever else it claims', async () => {
  const token = await entra.token(analyst, { xms_par_app_azp: demoClientApp });

  expect(await tokens.verify(token)).toMatchObject({ kind: 'agent' });
});

describe('a token that is well signed but not for us is refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['is for another audience', { aud: 'another' }, 'TOKEN_INVALID'],
    ['is of another issuer', { iss: 'https://login.example/x/v2.0' }, 'TOKEN_INVALID'],
    ['names no issuer', { iss: undefined }, 'TOKEN_INVALID'],
    ['ended 61 seconds ago', { exp: now() - 61 }, 'TOKEN_INVALID'],
    ['begins in the future', { nbf: now() + 120 }, 'TOKEN_INVALID'],
    [
      'is of a tenant that may not call',
      { tid: '99999999-2222-4333-8444-555555555555' },
      'TENANT_NOT_ALLOWED',
    ],
    ['is a v1 token', { ver: '1.0' }, 'TOKEN_CLASS_REFUSED'],
    [
      'is an ID token: neither scope nor role',
      { scp: undefined, roles: undefined },
      'TOKEN_CLASS_REFUSED',
    ],
    ['has an empty scope', { scp: '' }, 'TOKEN_CLASS_REFUSED'],
    ['has no object id', { oid: undefined }, 'TOKEN_CLASS_REFUSED'],
    ['lacks the scope', { scp: 'User.Read' }, 'SCOPE_MISSING'],
    [
      'has roles but does not say that it is an application',
      { scp: undefined, roles: ['Mcp.Invoke'] },
      'TOKEN_CLASS_REFUSED',
    ],
    [
      'does not list its groups',
      { groups: undefined, _claim_names: { groups: 'src1' } },
      'GROUPS_UNRESOLVED',
    ],
    [
      'does not list its groups (implicit flow)',
      { groups: undefined, hasgroups: 'true' },
      'GROUPS_UNRESOLVED',
    ],
  ])('when it %s', async (_, claims, code) => {
    const token = await entra.token(analyst, claims);

    await expect(tokens.verify(token)).rejects.toMatchObject({ name: 'TokenError', code });
  });

  test('when its client application is not on the list', async () => {
    const strict = new EntraTokens(settings({ clientApps: ['another-app'] }));

    await expect(strict.verify(await entra.token(analyst))).rejects.toMatchObject({
      code: 'CLIENT_NOT_ALLOWED',
    });
    strict.close();
  });
});

describe('a forged token is refused', () => {
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const payload = async (): Promise<string> => (await entra.token(analyst)).split('.')[1] ?? '';
  const kid = async (): Promise<string> => {
    const [header = ''] = (await entra.token(analyst)).split('.');
    return String(JSON.parse(Buffer.from(header, 'base64url').toString()).kid);
  };

  test.each(['none', 'None', 'NONE'])('when its algorithm is %s', async (alg) => {
    const token = `${encoded({ typ: 'JWT', alg, kid: await kid() })}.${await payload()}.`;

    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('when the public key serves as a secret', async () => {
    const body = `${encoded({ typ: 'JWT', alg: 'HS256', kid: await kid() })}.${await payload()}`;
    const pem = stranger.publicKey.export({ type: 'spki', format: 'pem' });
    const mac = createHmac('sha256', pem).update(body).digest('base64url');

    await expect(tokens.verify(`${body}.${mac}`)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test.each<[string, object]>([
    ['brings its own key', { jwk: stranger.publicKey.export({ format: 'jwk' }) }],
    ['says where its key is', { jku: 'https://127.0.0.1:1/keys' }],
    ['demands an extension', { crit: ['x'], x: 1 }],
    ['names an unknown key', { kid: '../../etc/passwd' }],
    ['is of another type', { typ: 'at+jwt' }],
  ])('when it %s', async (_, header) => {
    const head = { typ: 'JWT', alg: 'RS256', kid: await kid(), ...header };
    const body = `${encoded(head)}.${await payload()}`;
    const signature = signBytes('sha256', Buffer.from(body), stranger.privateKey).toString(
      'base64url',
    );

    await expect(tokens.verify(`${body}.${signature}`)).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    });
  });

  test.each(['', 'a', 'a.b.c', '..', 'bnVsbA.bnVsbA.bnVsbA'])(
    'when it is no token: "%s"',
    async (token) => {
      await expect(tokens.verify(token)).rejects.toBeInstanceOf(TokenError);
    },
  );
});

describe('when the keys cannot be had', () => {
  test('then nobody is let in, and it is an outage, not a bad token', async () => {
    const gone = await startStandInEntra({ host: '127.0.0.1', port: 0 });
    const token = await gone.token(analyst);
    await gone.close();
    const cold = new EntraTokens(
      settings({ authority: gone.authority, certificateAuthority: gone.certificateAuthority }),
    );

    await expect(cold.verify(token)).rejects.toMatchObject({ code: 'IDENTITY_UNAVAILABLE' });
    cold.close();
  });

  test('then tokens of known keys go on, and unknown keys cause no storm of fetches', async () => {
    await tokens.verify(await entra.token(analyst));
    const before = entra.keyFetches();
    const [, payload] = (await entra.token(analyst)).split('.');
    for (let each = 0; each < 20; each += 1) {
      const token = `${encoded({ typ: 'JWT', alg: 'RS256', kid: `k${each}` })}.${payload}.AAAA`;
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    }

    expect(entra.keyFetches() - before).toBeLessThanOrEqual(1);
  });
});

describe('where a token may stand', () => {
  const find =
    (rawHeaders: readonly string[], url = '/mcp/x') =>
    () =>
      bearerToken({ rawHeaders, url });

  test('when there is one bearer header, then that is it', () => {
    expect(find(['AUTHORIZATION', 'bearer a.b.c'])()).toBe('a.b.c');
  });

  test.each<[string, readonly string[], string, string]>([
    ['none', [], '/x', 'TOKEN_MISSING'],
    [
      'two headers',
      ['authorization', 'Bearer a', 'Authorization', 'Bearer b'],
      '/x',
      'TOKEN_REPEATED',
    ],
    ['one in the query', ['authorization', 'Bearer a'], '/x?access_token=b', 'TOKEN_MISPLACED'],
    ['another scheme', ['authorization', 'Basic YTpi'], '/x', 'TOKEN_INVALID'],
    ['two tokens in one header', ['authorization', 'Bearer a, Bearer b'], '/x', 'TOKEN_INVALID'],
    ['one of 20 kB', ['authorization', `Bearer ${'a'.repeat(20_000)}`], '/x', 'TOKEN_INVALID'],
  ])('when there is %s, then it is refused', (_, headers, url, code) => {
    expect(find(headers, url)).toThrow(expect.objectContaining({ code }));
  });
});

describe('challenges', () => {
  const facts = {
    resourceMetadata: 'https://gw.example/.well-known/x',
    scope: 'api://x/mcp.invoke',
  };
  const challenge = (code: ConstructorParameters<typeof TokenError>[0]) =>
    refusalOf(new TokenError(code, 'text'), facts);

  test('when the token is missing, then the client learns where to get one', () => {
    expect(challenge('TOKEN_MISSING')).toEqual({
      status: 401,
      headers: {
        'www-authenticate':
          'Bearer resource_metadata="https://gw.example/.well-known/x", scope="api://x/mcp.invoke"',
      },
    });
  });

  test('when it is invalid or lacks the scope, then the error is named', () => {
    expect(challenge('TOKEN_INVALID').headers['www-authenticate']).toContain(
      'error="invalid_token"',
    );
    expect(challenge('SCOPE_MISSING')).toMatchObject({ status: 403 });
    expect(challenge('SCOPE_MISSING').headers['www-authenticate']).toContain('insufficient_scope');
  });

  test('when the tenant may not call, or we have an outage, then nobody is sent to sign in again', () => {
    expect(challenge('TENANT_NOT_ALLOWED')).toEqual({ status: 403, headers: {} });
    expect(challenge('IDENTITY_UNAVAILABLE')).toEqual({
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });
});

test('when many callers are identified at the same moment, then each gets its own identity', async () => {
  const authentication = new Authentication(tokens);
  const app = express().get('/who', (request, response) => {
    void authentication.identify(request, response).then(({ objectId }) => response.send(objectId));
  });
  const server = app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${await listeningPort(server)}/who`;
  const callers = Array.from({ length: 40 }, (_, index) =>
    index % 2 === 0 ? analyst : demoIdentities.engineer,
  );

  const identified = await Promise.all(
    callers.map(async (caller) => {
      const headers = { authorization: `Bearer ${await entra.token(caller)}` };
      return (await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })).text();
    }),
  );

  expect(identified).toEqual(callers.map(({ oid }) => oid));
  server.close();
});
