import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  demoGroups,
  demoIdentities,
  type DemoIdentityName,
  demoTenant,
} from '../../../../demo/entra/identities.js';
import { HttpVisitor } from '../../../../test/browser/http-visitor.js';
import { sampleView } from '../../../../test/browser/memory-desk.js';
import { type PageWorld, startPageWorld } from '../../../../test/browser/page-world.js';
import { ApprovalError } from '../approval-error.js';

let world: PageWorld;
let approver: HttpVisitor;
let approver2: HttpVisitor;
let analyst: HttpVisitor;

beforeAll(async () => {
  world = await startPageWorld();
  [approver, approver2, analyst] = await Promise.all([
    signedIn('approver'),
    signedIn('approver2'),
    signedIn('analyst'),
  ]);
});
afterAll(async () => world.close());
beforeEach(() => {
  world.desk.clear();
  world.desk.fault = undefined;
});

async function signedIn(name: DemoIdentityName): Promise<HttpVisitor> {
  const visitor = new HttpVisitor(world);
  await visitor.signIn(name);
  return visitor;
}

const decide = async (
  by: HttpVisitor,
  id: string,
  fields: Record<string, string> = { decision: 'approve' },
  headers: Record<string, string> = {},
) => by.post(`/approvals/${id}/decision`, { csrf: await by.csrf(), ...fields }, headers);

describe('every answer', () => {
  test.each([
    '/approvals',
    '/approvals/sign-in',
    `/approvals/${randomUUID()}`,
    '/approvals/no/such',
  ])('when %s is asked for, then its headers let nothing in', async (path) => {
    const { headers } = await approver.get(path);

    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
  });

  test('when a file of the page is asked for, then it may be kept for ever, and a wrong name is none', async () => {
    const { text } = await approver.get('/approvals');
    const paths = [...text.matchAll(/"(\/approvals\/assets\/[\w.-]+)"/g)].map(
      ([, path]) => path ?? '',
    );
    expect(paths).toHaveLength(3);
    for (const path of paths) {
      const file = await new HttpVisitor(world).get(path);
      expect(file.status).toBe(200);
      expect(file.headers['cache-control']).toContain('immutable');
      expect(file.headers['content-security-policy']).toContain("default-src 'none'");
    }
    expect((await approver.get('/approvals/assets/page-0.css')).status).toBe(404);
  });
});

describe('the inbox', () => {
  test('when two of three wait for the reader, then the title says two and they come first', async () => {
    world.desk.put(sampleView({ resource: 'soon', expiresAt: new Date(Date.now() + 60_000) }));
    world.desk.put(sampleView({ resource: 'later' }));
    world.desk.put(
      sampleView({
        resource: 'own',
        requester: {
          tenantId: demoTenant,
          objectId: demoIdentities.approver.oid,
          displayName: 'P',
        },
        expiresAt: new Date(Date.now() + 1000),
      }),
    );
    world.desk.put(sampleView({ resource: 'old', state: 'refused' }));

    const { text } = await approver.get('/approvals');

    expect(text).toContain('<title>(2) Approvals · Countersign</title>');
    const order = ['soon', 'later', 'own', 'old'].map((name) =>
      text.indexOf(`call <code>${name}</code> on`),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
  });

  test('when nothing waits, then the page says what will happen', async () => {
    const { text } = await approver.get('/approvals?show=open');

    expect(text).toContain('Nothing waits.');
    expect(text).toContain('<title>Approvals · Countersign</title>');
  });

  test('when a server is asked for, then only its approvals are shown, and the filter stays in the links', async () => {
    world.desk.put(sampleView({ server: 'files', resource: 'read_file' }));
    world.desk.put(sampleView());

    const { text } = await approver.get('/approvals?server=files');

    expect(text).toContain('read_file');
    expect(text).not.toContain('refund_order');
    expect(text).toContain('/approvals?show=open&amp;server=files');
  });

  test('when there are more than a page of decided ones, then the link leads to the older ones', async () => {
    for (let each = 0; each < 12; each += 1) {
      const requestedAt = new Date(Date.now() - each * 1000);
      world.desk.put(sampleView({ state: 'expired', resource: `tool_${each}_`, requestedAt }));
    }

    const first = await approver.get('/approvals');
    const older = /href="([^"]+)">Older/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await approver.get(older);

    expect(first.text).toContain('tool_9_');
    expect(first.text).not.toContain('tool_10_');
    expect(second.text).toContain('tool_11_');
  });

  test.each([
    '/approvals?show=x',
    `/approvals?cursor=${'9'.repeat(1001)}`,
    '/approvals?cursor=abc',
  ])('when the address is %s, then it is refused in words', async (path) => {
    expect((await approver.get(path)).status).toBe(400);
  });
});

describe('a decision', () => {
  test('when it is approved, then the reader comes back to what was decided', async () => {
    const id = world.desk.put(sampleView());

    const pressed = await decide(approver, id);

    expect(pressed.status).toBe(303);
    expect(pressed.location).toBe(`/approvals/${id}?after=press`);
    expect(world.desk.presses).toEqual([
      { id, by: demoIdentities.approver.oid, decision: 'approve', reason: '', channel: 'page' },
    ]);
    const page = await approver.get(pressed.location);
    expect(page.text).toContain('You approved this');
    expect(page.text).toContain('<strong>Approved</strong>');
    expect(page.text).not.toContain('Too late');
  });

  test('when somebody was faster, then the page says who and what', async () => {
    const id = world.desk.put(sampleView());
    const csrf = await approver.csrf(`/approvals/${id}`);
    await decide(approver2, id, { decision: 'refuse', reason: 'charged once only' });

    const pressed = await approver.post(`/approvals/${id}/decision`, { csrf, decision: 'approve' });

    const { text } = await approver.get(pressed.location);
    expect(text).toContain('Too late: your press changed nothing.');
    expect(text).toContain('Denied by Paul Approver');
    expect(text).toContain('charged once only');
    expect(world.desk.presses).toHaveLength(1);
  });

  test('when the same form is sent twice, then it counts once and the page is the same', async () => {
    const id = world.desk.put(
      sampleView({
        sets: [
          {
            groups: [{ id: demoGroups['orders-owners'], name: null }],
            quorum: 2,
            signed: 0,
            isEscalation: false,
          },
        ],
      }),
    );

    await decide(approver, id);
    const again = await decide(approver, id);

    const { text } = await approver.get(again.location);
    expect(text).toContain('You approved this');
    expect(text).toContain('One more person has to sign.');
    expect(text).not.toContain('id="approve-button"');
    expect(world.desk.presses).toHaveLength(1);
  });

  test('when a time is granted, then the seconds reach the desk', async () => {
    const scope = {
      server: 'orders',
      resources: ['refund_order'],
      when: 'args.amount < 300',
      calls: 5,
    };
    const id = world.desk.put(sampleView({ grantOffer: { scope, maxSeconds: 2700 } }));
    const { text } = await approver.get(`/approvals/${id}`);

    await decide(approver, id, { decision: 'approve', grantSeconds: '900' });

    expect(text).toContain('args.amount &lt; 300');
    expect(text).toContain('at most 5 times');
    expect(text).toContain('<option value="2700">45 min</option>');
    expect(text).not.toContain('value="3600"');
    expect(world.desk.presses).toMatchObject([{ grantSeconds: 900 }]);
  });

  test.each<[string, Record<string, string>]>([
    ['denies without a reason', { decision: 'refuse' }],
    ['denies with an empty reason', { decision: 'refuse', reason: '  ' }],
    ['says neither', { decision: 'maybe' }],
    ['grants no number', { decision: 'approve', grantSeconds: '1e9' }],
    ['grants less than nothing', { decision: 'approve', grantSeconds: '-5' }],
    ['has a reason that cannot be kept', { decision: 'refuse', reason: 'a\0b' }],
    ['has a reason that is too long', { decision: 'refuse', reason: 'x'.repeat(2001) }],
  ])('when a form %s, then nothing is decided', async (_, fields) => {
    const id = world.desk.put(sampleView());

    const answer = await decide(approver, id, fields);

    expect(answer.status).toBe(400);
    expect(answer.text).toContain('FORM_INVALID');
    expect(world.desk.presses).toEqual([]);
  });

  test('when the requester looks, then there is nothing to sign, but a reason to give and a way back', async () => {
    const id = world.desk.put(sampleView({ justification: null }));
    const { text } = await analyst.get(`/approvals/${id}`);
    expect(text).not.toContain('id="approve-button"');

    const csrf = await analyst.csrf();
    await analyst.post(`/approvals/${id}/justification`, { csrf, justification: 'charged twice' });
    expect((await approver.get(`/approvals/${id}`)).text).toContain('charged twice');

    expect((await decide(analyst, id)).status).toBe(403);
    const withdrawn = await analyst.post(`/approvals/${id}/withdrawal`, { csrf });
    expect(withdrawn.status).toBe(303);
    expect((await approver.get(`/approvals/${id}`)).text).toContain('Withdrawn');
  });

  test('when a reason is required and missing, then nobody is offered to approve yet', async () => {
    const id = world.desk.put(sampleView({ isJustificationRequired: true, justification: null }));
    const before = (await approver.get(`/approvals/${id}`)).text;
    const csrf = await analyst.csrf();
    await analyst.post(`/approvals/${id}/justification`, { csrf, justification: 'ticket 4711' });

    expect(before).not.toContain('id="approve-button"');
    expect(before).toContain('id="deny-reason"');
    expect((await approver.get(`/approvals/${id}`)).text).toContain('id="approve-button"');
  });

  test('when a call ran on break-glass, then an approver marks it as reviewed', async () => {
    const id = world.desk.put(sampleView({ kind: 'break-glass', state: 'unreviewed' }));
    const csrf = await approver.csrf(`/approvals/${id}`);

    await approver.post(`/approvals/${id}/review`, { csrf, reason: 'was an incident' });

    expect((await approver.get(`/approvals/${id}`)).text).toContain('You reviewed this');
  });
});

describe('a form that is not ours', () => {
  const attacks: readonly (readonly [
    string,
    (
      csrf: string,
      foreign: string,
    ) => { fields: Record<string, string>; headers?: Record<string, string> },
  ])[] = [
    ['has no token', () => ({ fields: {} })],
    ['has an empty token', () => ({ fields: { csrf: '' } })],
    ['has the token of another session', (_, foreign) => ({ fields: { csrf: foreign } })],
    [
      'comes from another origin',
      (csrf) => ({ fields: { csrf }, headers: { origin: 'https://evil.example' } }),
    ],
    [
      'comes from an origin that is hidden',
      (csrf) => ({ fields: { csrf }, headers: { origin: 'null' } }),
    ],
    ['names no origin', (csrf) => ({ fields: { csrf }, headers: { origin: '' } })],
    [
      'comes from a sibling site',
      (csrf) => ({ fields: { csrf }, headers: { 'sec-fetch-site': 'same-site' } }),
    ],
    [
      'comes from another site',
      (csrf) => ({ fields: { csrf }, headers: { 'sec-fetch-site': 'cross-site' } }),
    ],
    ['is JSON', (csrf) => ({ fields: { csrf }, headers: { 'content-type': 'text/plain' } })],
  ];

  test.each(attacks)(
    'when it %s, then nothing is decided and it is on record',
    async (_, attack) => {
      const id = world.desk.put(sampleView());
      const { fields, headers } = attack(await approver.csrf(), await approver2.csrf());

      const answer = await approver.post(
        `/approvals/${id}/decision`,
        { decision: 'approve', ...fields },
        headers,
      );

      expect(answer.status).toBe(403);
      expect(world.desk.presses).toEqual([]);
      expect(world.desk.refused).toMatchObject([
        { channel: 'page', approvalId: id, objectId: demoIdentities.approver.oid },
      ]);
    },
  );

  test('when it comes without a session, then the reader is asked to sign in and nothing is decided', async () => {
    const id = world.desk.put(sampleView());
    const csrf = await approver.csrf();

    const answer = await approver.post(
      `/approvals/${id}/decision`,
      { csrf, decision: 'approve' },
      {},
      'cross-site',
    );

    expect(answer.status).toBe(401);
    expect(world.desk.presses).toEqual([]);
  });

  test.each(['/approvals/sign-out', '/approvals'])(
    'when a POST goes to %s from elsewhere, then nobody is signed out',
    async (path) => {
      await approver.post(path, {}, { origin: 'https://evil.example' });

      expect((await approver.get('/approvals')).status).toBe(200);
    },
  );

  test('when a form is far too large, then it is refused', async () => {
    const id = world.desk.put(sampleView());

    const answer = await decide(approver, id, { decision: 'refuse', reason: 'x'.repeat(40_000) });

    expect(answer.status).toBe(400);
  });
});

describe('hostile text', () => {
  const hostile =
    '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>\u202Egnp.exe\u200B{{7*7}}\u0007';

  test('when every text of an approval is hostile, then the page holds it as text, with the hidden made visible', async () => {
    const id = world.desk.put(
      sampleView({
        requester: {
          tenantId: demoTenant,
          objectId: demoIdentities.analyst.oid,
          displayName: hostile,
        },
        server: hostile,
        resource: hostile,
        method: hostile,
        clientApp: hostile,
        client: { name: hostile, version: hostile },
        protocol: hostile,
        labels: { [hostile]: hostile },
        maskedArguments: JSON.stringify({ [hostile]: hostile }),
        rules: [{ id: hostile, message: hostile }],
        justification: hostile,
        bundle: hostile,
        digest: hostile,
        risk: { level: 'high', reasons: [hostile] },
        similar: [
          {
            approvalId: hostile,
            outcome: 'refused',
            requester: hostile,
            decidedBy: hostile,
            decidedAt: new Date(),
            reason: hostile,
          },
        ],
        votes: [
          {
            voter: { tenantId: demoTenant, objectId: randomUUID(), displayName: hostile },
            decision: 'approve',
            reason: hostile,
            channel: hostile,
            votedAt: new Date(),
            grantSeconds: null,
          },
        ],
        grantOffer: {
          scope: { server: hostile, resources: [hostile], when: hostile, calls: null },
          maxSeconds: 60,
        },
        sets: [
          {
            groups: [{ id: demoGroups['orders-owners'], name: hostile }],
            quorum: 2,
            signed: 1,
            isEscalation: true,
          },
        ],
      }),
    );

    for (const path of ['/approvals', `/approvals/${id}`]) {
      const { status, text } = await approver.get(path);
      expect(status).toBe(200);
      expect(text).not.toMatch(/<script>|<img|\u202E|\u200B/);
      expect(text).toContain('\\u{202e}');
      expect([...text.matchAll(/<script/g)]).toHaveLength(1);
      expect(text).not.toMatch(/<[^>]* on\w+=/);
    }
  });

  test.each([
    ['changed', 'The tool&#39;s definition changed since it was accepted.'],
    ['new', 'The tool&#39;s definition is new and accepted by nobody.'],
    [null, undefined],
  ] as const)(
    'when the standing of the definition is %s, then one line says so',
    async (is, words) => {
      const id = world.desk.put(sampleView({ definitionStanding: is }));

      const { text } = await approver.get(`/approvals/${id}`);

      expect(text.includes('definition')).toBe(words !== undefined);
      if (words !== undefined) expect(text).toContain(words);
    },
  );

  test('when numbers are longer than a machine can count, then they are shown as they were sent', async () => {
    const maskedArguments = '{"amount":12345678901234567890.10,"amount":1e400,"note":"a,b:{c}"}';
    const id = world.desk.put(sampleView({ maskedArguments }));

    const { text } = await approver.get(`/approvals/${id}`);

    expect(text).toContain(
      '&quot;amount&quot;: 12345678901234567890.10,\n  &quot;amount&quot;: 1e400,',
    );
    expect(text).toContain('&quot;a,b:{c}&quot;');
  });
});

describe('faults behind the page', () => {
  test('when approvals cannot be reached, then it is said and nothing is decided', async () => {
    const id = world.desk.put(sampleView());
    const csrf = await approver.csrf();
    world.desk.fault = Object.assign(new Error('down'), { code: 'ECONNREFUSED' });

    for (const answer of [
      await approver.get('/approvals'),
      await approver.get(`/approvals/${id}`),
      await approver.post(`/approvals/${id}/decision`, { csrf, decision: 'approve' }),
    ]) {
      expect(answer.status).toBe(503);
      expect(answer.text).toContain('APPROVALS_UNAVAILABLE');
    }
  });

  test('when groups cannot be looked up, then it is an outage of that, in words', async () => {
    const id = world.desk.put(sampleView());
    const csrf = await approver.csrf();
    world.desk.fault = new ApprovalError('GROUPS_UNAVAILABLE');

    const answer = await approver.post(`/approvals/${id}/decision`, { csrf, decision: 'approve' });

    expect(answer.status).toBe(503);
    expect(answer.text).toContain('GROUPS_UNAVAILABLE');
  });

  test('when something unforeseen happens, then its words stay inside', async () => {
    world.desk.fault = new Error('secret detail');

    const answer = await approver.get('/approvals');

    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret detail');
    expect(answer.text).toMatch(/reference <code>[0-9a-f-]{36}/);
  });

  test('when an approval is none or not for the reader, then both look the same', async () => {
    const id = world.desk.put(
      sampleView({
        sets: [
          {
            groups: [{ id: demoGroups.engineers, name: null }],
            quorum: 1,
            signed: 0,
            isEscalation: false,
          },
        ],
      }),
    );

    const foreign = await approver.get(`/approvals/${id}`);
    const none = await approver.get(`/approvals/${randomUUID()}`);

    expect([foreign.status, none.status]).toEqual([404, 404]);
    const plain = (text: string) => text.replaceAll(/[0-9a-f-]{36}/g, '');
    expect(plain(foreign.text)).toBe(plain(none.text));
  });
});
