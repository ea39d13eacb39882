import { request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoGroups, demoIdentities, demoPageApp } from '../../../../demo/entra/identities.js';
import { HttpVisitor } from '../../../../test/browser/http-visitor.js';
import { sampleView } from '../../../../test/browser/memory-desk.js';
import { type PageWorld, startPageWorld } from '../../../../test/browser/page-world.js';
import { approvalPage } from './approval-page.js';

let world: PageWorld;
let visitor: HttpVisitor;

beforeAll(async () => {
  world = await startPageWorld();
});
afterAll(async () => world.close());
beforeEach(() => {
  world.desk.clear();
  visitor = new HttpVisitor(world);
});
afterEach(() => {
  world.entra.setOutage('token', false);
  world.entra.setGroups(demoIdentities.approver.oid, [demoGroups['orders-owners']]);
});

const sessions = async () => world.sql('select * from page_session');
const session = '__Host-countersign';

describe('the way in', () => {
  test('when somebody signs in, then they see their page under a new session of theirs', async () => {
    const id = world.desk.put(sampleView());

    const back = await visitor.signIn('approver', `/approvals/${id}`);

    expect(back.status).toBe(200);
    expect(back.text).toContain(`content="0; url=/approvals/${id}"`);
    const cookie = [back.headers['set-cookie'] ?? []]
      .flat()
      .find((line) => line.startsWith(`${session}=`));
    expect(cookie).toMatch(
      /^__Host-countersign=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/i,
    );
    const page = await visitor.get(`/approvals/${id}`);
    expect(page.status).toBe(200);
    expect(page.text).toContain('Petra Approver');
    expect(page.text).toContain('Ana Analyst');
  });

  test('when somebody signs in twice, then the session ids differ and neither is in the table', async () => {
    await visitor.signIn('approver');
    const first = visitor.cookies.get(session)?.value ?? '';
    await visitor.signIn('approver');
    const second = visitor.cookies.get(session)?.value ?? '';

    expect(first).not.toBe(second);
    const stored = JSON.stringify(await sessions());
    expect(stored).not.toContain(first);
    expect(stored).not.toContain(second);
    expect(stored).not.toContain('eyJ');
  });

  test('when nobody is signed in, then the page asks, with the way back in its link', async () => {
    const page = await visitor.get('/approvals/0b8f6a1e-2222-4333-8444-555555555555');

    expect(page.status).toBe(401);
    expect(page.text).toContain('return=%2Fapprovals%2F0b8f6a1e-2222-4333-8444-555555555555');
  });

  test('when a link in Teams or a mail leads here, then the strict cookie comes with one more step, and only one', async () => {
    const id = world.desk.put(sampleView());
    await visitor.signIn('approver');

    const first = await visitor.get(`/approvals/${id}`, 'cross-site');
    const second = await visitor.get(`/approvals/${id}?again=1`, 'same-origin');
    const stranger = await new HttpVisitor(world).get(`/approvals/${id}?again=1`, 'cross-site');

    expect(first.status).toBe(200);
    expect(first.text).toContain(`content="0; url=/approvals/${id}?again=1"`);
    expect(second.text).toContain('Your decision');
    expect(stranger.status).toBe(401);
  });

  test('when the page is a confidential client, then its secret must be the right one', async () => {
    const other = await startPageWorld({ clientSecret: 'a secret & more' });

    const back = await new HttpVisitor(other).signIn('approver');

    expect(back.status).toBe(200);
    expect(back.text).toContain('url=/approvals"');

    const redirectUris = [`${other.origin}/approvals/callback`];
    other.entra.register({ clientId: demoPageApp, redirectUris, secret: 'a new one' });
    const refused = await new HttpVisitor(other).signIn('approver');
    expect(refused.status).toBe(503);
    await other.close();
  });

  test('when the address is http elsewhere than on this machine, then nothing starts', () => {
    const settings = {
      publicUrl: 'http://gateway.example',
      sealKey: Buffer.alloc(32).toString('base64'),
      signIn: { authority: 'https://x', tenants: ['t'], clientId: 'c', scope: 's' },
    };

    expect(() => approvalPage(settings)).toThrow('publicUrl');
    expect(() => approvalPage({ ...settings, publicUrl: 'https://gateway.example' })).not.toThrow();
    expect(() => approvalPage({ ...settings, publicUrl: 'http://localhost.evil.example' })).toThrow(
      'publicUrl',
    );
  });
});

describe('a return from Entra that does not fit', () => {
  const refused = async (path: string, by = visitor) => {
    const before = (await sessions()).length;
    const answer = await by.get(path, 'cross-site');
    expect(by.cookies.has(session)).toBe(false);
    expect((await sessions()).length).toBe(before);
    return answer;
  };

  test('when its state is of another browser, then it is refused', async () => {
    const back = await visitor.choose(await visitor.startSignIn(), 'approver');

    const answer = await refused(back, new HttpVisitor(world));

    expect(answer.status).toBe(400);
    expect(answer.text).toContain('SIGN_IN_INVALID');
  });

  test.each([
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['another state', (url: URL) => url.searchParams.set('state', 'A'.repeat(43))],
    ['another code', (url: URL) => url.searchParams.set('code', 'guess')],
    [
      'the issuer of another tenant',
      (url: URL) => url.searchParams.set('iss', 'https://evil/v2.0'),
    ],
    ['two states', (url: URL) => url.searchParams.append('state', 'A'.repeat(43))],
  ])('when it has %s, then it is refused', async (_, change) => {
    const back = await visitor.choose(await visitor.startSignIn(), 'approver');
    const url = new URL(back, world.origin);
    change(url);

    const answer = await refused(`${url.pathname}${url.search}`);

    expect([400, 403]).toContain(answer.status);
  });

  test('when the same return comes twice, then the second one is refused', async () => {
    const back = await visitor.choose(await visitor.startSignIn(), 'approver');
    const kept = new Map(visitor.cookies);
    await visitor.get(back, 'cross-site');
    const thief = new HttpVisitor(world);
    for (const [name, cookie] of kept) thief.cookies.set(name, cookie);

    const again = await visitor.get(back, 'cross-site');
    const stolen = await refused(back, thief);

    expect(again.status).toBe(400);
    expect(stolen.status).toBe(403);
  });

  test('when the code was asked for with another nonce or challenge, then it is refused', async () => {
    for (const [name, value] of [
      ['nonce', 'another'],
      ['code_challenge', 'B'.repeat(43)],
    ] as const) {
      const by = new HttpVisitor(world);
      const address = await by.startSignIn();
      address.searchParams.set(name, value);

      const answer = await refused(await by.choose(address, 'approver'), by);

      expect([400, 403]).toContain(answer.status);
    }
  });

  test('when the cookie of the sign-in was changed or is of another sign-in, then it is refused', async () => {
    const back = await visitor.choose(await visitor.startSignIn(), 'approver');
    const [name = '', cookie] = [...visitor.cookies][0] ?? [];
    const value = cookie?.value ?? '';
    const other = new HttpVisitor(world);
    await other.startSignIn();
    const foreign = [...other.cookies.values()][0]?.value ?? '';

    for (const changed of [`${value.slice(0, -2)}AA`, '', foreign]) {
      visitor.cookies.set(name, { value: changed, sameSite: 'lax' });
      expect((await refused(back)).status).toBe(400);
    }
  });

  test('when the person cancels, then the page says so', async () => {
    const back = await visitor.choose(await visitor.startSignIn(), 'nobody');

    const answer = await refused(back);

    expect(answer.status).toBe(403);
    expect(answer.text).toContain('SIGN_IN_REFUSED');
  });

  test('when Entra is away, then it is an outage and nobody is in', async () => {
    const back = await visitor.choose(await visitor.startSignIn(), 'approver');
    world.entra.setOutage('token', true);

    const answer = await refused(back);

    expect(answer.status).toBe(503);
    expect(answer.text).toContain('IDENTITY_UNAVAILABLE');
  });

  test('when another site begins a sign-in, then it gets no further than the page with the link', async () => {
    const address = new URL(await visitor.startSignIn());
    const path = `/approvals/sign-in/start?tenant=${address.pathname.split('/')[1] ?? ''}`;

    const answer = await visitor.get(path, 'cross-site');

    expect(answer.status).toBe(200);
    expect(answer.location).toBe('');
    expect(answer.text).toContain('Sign in with Microsoft');
  });
});

describe('where people are sent after the sign-in', () => {
  test.each([
    'https://evil.example/approvals',
    '//evil.example/approvals',
    '/\\evil.example/approvals',
    '/approvals/../../evil',
    '/approvals/sign-in/start?tenant=x',
    '/approvals/callback?code=1',
    'javascript:alert(1)',
    '/approvals@evil.example',
    '/\t/evil.example',
  ])('when the wish is %s, then it is the inbox', async (wish) => {
    const back = await visitor.signIn('approver', wish);

    expect(back.text).toContain('content="0; url=/approvals"');
  });
});

describe('a session', () => {
  test.each([
    ['of nobody', 'A'.repeat(43)],
    ['that is no id', "' or 1=1 --"],
    ['that is empty', ''],
  ])('when its id is one %s, then nobody is signed in', async (_, value) => {
    visitor.cookies.set(session, { value, sameSite: 'strict' });

    expect((await visitor.get('/approvals')).status).toBe(401);
  });

  test('when its id is the stored one, then nobody is signed in: the table opens nothing', async () => {
    await visitor.signIn('approver');
    const rows = await sessions();
    visitor.cookies.set(session, { value: String(rows[0]?.['id_hash']), sameSite: 'strict' });

    expect((await visitor.get('/approvals')).status).toBe(401);
  });

  test.each([
    ['was idle for 31 minutes', `seen_at = now() - interval '31 minutes'`],
    ['is older than 8 hours', `ends_at = now() - interval '1 second'`],
  ])('when it %s, then it is over', async (_, change) => {
    await visitor.signIn('approver');
    expect((await visitor.get('/approvals')).status).toBe(200);

    await world.sql(`update page_session set ${change}`);

    expect((await visitor.get('/approvals')).status).toBe(401);
  });

  test('when only the script looks, then the session goes idle all the same', async () => {
    await visitor.signIn('approver');
    await world.sql(`update page_session set seen_at = now() - interval '20 minutes'`);
    const seen = async () =>
      (await world.sql('select max(seen_at) as at from page_session'))[0]?.['at'];
    const before = await seen();

    await visitor.get('/approvals', 'same-origin', { 'countersign-live': '1' });
    const afterScript = await seen();
    await visitor.get('/approvals');

    expect(afterScript).toEqual(before);
    expect(await seen()).not.toEqual(before);
  });

  test('when its tokens were put into another row, then they do not open', async () => {
    const other = new HttpVisitor(world);
    await world.sql('delete from page_session');
    await visitor.signIn('approver');
    const mine = (await sessions())[0]?.['sealed_tokens'];
    await other.signIn('analyst');
    await world.sql('update page_session set sealed_tokens = $1', [mine]);

    expect((await other.get('/approvals')).status).toBe(401);
    expect((await visitor.get('/approvals')).status).toBe(200);
  });

  test('when a row names somebody else than its tokens, then nobody is signed in', async () => {
    await visitor.signIn('approver');
    await world.sql('update page_session set object_id = $1', [demoIdentities.analyst.oid]);

    expect((await visitor.get('/approvals')).status).toBe(401);
  });

  test('when somebody signs out, then the session is over here, and with "all browsers" everywhere', async () => {
    const [office, phone] = [new HttpVisitor(world), new HttpVisitor(world)];
    await visitor.signIn('approver');
    await office.signIn('approver');
    await phone.signIn('approver');
    const kept = visitor.cookies.get(session) ?? { value: '', sameSite: 'strict' };

    const out = await visitor.post('/approvals/sign-out', { csrf: await visitor.csrf() });
    expect(out.status).toBe(200);
    expect(visitor.cookies.has(session)).toBe(false);
    visitor.cookies.set(session, kept);
    expect((await visitor.get('/approvals')).status).toBe(401);
    expect((await office.get('/approvals')).status).toBe(200);

    const csrf = await office.csrf();
    await office.post('/approvals/sign-out', { csrf, everywhere: 'yes' });
    expect((await phone.get('/approvals')).status).toBe(401);
  });
});

describe('tokens that run out', () => {
  const runOut = async () => world.sql(`update page_session set access_until = now()`);

  test('when the access token has ended, then it is renewed, and with it the groups', async () => {
    await visitor.signIn('approver');
    const id = world.desk.put(sampleView());
    world.entra.setGroups(demoIdentities.approver.oid, []);
    await runOut();

    const page = await visitor.get(`/approvals/${id}`);

    expect(page.status).toBe(404);
    expect((await sessions()).some((row) => row['tokens_version'] === 2)).toBe(true);
  });

  test('when many requests come at that moment, then the refresh token is used once and all are answered', async () => {
    await visitor.signIn('approver');
    await runOut();

    const pages = await Promise.all(
      Array.from({ length: 8 }, async () => visitor.get('/approvals')),
    );

    expect(pages.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect((await visitor.get('/approvals')).status).toBe(200);
  });

  test('when the renewal is refused, then the person signs in again', async () => {
    await visitor.signIn('approver');
    world.entra.endSignIns('approver');
    await runOut();

    expect((await visitor.get('/approvals')).status).toBe(401);
  });

  test('when Entra is away, then a token that ends soon serves on, and one that has ended does not', async () => {
    await visitor.signIn('approver');
    world.entra.setOutage('token', true);
    await world.sql(`update page_session set access_until = now() + interval '2 minutes'`);
    expect((await visitor.get('/approvals')).status).toBe(200);

    await runOut();
    const page = await visitor.get('/approvals');
    expect(page.status).toBe(503);
    expect(page.text).toContain('IDENTITY_UNAVAILABLE');

    world.entra.setOutage('token', false);
    expect((await visitor.get('/approvals')).status).toBe(200);
  });
});

describe('what is no visitor', () => {
  test('when a bearer token comes, then it is refused, with a session too', async () => {
    await visitor.signIn('approver');
    const authorization = `Bearer ${await world.entra.token(demoIdentities.approver)}`;

    for (const by of [visitor, new HttpVisitor(world)]) {
      const answer = await by.get('/approvals', 'same-origin', { authorization });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('BEARER_NOT_ACCEPTED');
    }
  });

  test.each(['evil.example', 'localhost', 'localhost:1', '127.0.0.1', ''])(
    'when the host is %s, then nothing is answered',
    async (host) => {
      const given = host === '' ? {} : { host };
      const answer = await request(`${world.origin.replace('localhost', '127.0.0.1')}/approvals`, {
        headers: given,
      });

      expect(answer.statusCode).toBe(421);
      await answer.body.dump();
    },
  );

  test('when the forwarded host is another, then it changes nothing', async () => {
    const answer = await visitor.get('/approvals/sign-in', 'none', {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    });

    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('evil');
  });
});
