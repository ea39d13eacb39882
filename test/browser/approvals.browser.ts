import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DemoIdentityName } from '../../demo/entra/identities.js';
import { eventually } from '../stack/http.js';
import { accessibilityOf } from './accessibility.js';
import { figure, guidePicture, launchChromium, picture } from './browser.js';
import { PageWindow } from './page-window.js';
import { type PeopleWorld, startPeopleWorld, type Told } from './people-world.js';
import { channel, TeamsWindow } from './teams-window.js';

let world: PeopleWorld;
let browser: Browser;
let opened: (PageWindow | TeamsWindow)[] = [];

beforeAll(async () => {
  world = await startPeopleWorld();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});
afterEach(async () => {
  const all = opened;
  opened = [];
  for (const each of all) await each.close();
  expect(all.flatMap(({ watched }) => watched.faults)).toEqual([]);
  expect(all.flatMap(({ watched }) => watched.foreign)).toEqual([]);
});

type Options = Parameters<Browser['newContext']>[0];

/** The page on a browser of its own, closed after the test. */
async function page(options?: Options): Promise<PageWindow> {
  const window = await PageWindow.open(browser, world, options);
  opened.push(window);
  return window;
}

async function signedIn(
  who: DemoIdentityName,
  path?: string,
  options?: Options,
): Promise<PageWindow> {
  const window = await page(options);
  await window.signIn(who, path);
  return window;
}

async function teamsOf(who: DemoIdentityName): Promise<TeamsWindow> {
  const window = await TeamsWindow.open(browser, world.teams, who);
  opened.push(window);
  return window;
}

const refund = async (order: string, amount = 25, justification?: string): Promise<Told> =>
  world.call('analyst', {
    tool: 'refund_order',
    arguments: { order, amount },
    ...(justification === undefined ? {} : { justification }),
  });

const paid = (order: string, amount = 25): Told => ({
  isError: false,
  text: `Order ${order}: ${amount} EUR paid back.`,
});

/** Asks for a refund and gives the path of its approval besides. */
async function waitingRefund(...asked: Parameters<typeof refund>) {
  const told = refund(...asked);
  const id = await world.waiting(asked[0]);
  return { told, id, path: `/approvals/${id}` };
}

async function deny(id: string, reason = 'done here'): Promise<void> {
  const decision = { decision: 'refuse', reason };
  const { status } = await world.rest('approver', `/v1/approvals/${id}/decision`, decision);
  expect(status).toBe(200);
}

/** Presses Tab until something with these words has the focus. */
async function tabTo(shown: Page, words: string): Promise<void> {
  for (let each = 0; each < 60; each += 1) {
    await shown.keyboard.press('Tab');
    const focused = await shown.evaluate<string>('document.activeElement.textContent');
    if (focused.includes(words)) return;
  }
  throw new Error(`the Tab key never came to “${words}”`);
}

describe('live', () => {
  test('when real calls wait, then each is in the inbox and counted in the title within a second', async () => {
    const petra = await signedIn('approver');
    const times: number[] = [];
    const asked: { id: string; told: Promise<Told> }[] = [];

    for (const order of ['A-2001', 'A-2002', 'A-2003', 'A-2004', 'A-2005']) {
      const startedMs = performance.now();
      const told = refund(order, 25, 'Customer was charged twice');
      await petra.appears(order);
      times.push(Math.round(performance.now() - startedMs));
      asked.push({ id: await world.waiting(order), told });
    }

    expect(await petra.page.title()).toBe('(5) Approvals · Countersign');
    figure('page: call to row in the inbox, ms', times);
    // The first call also connects its client and reads the list of tools.
    expect(Math.max(...times.slice(1))).toBeLessThan(1000);
    for (const { id, told } of asked) {
      await deny(id);
      await told;
    }
    await eventually(async () => expect(await petra.page.title()).toBe('Approvals · Countersign'));
  });

  test('when somebody presses in Teams, then the page turns; when somebody presses on the page, then Teams turns', async () => {
    const first = await waitingRefund('A-2011');
    const petra = await signedIn('approver', first.path);
    const paul = await teamsOf('approver2');
    await paul.says(channel, 'A-2011', 'Approval needed');

    const startedMs = performance.now();
    await paul.press(channel, 'A-2011', 'Approve once');
    await petra.appears('Approved and run by Paul Approver');
    figure('page: press in Teams to page turned, ms', Math.round(performance.now() - startedMs));
    expect(await first.told).toEqual(paid('A-2011'));
    expect(await petra.page.locator('#approve-button').count()).toBe(0);

    const second = await waitingRefund('A-2012');
    await paul.says('Paul Approver', 'A-2012', 'Approval needed');
    await petra.page.goto(`${world.origin}${second.path}`);
    await petra.page.getByRole('button', { name: 'Approve once' }).click();
    expect(await second.told).toEqual(paid('A-2012'));
    await paul.says('Paul Approver', 'A-2012', 'Approved');
    await paul.says(channel, 'A-2012', 'Approved');
    expect(await paul.card(channel, 'A-2012').locator('button').count()).toBe(0);
  });
});

describe('by keyboard alone', () => {
  test('when an owner signs in, opens what waits and approves it, then the call runs', async () => {
    const { told } = await waitingRefund('A-2021', 60, 'Parcel came back');
    const { page: shown } = await page();
    await shown.goto(`${world.origin}/approvals`);
    await tabTo(shown, 'Sign in with Microsoft');
    await shown.keyboard.press('Enter');
    await shown.getByRole('heading', { name: 'Choose who you are' }).waitFor();
    await tabTo(shown, 'Petra Approver');
    await shown.keyboard.press('Enter');
    await shown.locator('.row', { hasText: 'A-2021' }).waitFor();

    await shown.keyboard.press('j');
    await shown.keyboard.press('Enter');
    await shown.getByRole('heading', { name: 'Your decision' }).waitFor();
    await shown.keyboard.press('a');
    await shown.getByRole('heading', { name: 'Approve once?' }).waitFor();
    expect(world.executed('A-2021')).toEqual([]);
    await shown.keyboard.press('Enter');

    expect(await told).toEqual(paid('A-2021', 60));
    await shown.locator('#outcome', { hasText: 'You approved this' }).waitFor();
    expect(world.executed('A-2021')).toHaveLength(1);
    await shown.keyboard.press('u');
    await shown.waitForURL(`${world.origin}/approvals`);
  });

  test('when an owner denies, then the reason is asked for, and the caller learns it', async () => {
    const { told } = await waitingRefund('A-2022');
    const { page: shown } = await signedIn('approver');

    await shown.keyboard.press('j');
    await shown.keyboard.press('Enter');
    await shown.getByRole('heading', { name: 'Your decision' }).waitFor();
    await shown.keyboard.press('d');
    await shown.keyboard.type('No receipt is attached');
    await shown.keyboard.press('Tab');
    await shown.keyboard.press('Enter');

    const { isError, text } = await told;
    expect(isError).toBe(true);
    expect(text).toContain('Petra Approver: No receipt is attached');
    await shown.locator('#outcome', { hasText: 'You denied this' }).waitFor();
    expect(world.executed('A-2022')).toEqual([]);
  });
});

describe('the requester', () => {
  test('when a reason is required, then they give it on the page, and only then somebody can approve', async () => {
    const { path, told } = await waitingRefund('J-2031');
    const petra = await signedIn('approver', path);
    await petra.says('You can approve as soon as the requester');
    const ana = await signedIn('analyst');
    await ana.says('You asked for this');

    await ana.page.locator('.row', { hasText: 'J-2031' }).click();
    await ana.page.getByLabel('Why you need it').fill('Customer was charged twice, ticket 4711');
    await picture(ana.page, 'page-requester');
    await ana.page.getByRole('button', { name: 'Give this reason' }).click();

    await petra.says('Customer was charged twice, ticket 4711');
    await petra.page.getByRole('button', { name: 'Approve once' }).click();
    expect(await told).toEqual(paid('J-2031'));
    await ana.says('Approved and run by Petra Approver');
  });

  test('when they withdraw, then the caller is told, owners see it, and nobody can approve', async () => {
    const { path, told } = await waitingRefund('A-2032');
    const petra = await signedIn('approver', path);
    const teams = await teamsOf('approver');
    await teams.says(channel, 'A-2032', 'Approval needed');
    const ana = await signedIn('analyst', path);

    await ana.page.getByRole('button', { name: 'Withdraw the request' }).click();

    expect((await told).isError).toBe(true);
    await petra.says('Withdrawn by Ana Analyst');
    expect(await petra.page.locator('#approve-button').count()).toBe(0);
    await teams.says(channel, 'A-2032', 'Withdrawn by the requester');
    expect(world.executed('A-2032')).toEqual([]);
  });

  test('when somebody is neither asked nor the requester, then they see nothing of it', async () => {
    const { id, path, told } = await waitingRefund('A-2033');
    const emil = await signedIn('engineer');

    expect(await emil.page.getByText('A-2033').count()).toBe(0);
    await emil.page.goto(`${world.origin}${path}`);

    await emil.says('There is no such approval, or it is not for you.');
    await deny(id);
    await told;
  });
});

describe('races', () => {
  test('when somebody presses on a page that is out of date, then they see that it was too late, and who decided', async () => {
    const { path, told } = await waitingRefund('A-2041');
    // Without script a page stays as it was when it was opened.
    const paul = await page({ javaScriptEnabled: false });
    await paul.page.goto(`${world.origin}${path}`);
    await paul.page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
    await paul.page.getByRole('link', { name: 'Paul Approver' }).click();
    await paul.page.getByRole('heading', { name: 'Your decision' }).waitFor();
    const petra = await signedIn('approver', path);

    await petra.page.getByRole('button', { name: 'Approve once' }).click();
    expect(await told).toEqual(paid('A-2041'));
    await paul.page.getByRole('button', { name: 'Approve once' }).click();

    await paul.says('Too late: your press changed nothing.');
    await paul.says('Approved and run by Petra Approver');
    expect(world.executed('A-2041')).toHaveLength(1);
    await picture(paul.page, 'page-too-late');
  });

  test('when two owners press in the same moment, then one decided, and both read who', async () => {
    const { path, told } = await waitingRefund('A-2042');
    const windows = [await signedIn('approver', path), await signedIn('approver2', path)];

    await Promise.all(
      windows.map(async (each) => each.page.getByRole('button', { name: 'Approve once' }).click()),
    );

    expect(await told).toEqual(paid('A-2042'));
    const words = await eventually(async () => {
      const all = await Promise.all(
        windows.map(async (each) => each.page.locator('#outcome').innerText()),
      );
      expect(all.filter((each) => each.includes('You approved this'))).toHaveLength(1);
      expect(all.filter((each) => /Approved.* by P\w+ Approver/.test(each))).toHaveLength(1);
      return all;
    });
    expect(words).toHaveLength(2);
    expect(world.executed('A-2042')).toHaveLength(1);
  });
});

describe('for everybody', () => {
  /** Everything that a page can show, from real calls. */
  interface Shown {
    readonly pending: string;
    readonly oneOfTwo: string;
    readonly unreasoned: string;
    readonly grant: string;
    readonly unreviewed: string;
    readonly approved: string;
    readonly denied: string;
    readonly withdrawn: string;
    readonly expired: string;
  }
  let shown: Shown;
  const ended: Promise<Told>[] = [];

  beforeAll(async () => {
    const press = async (who: DemoIdentityName, id: string, noun: string, body: object) => {
      const { status } = await world.rest(who, `/v1/approvals/${id}/${noun}`, body);
      expect(status).toBe(200);
    };
    const decided = async (order: string, noun: 'decision' | 'withdrawal', body: object) => {
      const { id, told } = await waitingRefund(order, 80, 'Parcel came back');
      await press(noun === 'decision' ? 'approver' : 'analyst', id, noun, body);
      await told;
      return id;
    };
    const approved = await decided('A-2101', 'decision', {
      decision: 'approve',
      reason: 'checked',
    });
    const denied = await decided('A-2102', 'decision', {
      decision: 'refuse',
      reason: 'no receipt',
    });
    const withdrawn = await decided('A-2103', 'withdrawal', {});
    const late = await waitingRefund('H-2104');
    await late.told;
    const open = async (order: string, amount = 125.5, justification?: string) => {
      const { id, told } = await waitingRefund(order, amount, justification);
      ended.push(told);
      return id;
    };
    const reason = 'Customer was charged twice, ticket 4711';
    const oneOfTwo = await open('A-2105', 900, 'Whole order lost in transit');
    await press('approver2', oneOfTwo, 'decision', { decision: 'approve', reason: '' });
    const unreasoned = await open('J-2106');
    const removal = {
      tool: 'delete_customer',
      arguments: { id: 'T-2107' },
      justification: 'Left over from the load test',
    } as const;
    ended.push(world.call('engineer', removal));
    const grant = await world.waiting('T-2107');
    await world.breakGlass('engineer', {
      tool: 'refund_order',
      arguments: { order: 'B-2108', amount: 40 },
      justification: 'Payment provider is down – customers wait',
    });
    const pending = await open('A-2109', 125.5, reason);
    const unreviewed = await eventually(async () => {
      const { body } = await world.rest('approver', '/v1/approvals?status=unreviewed');
      const found = /"id":"([\w-]{36})"/.exec(JSON.stringify(body))?.[1];
      if (found === undefined) throw new Error('nothing is to be reviewed');
      return found;
    });
    const expired = late.id;
    const waiting = { pending, oneOfTwo, unreasoned, grant, unreviewed };
    shown = { ...waiting, approved, denied, withdrawn, expired };
  });
  afterAll(async () => {
    for (const id of [shown.pending, shown.oneOfTwo, shown.unreasoned, shown.grant]) {
      await deny(id);
    }
    await Promise.all(ended);
  });

  test.each(['light', 'dark'] as const)(
    'when every screen is looked at in %s, then axe finds nothing',
    async (colorScheme) => {
      const guided = { light: 'grant', dark: 'pending' };
      const broken: Record<string, readonly string[]> = {};
      const passes: number[] = [];
      const look = async ({ page: at }: PageWindow, name: string) => {
        const found = await accessibilityOf(at);
        broken[name] = found.violations;
        passes.push(found.passes);
        await picture(at, `page-${name}-${colorScheme}`);
      };
      // The checking script is none of the page's own; the content policy is watched by every other journey.
      const petra = await page({ bypassCSP: true, colorScheme });
      const at = petra.page;
      const go = async (path: string) => {
        await at.goto(`${world.origin}${path}`);
        await petra.live();
      };

      await at.goto(`${world.origin}/approvals`);
      await look(petra, 'sign-in');
      await at.getByRole('link', { name: 'Sign in with Microsoft' }).click();
      await look(petra, 'entra');
      await at.getByRole('link', { name: 'Petra Approver' }).click();
      await petra.live();
      await look(petra, 'inbox');
      await go('/approvals?show=open');
      await look(petra, 'inbox-waiting');
      if (colorScheme === 'light') await guidePicture(at, 'approvals-inbox');
      await go('/approvals?show=decided');
      await look(petra, 'inbox-decided');
      await go('/approvals?server=unknown');
      await look(petra, 'inbox-empty');
      for (const [name, id] of Object.entries(shown)) {
        await go(`/approvals/${id}`);
        if (name === 'grant') await at.getByText('Approve for a while').click();
        await look(petra, `detail-${name}`);
        if (name === guided[colorScheme])
          await guidePicture(at, colorScheme === 'light' ? 'approvals-detail' : 'approvals-dark');
      }
      await go(`/approvals/${shown.pending}`);
      await at.keyboard.press('a');
      await look(petra, 'confirm');
      await at.keyboard.press('Escape');
      await at.keyboard.press('?');
      await look(petra, 'help');
      await at.keyboard.press('Escape');
      await at.locator('.me summary').click();
      await look(petra, 'menu');
      await at.goto(`${world.origin}/approvals/no/such/page`);
      await look(petra, 'error');
      const ana = await signedIn('analyst', `/approvals/${shown.unreasoned}`, {
        bypassCSP: true,
        colorScheme,
      });
      await look(ana, 'requester');
      await ana.page.locator('.me summary').click();
      await ana.page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await ana.page.getByRole('heading', { name: 'You are signed out' }).waitFor();
      await look(ana, 'signed-out');

      const screens = Object.keys(broken);
      expect(broken).toEqual(Object.fromEntries(screens.map((each) => [each, []])));
      figure(`axe, ${colorScheme}`, {
        screens: screens.length,
        violations: 0,
        'rules passed on a screen, at least': Math.min(...passes),
        'rules passed on all screens together': passes.reduce((sum, each) => sum + each, 0),
      });
    },
  );

  test('when it is read on a phone, then nothing is cut off, targets are large enough, and a tap approves', async () => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
    const { told } = await waitingRefund('A-2201', 60, 'Parcel came back');
    const petra = await signedIn('approver', '/approvals', phone);
    const at = petra.page;
    const fits = async () => {
      const overflow =
        'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await at.evaluate<number>(overflow)).toBe(0);
      const targets =
        '[...document.querySelectorAll("button, summary, select, input:not([type=hidden]), .filters a")]' +
        '.filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect())' +
        '.filter(({ height, width }) => height < 24 || width < 24).length';
      expect(await at.evaluate<number>(targets)).toBe(0);
    };
    await fits();
    await picture(at, 'page-phone-inbox');

    await at.locator('.row', { hasText: 'A-2201' }).tap();
    await at.getByRole('heading', { name: 'Your decision' }).waitFor();
    await fits();
    await picture(at, 'page-phone-detail');
    await at.setViewportSize({ width: 390, height: 1180 });
    await guidePicture(at, 'approvals-phone');
    await at.getByRole('button', { name: 'Approve once' }).tap();

    expect(await told).toEqual(paid('A-2201', 60));
    await petra.says('You approved this');
    await fits();
  });

  test('when a call ran on break-glass, then an owner reviews it on the page, and Teams turns', async () => {
    const teams = await teamsOf('approver');
    await teams.says(channel, 'B-2108', 'Ran at once on break-glass; please review');
    const petra = await signedIn('approver', `/approvals/${shown.unreviewed}`);

    await petra.page.getByLabel('What the review found').fill('Was the right thing to do');
    await petra.page.getByRole('button', { name: 'Mark as reviewed' }).click();

    await petra.says('You reviewed this');
    await teams.says(channel, 'B-2108', 'Ran on break-glass; reviewed');
  });
});

describe('hostile text', () => {
  test('when a real call is made of it, then nothing runs, nothing leaves, what was hidden is seen, and what runs is what was asked', async () => {
    const hostile =
      '<img src="https://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script>' +
      '\u202Egnp.exe\u200B <form action="https://evil.example"><input autofocus></form>';
    const order = `X-2301 ${hostile}`;
    const told = refund(order, 1, hostile);
    const path = `/approvals/${await world.waiting('X-2301')}`;
    const petra = await signedIn('approver');
    await petra.page.locator('.row', { hasText: 'X-2301' }).waitFor();
    await petra.page.goto(`${world.origin}${path}`);
    await petra.live();

    const active = 'main img, main script, main form[action^=https], main input[autofocus]';
    expect(await petra.page.locator(active).count()).toBe(0);
    const text = await petra.page.locator('main').innerText();
    expect(text).toContain('\\u{202e}gnp.exe\\u{200b}');
    expect(text).not.toMatch(/[\u202E\u200B]/);
    await picture(petra.page, 'page-hostile');
    await petra.page.getByRole('button', { name: 'Approve once' }).click();

    expect((await told).isError).toBe(false);
    expect(world.executed(order).map((each) => each.arguments)).toEqual([{ order, amount: 1 }]);
  });
});
