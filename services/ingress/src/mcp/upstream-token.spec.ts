import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { OAuthConfig } from '#runtime';
import { makeCertificates } from '../../../../demo/entra/certificates.js';
import {
  type Answering,
  closeAfterEach,
  deadOrigin,
  type Heard,
  type Host,
  hostOf,
  notExecuted,
  type SenderWishes,
  sent,
  senderTo,
} from './upstream-host.suite.js';

closeAfterEach();
const folder = mkdtempSync(join(tmpdir(), 'countersign-token-'));
afterAll(() => rmSync(folder, { recursive: true }));

const noon = new Date('2026-11-23T12:00:00Z').getTime();
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: noon }));
afterEach(() => void vi.useRealTimers());
const at = (seconds: number): void => void vi.setSystemTime(noon + seconds * 1000);

const secret = 'hunter2';
const json = (response: Parameters<Answering>[0], status: number, body: unknown): void =>
  void response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : JSON.stringify(body));

/** Gives tokens `t1`, `t2`, …, for an hour each unless said. */
async function authority(life: object = { expires_in: 3600 }): Promise<Host> {
  let given = 0;
  return hostOf((response) => {
    given += 1;
    json(response, 200, { access_token: `t${given}`, token_type: 'Bearer', ...life });
  });
}

/** A server that takes these tokens alone, or all. */
async function server(takes: (token: string) => boolean = () => true): Promise<Host> {
  return hostOf((response, { headers }) => {
    const token = String(headers['authorization']).replace('Bearer ', '');
    response.writeHead(takes(token) ? 200 : 401).end('done');
  });
}

interface Wishes extends Omit<SenderWishes, 'credential'> {
  readonly oauth?: Partial<OAuthConfig>;
}

function client(to: Host, { origin }: Pick<Host, 'origin'>, { oauth, ...wishes }: Wishes = {}) {
  const credential = {
    oauth: {
      tokenUrl: `${origin}/token`,
      clientId: 'gateway',
      clientSecret: '${SECRET}',
      clientAuthentication: 'post',
      parameters: {},
      network: 'any',
      ...oauth,
    } satisfies OAuthConfig,
  };
  return senderTo(to.origin, { environment: { SECRET: secret }, ...wishes, credential });
}

const tokensOf = ({ heard }: Host) => heard.map(({ headers }) => headers['authorization']);
const formOf = (heard: Heard | undefined) =>
  Object.fromEntries(new URLSearchParams(heard?.body ?? ''));

describe('a token is asked for', () => {
  test('when a server needs one, then it gets one, asked for with all that is configured', async () => {
    const [login, orders] = [await authority(), await server()];
    const oauth = {
      scope: 'orders.call',
      audience: 'orders',
      resource: 'https://orders.example/mcp',
      parameters: { organization: 'contoso' },
    };

    expect(await sent(client(orders, login, { oauth }))).toEqual({ status: 200, text: 'done' });
    expect(tokensOf(orders)).toEqual(['Bearer t1']);
    expect(login.heard).toMatchObject([{ method: 'POST', path: '/token' }]);
    expect(formOf(login.heard[0])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'gateway',
      client_secret: secret,
      ...oauth,
      parameters: undefined,
      organization: 'contoso',
    });
  });

  test('when the authority wants the secret in a header, then it stands there and not in the form', async () => {
    const [login, orders] = [await authority(), await server()];

    await sent(client(orders, login, { oauth: { clientAuthentication: 'basic' } }));

    expect(login.heard[0]?.headers['authorization']).toBe(
      `Basic ${Buffer.from(`gateway:${secret}`).toString('base64')}`,
    );
    expect(formOf(login.heard[0])).not.toHaveProperty('client_secret');
  });

  test('when the secret stands in a file, then it is read there, again after a change', async () => {
    const [login, orders] = [await authority({ expires_in: 20 }), await server()];
    const clientSecretFile = join(folder, 'secret');
    writeFileSync(clientSecretFile, 'first\n');
    const sender = client(orders, login, { oauth: { clientSecret: undefined, clientSecretFile } });

    await sent(sender);
    writeFileSync(clientSecretFile, 'the second one\n');
    at(21);
    await sent(sender);

    expect(login.heard.map((each) => formOf(each)['client_secret'])).toEqual([
      'first',
      'the second one',
    ]);
  });

  test('when the authority has a certificate of its own, then caFile of the token trusts it', async () => {
    const made = await makeCertificates([]);
    const login = await hostOf(
      (response) => json(response, 200, { access_token: 't1', token_type: 'bearer' }),
      { key: made.privateKey, cert: made.certificate },
    );
    const orders = await server();
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, made.authority);

    await expect(sent(client(orders, login))).rejects.toMatchObject(notExecuted);
    await sent(client(orders, login, { oauth: { caFile } }));

    expect(tokensOf(orders)).toEqual(['Bearer t1']);
  });
});

describe('a token is kept', () => {
  test('when many calls come at once and later, then one request serves them all', async () => {
    const [login, orders] = [await authority(), await server()];
    const sender = client(orders, login);

    await Promise.all(Array.from({ length: 20 }, async () => sent(sender)));
    at(3000);
    await sent(sender);

    expect(login.heard).toHaveLength(1);
    expect(new Set(tokensOf(orders))).toEqual(new Set(['Bearer t1']));
  });

  test('when a token is about to end, then it serves on while a new one is asked for', async () => {
    const [login, orders] = [await authority(), await server()];
    const sender = client(orders, login);

    await sent(sender);
    at(3600 - 299);
    await Promise.all([sent(sender), sent(sender)]);
    await vi.waitFor(() => expect(login.heard).toHaveLength(2));
    await vi.waitFor(async () => {
      await sent(sender);
      expect(tokensOf(orders).at(-1)).toBe('Bearer t2');
    });

    expect(tokensOf(orders).slice(0, 3)).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1']);
    expect(login.heard).toHaveLength(2);
  });

  test('when a token has as good as ended, then nobody is shown it', async () => {
    const [login, orders] = [await authority(), await server()];
    const sender = client(orders, login);

    await sent(sender);
    at(3600 - 9);
    await sent(sender);

    expect(tokensOf(orders)).toEqual(['Bearer t1', 'Bearer t2']);
  });

  test('when the authority does not tell how long a token lives, then it is kept for minutes', async () => {
    const [login, orders] = [await authority({}), await server()];
    const sender = client(orders, login);

    await sent(sender);
    at(100);
    await sent(sender);
    at(300);
    await sent(sender);

    expect(tokensOf(orders)).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  test('when a token cannot be renewed ahead, then it serves to its end, and the authority is asked in pauses', async () => {
    let isDown = false;
    const login = await hostOf((response) => {
      if (isDown) json(response, 503, {});
      else json(response, 200, { access_token: 't1', token_type: 'bearer', expires_in: 3600 });
    });
    const orders = await server();
    const sender = client(orders, login);

    await sent(sender);
    isDown = true;
    at(3400);
    for (let n = 0; n < 5; n += 1) await sent(sender);
    at(3411);
    await sent(sender);
    await vi.waitFor(() => expect(login.heard).toHaveLength(3));
    at(3595);

    await expect(sent(sender)).rejects.toMatchObject(notExecuted);
    expect(new Set(tokensOf(orders))).toEqual(new Set(['Bearer t1']));
  });
});

describe('a token is refused by the server', () => {
  test('when the server takes it no more, then the request goes once more with a new one', async () => {
    const login = await authority();
    let taken = 't1';
    const orders = await server((token) => token === taken);
    const sender = client(orders, login);

    await sent(sender);
    taken = 't2';

    expect(await sent(sender)).toEqual({ status: 200, text: 'done' });
    expect(tokensOf(orders)).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
    expect(orders.heard.map(({ body }) => body)).toEqual(['{"n":1}', '{"n":1}', '{"n":1}']);
  });

  test('when the server takes none, then it is asked twice and the authority not for every call', async () => {
    const [login, orders] = [await authority(), await server(() => false)];
    const sender = client(orders, login);

    expect((await sent(sender)).status).toBe(401);
    expect(tokensOf(orders)).toEqual(['Bearer t1', 'Bearer t2']);

    for (let n = 0; n < 5; n += 1) expect((await sent(sender)).status).toBe(401);
    expect(login.heard).toHaveLength(2);
    expect(orders.heard).toHaveLength(7);

    at(11);
    await sent(sender);
    expect(login.heard).toHaveLength(3);
  });

  test('when many calls are refused at once, then one new token serves them all', async () => {
    const login = await authority();
    let taken = 't1';
    const orders = await server((token) => token === taken);
    const sender = client(orders, login);

    await sent(sender);
    taken = 't2';
    const all = await Promise.all(Array.from({ length: 10 }, async () => sent(sender)));

    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(login.heard).toHaveLength(2);
  });

  test('when no new token is to be had, then the call was not executed', async () => {
    let isDown = false;
    const login = await hostOf((response) => {
      if (isDown) json(response, 500, {});
      else json(response, 200, { access_token: 't1', token_type: 'bearer' });
    });
    const orders = await server((token) => !isDown && token === 't1');
    const sender = client(orders, login);

    await sent(sender);
    isDown = true;

    await expect(sent(sender)).rejects.toMatchObject(notExecuted);
  });

  test('when the server is authenticated to by a header, then a refused request is not sent again', async () => {
    const orders = await server(() => false);
    const sender = senderTo(orders.origin, { credential: { header: 'X-Api-Key', value: 'k' } });

    expect((await sent(sender)).status).toBe(401);
    expect(orders.heard).toHaveLength(1);
  });
});

describe('no token is to be had', () => {
  const saying =
    (status: number, body: unknown): Answering =>
    (response) =>
      json(response, status, body);
  const bearer = { access_token: 't1', token_type: 'Bearer' };

  test.each<[string, Answering, string]>([
    [
      'refuses the client, and repeats its secret',
      saying(401, { error: 'invalid_client', error_description: `not ${secret}` }),
      'the token endpoint said 401: invalid_client',
    ],
    [
      'says the secret in place of a code',
      saying(400, { error: `no ${secret}` }),
      'the token endpoint said 400: an error',
    ],
    ['is down', saying(503, '<html>'), 'the token endpoint gave no answer that can be used'],
    ['gives no JSON', saying(200, '{'), 'the token endpoint gave no answer that can be used'],
    ['gives no token', saying(200, {}), 'the token endpoint gave no answer that can be used'],
    [
      'gives a token of another type',
      saying(200, { ...bearer, token_type: 'DPoP' }),
      'the token endpoint gave a token that is no bearer token',
    ],
    [
      'gives a token that would make a second header',
      saying(200, { ...bearer, access_token: 'a\r\nX-Admin: 1' }),
      'the token endpoint gave a token that is no bearer token',
    ],
    [
      'gives more than anybody needs',
      saying(200, { ...bearer, more: 'x'.repeat(2_000_000) }),
      'the token endpoint gave no answer that can be used',
    ],
    [
      'hangs up',
      (response) => void response.destroy(),
      'the token endpoint gave no answer that can be used',
    ],
  ])(
    'when the authority %s, then the call is refused and no secret told',
    async (_, says, words) => {
      const [login, orders] = [await hostOf(says), await server()];
      const refusal: unknown = await sent(client(orders, login)).catch((error: unknown) => error);

      expect(refusal).toMatchObject({
        ...notExecuted,
        message: 'The credential for this server is not available.',
        cause: { code: 'CREDENTIAL_UNAVAILABLE', message: words },
      });
      expect(everythingIn(refusal)).not.toContain(secret);
      expect(orders.connections()).toBe(0);
    },
  );

  test('when the authority does not answer, then the call is refused after seconds', async () => {
    const [login, orders] = [await hostOf(() => undefined), await server()];

    await expect(sent(client(orders, login))).rejects.toMatchObject({
      ...notExecuted,
      cause: { message: 'the token endpoint did not answer in time' },
    });
  });

  test('when nobody listens there, then the address is told to whoever runs the gateway', async () => {
    const orders = await server();
    const nowhere = { origin: await deadOrigin() };

    await expect(sent(client(orders, nowhere))).rejects.toMatchObject({
      ...notExecuted,
      cause: { message: expect.stringContaining('ECONNREFUSED') },
    });
  });

  test.each([307, 308, 302])(
    'when the authority redirects with %d, then the secret goes nowhere else',
    async (status) => {
      const [foreign, orders] = [await authority(), await server()];
      const login = await hostOf((response) => {
        response.writeHead(status, { location: `${foreign.origin}/token` }).end();
      });

      await expect(sent(client(orders, login))).rejects.toMatchObject(notExecuted);
      expect(foreign.connections()).toBe(0);
    },
  );

  test('when the address of the authority is not allowed, then it is not asked, and the words name the setting', async () => {
    const [login, orders] = [await authority(), await server()];

    await expect(
      sent(client(orders, login, { oauth: { network: 'public' } })),
    ).rejects.toMatchObject({
      ...notExecuted,
      cause: {
        code: 'CREDENTIAL_UNAVAILABLE',
        message: expect.stringContaining('network: public'),
      },
    });
    expect(login.connections()).toBe(0);
  });

  test('when the variable of the secret is not set, then nobody is asked', async () => {
    const [login, orders] = [await authority(), await server()];

    await expect(sent(client(orders, login, { environment: {} }))).rejects.toMatchObject({
      ...notExecuted,
      cause: { message: 'the environment variable SECRET is not set' },
    });
    expect(login.connections()).toBe(0);
  });

  test('when the authority is there again, then the next call goes through', async () => {
    let isDown = true;
    const login = await hostOf((response) =>
      isDown ? json(response, 503, {}) : json(response, 200, bearer),
    );
    const orders = await server();
    const sender = client(orders, login);

    await expect(sent(sender)).rejects.toMatchObject(notExecuted);
    isDown = false;
    expect((await sent(sender)).status).toBe(200);
  });
});

/** All texts of an error and of what caused it. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  const own = Object.values(Object.getOwnPropertyDescriptors(error)).map(({ value }) =>
    String(value),
  );
  return [...own, error.cause === undefined ? '' : everythingIn(error.cause)].join('\n');
}
