import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoGroups, demoIdentities, demoTenant } from '../../demo/entra/identities.js';
import type { DemoIdentityName } from '../../demo/entra/identities.js';
import { eventually } from '../stack/http.js';
import { accessibilityOf } from './accessibility.js';
import { launchChromium, type PageFaults, picture, watchFaults } from './browser.js';
import { sampleView } from './memory-desk.js';
import { type PageWorld, startPageWorld } from './page-world.js';

let world: PageWorld;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let watched: PageFaults;

beforeAll(async () => {
  world = await startPageWorld({ beatMs: 500 });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await world.close();
});
beforeEach(async () => {
  world.desk.clear();
  await open();
});
afterEach(async () => {
  const { faults, foreign } = watched;
  await context.close();
  expect(faults).toEqual([]);
  expect(foreign).toEqual([]);
});

async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
  context = await browser.newContext(options);
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  watched = watchFaults(page, [world.origin, world.entra.signInUrl]);
}

async function reopen(options: Parameters<Browser['newContext']>[0]): Promise<void> {
  await context.close();
  await open(options);
}

/** Signs in with the mouse, from whatever page asks for it. */
async function signIn(identity: DemoIdentityName, path = '/approvals'): Promise<void> {
  await page.goto(`${world.origin}${path}`);
  await page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
  await page.getByRole('link', { name: demoIdentities[identity].name }).click();
  await page.waitForURL(`${world.origin}${path}`);
}

const live = async () => page.locator('.live[data-state=live]').waitFor();
const focused = async () =>
  page.evaluate<string>(`document.activeElement.id || document.activeElement.textContent`);

describe('the way in', () => {
  test('when somebody follows a link from another site, then they sign in once and later come straight to it', async () => {
    const id = world.desk.put(sampleView());
    const path = `/approvals/${id}`;
    await page.goto(`${world.entra.signInUrl}/elsewhere`);
    await page.evaluate(`location.href = ${JSON.stringify(`${world.origin}${path}`)}`);
    await page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
    await page.getByRole('link', { name: 'Petra Approver' }).click();
    await page.getByRole('heading', { name: 'Your decision' }).waitFor();

    await page.goto(`${world.entra.signInUrl}/elsewhere`);
    await page.evaluate(`location.href = ${JSON.stringify(`${world.origin}${path}`)}`);

    await page.getByRole('heading', { name: 'Your decision' }).waitFor();
    await eventually(() => expect(page.url()).toBe(`${world.origin}${path}`));
    const [cookie] = (await context.cookies()).filter(({ name }) => name === '__Host-countersign');
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
  });

  test('when somebody signs out, then the page is gone, also with the back key', async () => {
    await signIn('approver');
    await page.locator('.me summary').click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await picture(page, 'signed-out');

    await page.goBack();

    await page.getByRole('link', { name: 'Sign in with Microsoft' }).waitFor();
  });
});

describe('by keyboard alone', () => {
  test('when an approver opens the first request and approves it, then no mouse is needed', async () => {
    world.desk.put(sampleView({ resource: 'second' }));
    const expiresAt = new Date(Date.now() + 60_000);
    const id = world.desk.put(sampleView({ resource: 'first', expiresAt }));
    await signIn('approver');

    await page.keyboard.press('j');
    expect(await focused()).toContain('first');
    await page.keyboard.press('j');
    expect(await focused()).toContain('second');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/approvals/${id}`);
    await page.keyboard.press('a');
    expect(world.desk.presses).toEqual([]);
    await picture(page, 'confirm');
    await page.keyboard.press('Enter');

    await page.getByText('You approved this').waitFor();
    expect(world.desk.presses).toMatchObject([{ id, decision: 'approve', channel: 'page' }]);
    await picture(page, 'approved');
    await page.keyboard.press('u');
    await page.waitForURL(`${world.origin}/approvals`);
  });

  test('when the question is left with Escape, then nothing is decided and the focus is back', async () => {
    const id = world.desk.put(sampleView());
    await signIn('approver', `/approvals/${id}`);
    await page.locator('#approve-button').focus();

    await page.keyboard.press('a');
    await page.keyboard.press('Escape');

    await eventually(async () => expect(await focused()).toBe('approve-button'));
    expect(world.desk.presses).toEqual([]);
  });

  test('when a request is denied, then the reason is asked for and goes along', async () => {
    const id = world.desk.put(sampleView());
    await signIn('approver', `/approvals/${id}`);

    await page.keyboard.press('d');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(world.desk.presses).toEqual([]);
    await eventually(async () => expect(await focused()).toBe('deny-reason'));
    await page.keyboard.type('a duplicate? just no');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');

    await page.getByText('You denied this').waitFor();
    expect(world.desk.presses).toMatchObject([
      { decision: 'refuse', reason: 'a duplicate? just no' },
    ]);
    await picture(page, 'denied');
  });

  test('when only the Tab key is used, then the skip link comes first and the decision is reached', async () => {
    const id = world.desk.put(sampleView());
    await signIn('approver', `/approvals/${id}`);
    await page.reload();

    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    for (let each = 0; each < 20 && (await focused()) !== 'approve-button'; each += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');

    await page.getByText('You approved this').waitFor();
  });

  test('when single keys are switched off, then they do nothing, and the help still comes', async () => {
    const id = world.desk.put(sampleView());
    await signIn('approver', `/approvals/${id}`);
    await page.keyboard.press('?');
    await page.locator('#help').waitFor();
    await picture(page, 'help');
    await page.getByLabel('Single keys are on in this browser').uncheck();
    await page.keyboard.press('Escape');

    await page.keyboard.press('a');

    expect(await page.locator('dialog[open]').count()).toBe(0);
  });
});

describe('without script', () => {
  test('when a browser runs no script, then signing in, approving for a while and denying work all the same', async () => {
    await reopen({ javaScriptEnabled: false });
    const scope = { server: 'orders', resources: ['refund_order'], when: null, calls: null };
    const first = world.desk.put(sampleView({ grantOffer: { scope, maxSeconds: 3600 } }));
    const second = world.desk.put(sampleView());
    await signIn('approver', `/approvals/${first}`);

    await page.getByText('Approve for a while').click();
    await page.getByLabel('For', { exact: true }).selectOption('900');
    await page.getByRole('button', { name: 'Approve for this time' }).click();
    await page.getByText('You approved this').waitFor();
    await page.goto(`${world.origin}/approvals/${second}`);
    await page.getByLabel('Reason to deny').fill('not today');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('You denied this').waitFor();

    expect(world.desk.presses).toMatchObject([
      { id: first, decision: 'approve', grantSeconds: 900 },
      { id: second, decision: 'refuse', reason: 'not today' },
    ]);
  });
});

describe('live', () => {
  test('when a request comes, then it is in the list and in the title within a second, and the focus stays', async () => {
    world.desk.put(sampleView({ resource: 'earlier' }));
    await signIn('approver');
    await live();
    await page.keyboard.press('j');

    const startedMs = Date.now();
    world.desk.put(sampleView({ resource: 'fresh_one' }));
    await page.getByText('fresh_one').waitFor();

    expect(Date.now() - startedMs).toBeLessThan(1000);
    expect(await page.title()).toBe('(2) Approvals · Countersign');
    expect(await focused()).toContain('earlier');
    await eventually(async () =>
      expect(await page.locator('#announcer').textContent()).toBe('One new request'),
    );
  });

  test('when somebody else decides while a reason is being written, then the page turns; before that the words stay', async () => {
    const group = { id: demoGroups['orders-owners'], name: 'orders-owners' };
    const sets = [{ groups: [group], quorum: 2, signed: 0, isEscalation: false }];
    const view = sampleView({ sets });
    world.desk.put(view);
    await signIn('approver', `/approvals/${view.id}`);
    await live();
    await page.keyboard.press('d');
    await page.keyboard.type('half a rea');

    world.desk.put({ ...view, sets: sets.map((set) => ({ ...set, signed: 1 })) });
    await page.locator('#decide').getByText('1 of 2 signed').waitFor();
    await page.keyboard.type('son');
    expect(await page.getByLabel('Reason to deny').inputValue()).toBe('half a reason');

    const at = new Date();
    const voter = {
      tenantId: demoTenant,
      objectId: demoIdentities.approver2.oid,
      displayName: 'Paul Approver',
    };
    world.desk.put({
      ...view,
      state: 'refused',
      decision: { by: [voter], at, reason: 'too much' },
    });
    await page.locator('#outcome').getByText('Denied by Paul Approver').waitFor();
    expect(await page.getByLabel('Reason to deny').count()).toBe(0);
    expect(await page.title()).toContain('Denied');
    await picture(page, 'decided-by-another');
  });

  test('when two pages are open, then one stream serves both, and the other takes over when it is closed', async () => {
    await signIn('approver');
    await live();
    const streams: string[] = [];
    const second = await context.newPage();
    second.on('request', (request) => {
      if (request.url().includes('/approvals/events')) streams.push(request.url());
    });
    await second.goto(`${world.origin}/approvals`);
    await second.locator('.live[data-state=live]').waitFor();

    world.desk.put(sampleView({ resource: 'for_both' }));
    await Promise.all([
      page.getByText('for_both').waitFor(),
      second.getByText('for_both').waitFor(),
    ]);
    expect(streams).toEqual([]);
    await page.close();
    await eventually(() => expect(streams).toHaveLength(1));
    world.desk.put(sampleView({ resource: 'after_that' }));

    await second.getByText('after_that').waitFor();
  });

  test('when the service restarts, then the page says so, comes back, and has missed nothing', async () => {
    await signIn('approver');
    await live();
    const states: (string | null)[] = [];
    const note = setInterval(() => {
      page
        .locator('#live')
        .getAttribute('data-state')
        .then(
          (state) => states.push(state),
          () => undefined,
        );
    }, 20);

    await world.restart();
    world.desk.put(sampleView({ resource: 'meanwhile' }));

    await page.getByText('meanwhile').waitFor();
    await live();
    clearInterval(note);
    expect(states).toContain('reconnecting');
  });

  test('when the session ends elsewhere, then the page says that somebody has to sign in', async () => {
    await signIn('approver');
    await live();

    await world.sql('delete from page_session');
    world.desk.put(sampleView());

    await page.getByText('Signed out: reload to sign in').waitFor();
  });
});

describe('hostile text in the browser', () => {
  const hostile =
    '<img src="https://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script>' +
    '[link](javascript:alert(3)) \u202Egnp.exe\u200B {{DATE(2026-01-01)}} <form action="https://evil.example"><input autofocus>';

  test('when a request is made of it, then nothing runs, nothing leaves, and what was hidden is seen', async () => {
    const id = world.desk.put(
      sampleView({
        resource: hostile,
        server: hostile,
        justification: hostile,
        maskedArguments: JSON.stringify({ note: hostile, '\u202Ekey': [hostile] }),
        risk: { level: 'high', reasons: [hostile] },
        client: { name: hostile, version: hostile },
      }),
    );
    await signIn('approver');
    await live();
    await page.getByText('\\u{202e}').first().waitFor();
    await page.goto(`${world.origin}/approvals/${id}`);
    await live();
    world.desk.put(
      sampleView({
        ...(await world.desk.publicView(id)),
        risk: { level: 'low', reasons: [hostile, 'more'] },
      }),
    );
    await page.getByText('more', { exact: true }).waitFor();

    expect(await page.locator('main img, main script, main form[action^=https]').count()).toBe(0);
    expect(await page.locator('.arguments').textContent()).toContain('\\u{202e}');
    expect(await page.locator('main').textContent()).not.toMatch(/[\u202E\u200B]/);
    await picture(page, 'hostile');
  });
});

describe('for everybody', () => {
  const scope = {
    server: 'orders',
    resources: ['refund_order'],
    when: 'args.amount < 300.0',
    calls: 5,
  };
  const rich = () =>
    sampleView({
      grantOffer: { scope, maxSeconds: 3600 },
      drift: { lastApprovedAt: new Date(Date.now() - 86_400_000) },
      risk: {
        level: 'high',
        reasons: ['the tool says that it destroys data', 'the first time in production'],
      },
      similar: [
        {
          approvalId: '0b8f6a1e-2222-4333-8444-555555555555',
          outcome: 'refused',
          requester: 'Emil Engineer',
          decidedBy: 'Paul Approver',
          decidedAt: new Date(Date.now() - 3_600_000),
          reason: 'no ticket',
        },
      ],
    });

  const looks = [
    { name: 'light', colorScheme: 'light', forcedColors: 'none' },
    { name: 'dark', colorScheme: 'dark', forcedColors: 'none' },
    { name: 'high-contrast', colorScheme: 'dark', forcedColors: 'active' },
  ] as const;

  test.each(looks)(
    'when the pages are looked at in $name, then axe finds nothing',
    async ({ name, ...look }) => {
      await reopen({ bypassCSP: true, ...look });
      const id = world.desk.put(rich());
      world.desk.put(
        sampleView({ state: 'used', resource: 'lookup_customer', justification: null }),
      );
      const decided = world.desk.put(
        sampleView({
          state: 'refused',
          decision: { by: [sampleView().requester], at: new Date(), reason: 'no ticket' },
        }),
      );
      const found: Record<string, unknown> = {};
      const look1 = async (what: string) => {
        found[what] = (await accessibilityOf(page)).violations;
        await picture(page, `${what}-${name}`);
      };

      await page.goto(`${world.origin}/approvals`);
      await look1('sign-in');
      await page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
      await look1('entra');
      await page.getByRole('link', { name: 'Petra Approver' }).click();
      await live();
      await look1('inbox');
      await page.goto(`${world.origin}/approvals/${id}`);
      await live();
      await page.getByText('Approve for a while').click();
      await look1('detail');
      await page.keyboard.press('Escape');
      await page.locator('h1').click();
      await page.keyboard.press('a');
      await look1('confirm');
      await page.goto(`${world.origin}/approvals/${decided}`);
      await look1('decided');
      await page.goto(`${world.origin}/approvals/no/such/page`);
      await look1('error');
      world.desk.clear();
      await page.goto(`${world.origin}/approvals?show=open`);
      await look1('empty');

      expect(found).toEqual(Object.fromEntries(Object.keys(found).map((key) => [key, []])));
    },
  );

  test.each([
    ['phone', 360, 740],
    // 1280 pixels at 400 per cent.
    ['zoom', 320, 256],
  ])(
    'when the window is as small as with %s, then nothing is cut off and targets are large enough',
    async (name, width, height) => {
      await reopen({ viewport: { width, height } });
      const id = world.desk.put(rich());
      await signIn('approver');
      for (const [what, path] of [
        ['inbox', '/approvals'],
        ['detail', `/approvals/${id}`],
      ] as const) {
        await page.goto(`${world.origin}${path}`);
        await live();
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        const small = await page.evaluate<string[]>(
          `[...document.querySelectorAll('button, summary, select, input:not([type=hidden]), .filters a')]
          .filter((each) => each.checkVisibility())
          .filter((each) => { const box = each.getBoundingClientRect(); return box.height < 24 || box.width < 24; })
          .map((each) => each.outerHTML)`,
        );
        expect(overflow).toBe(0);
        expect(small).toEqual([]);
        await picture(page, `${what}-${name}`);
      }
    },
  );
});
