import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../demo/entra/certificates.js';
import { demoAudience, demoIdentities, demoTenant } from '../../demo/entra/identities.js';
import { listeningPort } from '../../demo/listening-port.js';
import { rest } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { post } from './mcp-http.js';

/** How the authority answers when it is asked for its keys. */
type Mood = 'keys' | 'unavailable page' | 'sign-in page' | 'no keys' | 'half an answer' | 'silence';

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
let mood: Mood = 'silence';
let world: World;
let stack: Stack;
let folder: string;
let authority: string;
let token: string;
const url = (): string => `${stack.gateway}/mcp/orders`;

/** Keys of the stand-in, as they are. */
async function trueKeys(): Promise<string> {
  const { authority: own, certificateAuthority: ca } = world.entra;
  const dispatcher = new Agent({ connect: { ca } });
  const { body } = await request(`${own}/${demoTenant}/discovery/v2.0/keys`, { dispatcher });
  const text = await body.text();
  await dispatcher.close();
  return text;
}

async function answer(response: ServerResponse): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const html = { 'content-type': 'text/html' };
  switch (mood) {
    case 'keys':
      response.writeHead(200, json).end(await trueKeys());
      return;
    case 'unavailable page':
      response.writeHead(503, html).end('<h1>Service unavailable</h1>');
      return;
    case 'sign-in page':
      response.writeHead(200, html).end('<h1>Sign in</h1>');
      return;
    case 'no keys':
      response.writeHead(200, json).end('{"keys":"none"}');
      return;
    case 'half an answer':
      response.writeHead(200, { ...json, 'content-length': 5000 }).write('{"keys":[');
      setTimeout(() => response.destroy(), 50);
      return;
    case 'silence':
  }
}

const certificates = await makeCertificates(['localhost']);
const { certificate: cert, privateKey: key } = certificates;
const front = createServer({ cert, key }, (_, response) => void answer(response));

beforeAll(async () => {
  front.listen(0, '127.0.0.1');
  authority = `https://localhost:${await listeningPort(front)}`;
  folder = await mkdtemp(join(tmpdir(), 'countersign-identity-'));
  const certificateAuthorityFile = join(folder, 'authority.pem');
  await writeFile(certificateAuthorityFile, certificates.authority);
  world = await startWorld({
    servers: { odd: { url: 'http://127.0.0.1:9/mcp' } },
    sections: {
      entra: { authority, tenants: [demoTenant], audience: demoAudience, certificateAuthorityFile },
    },
    policies: resolve('test/fidelity/policies'),
  });
  stack = await stacks.standalone(world);
  token = await world.entra.token(demoIdentities.analyst, {
    iss: `${authority}/${demoTenant}/v2.0`,
  });
}, 90_000);

afterAll(async () => {
  await stack?.close();
  await world?.close();
  front.closeAllConnections();
  front.close();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

describe('when keys were never had', () => {
  test.each<Mood>(['unavailable page', 'sign-in page', 'no keys', 'half an answer', 'silence'])(
    'and the authority answers with %s, then nobody is let in or sent to sign in, and told when to come again',
    async (bad) => {
      mood = bad;
      const before = world.orders.executions.length;
      const refused = await post({ url: url(), token }, ping);

      expect([refused.status, await refused.json()]).toMatchObject([
        503,
        { error: { code: 5030, data: { code: 'IDENTITY_UNAVAILABLE' } } },
      ]);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.has('www-authenticate')).toBe(false);
      expect(world.orders.executions.length).toBe(before);
    },
  );

  test('and the authority comes back, then callers are let in', async () => {
    mood = 'keys';
    expect((await post({ url: url(), token }, ping)).status).toBe(200);
  });
});

test.each<Mood>(['unavailable page', 'sign-in page', 'silence'])(
  'when keys are at hand and the authority answers with %s, then good tokens go on, and bad ones do not',
  async (bad) => {
    mood = bad;
    const claims = { iss: `${authority}/${demoTenant}/v2.0` };
    const fresh = await world.entra.token(demoIdentities.engineer, claims);
    const [head, payload] = fresh.split('.');
    const forged = [head, payload, token.split('.')[2]].join('.');

    expect((await post({ url: url(), token: fresh }, ping)).status).toBe(200);
    expect((await post({ url: url(), token: forged }, ping)).status).toBe(401);
  },
);

test('when a client asks where to get a token, then the path names its server, and the root none of several', async () => {
  const known = `${stack.gateway}/.well-known/oauth-protected-resource`;
  const own = await rest(`${known}/mcp/orders`, undefined);
  expect(own).toMatchObject({
    status: 200,
    body: {
      resource: expect.stringMatching(/\/mcp\/orders$/),
      authorization_servers: [expect.any(String)],
    },
  });
  expect((await rest(known, undefined)).status).toBe(404);
  expect((await rest(`${known}/mcp/nowhere`, undefined)).status).toBe(404);
  expect((await rest(`${known}/mcp`, undefined)).status).toBe(404);
});

test.each<[string, Record<string, string>, string, number]>([
  ['in the body', { 'content-type': 'application/json' }, '', 401],
  ['in a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'access_token=', 401],
  ['in a cookie', { 'content-type': 'application/json', cookie: 'access_token=' }, '', 401],
  ['in another header', { 'content-type': 'application/json', 'x-access-token': '' }, '', 401],
])('when a token stands %s, then it does not count', async (_, headers, form, status) => {
  const body = form === '' ? JSON.stringify({ ...ping, access_token: token }) : `${form}${token}`;
  const filled = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    name === 'content-type' ? value : `${value}${token}`,
  ]);
  const refused = await fetch(url(), { method: 'POST', headers: filled, body });

  expect(refused.status).toBe(status);
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="/);
  await refused.body?.cancel();
});
