import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoIdentities } from '../../demo/entra/identities.js';
import type { RoomMessage } from '../../demo/teams/rooms.js';
import { eventually } from '../stack/http.js';
import { figure, guidePicture, launchChromium, picture } from './browser.js';
import { type PeopleWorld, startPeopleWorld, type Told } from './people-world.js';
import { channel, TeamsWindow } from './teams-window.js';

const refusedSchema = z.object({
  events: z.array(
    z.object({
      event: z.object({
        data: z.object({
          approvalId: z.string().nullable(),
          objectId: z.string().nullable(),
          code: z.string(),
          channel: z.string(),
        }),
      }),
    }),
  ),
});

let world: PeopleWorld;
let browser: Browser;
/** Owners of orders. */
let petra: TeamsWindow;
let paul: TeamsWindow;
/** Asks for refunds. */
let ana: TeamsWindow;
/** On call. */
let emil: TeamsWindow;
/** Leads the owners. */
let lena: TeamsWindow;

const windows = () => [petra, paul, ana, emil, lena];

beforeAll(async () => {
  world = await startPeopleWorld();
  browser = await launchChromium();
  const open = async (who: Parameters<typeof TeamsWindow.open>[2]) =>
    TeamsWindow.open(browser, world.teams, who);
  petra = await open('approver');
  paul = await open('approver2');
  ana = await open('analyst');
  emil = await open('engineer');
  lena = await open('lead');
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});
afterEach(() => {
  expect(windows().flatMap(({ watched }) => watched.faults)).toEqual([]);
  expect(windows().flatMap(({ watched }) => watched.foreign)).toEqual([]);
});

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

/** Where owners see a card: the channel, on both screens, and their own chats. */
const copies = (): readonly (readonly [TeamsWindow, string])[] => [
  [petra, channel],
  [paul, channel],
  [petra, 'Petra Approver'],
  [paul, 'Paul Approver'],
];

async function allSay(order: string, banner: string): Promise<void> {
  for (const [window, conversation] of copies()) await window.says(conversation, order, banner);
}

async function nobodyCanPress(order: string): Promise<void> {
  for (const [window, conversation] of copies()) {
    expect(await window.card(conversation, order).locator('button, textarea').count()).toBe(0);
  }
}

/** The message of the bot, as the stand-in keeps it. */
function messageOf(order: string, roomName = channel): RoomMessage {
  const room = world.teams.rooms.all().find(({ name }) => name === roomName);
  const found = world.teams.rooms
    .messages(room?.id)
    .find(({ card }) => JSON.stringify(card).includes(order));
  if (found === undefined) throw new Error(`no card for ${order} in ${roomName}`);
  return found;
}

describe('approve', () => {
  test('when an owner approves in one place, then every copy turns, the requester is told, and the call runs once', async () => {
    const told = refund('A-1042', 125.5, 'Customer was charged twice, ticket 4711');
    await allSay('A-1042', 'Approval needed');
    const waiting = await ana.says('Ana Analyst', 'A-1042', 'Waiting for approval');
    expect(await waiting.locator('button, textarea').count()).toBe(0);
    expect(world.executed('A-1042')).toEqual([]);
    await guidePicture(petra.card(channel, 'A-1042').locator('.card'), 'teams-card-pending');
    await picture(waiting.locator('.card'), 'teams-requester-waiting');
    await picture(petra.page, 'teams-pending');

    await petra.press('Petra Approver', 'A-1042', 'Approve once');

    expect(await told).toEqual(paid('A-1042', 125.5));
    await allSay('A-1042', 'Approved');
    await nobodyCanPress('A-1042');
    const outcome = await ana.says('Ana Analyst', 'A-1042', 'Approved');
    expect(await outcome.textContent()).toContain('By: Petra Approver');
    expect(world.executed('A-1042')).toHaveLength(1);
    await guidePicture(petra.card(channel, 'A-1042').locator('.card'), 'teams-card-approved');
    await guidePicture(outcome.locator('.card'), 'teams-requester');
  });

  test('when the button is pressed twice and the press is sent five times more, then it is one decision and one call', async () => {
    const told = refund('A-1043');
    await petra.says(channel, 'A-1043', 'Approval needed');
    const press = { message: messageOf('A-1043'), by: 'approver', verb: 'approve' };
    const activity = world.teams.activity(press);

    await petra.card(channel, 'A-1043').getByRole('button', { name: 'Approve once' }).dblclick();
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => world.teams.send(activity)),
    );

    expect(await told).toEqual(paid('A-1043'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await allSay('A-1043', 'Approved');
    expect(world.executed('A-1043')).toHaveLength(1);
  });

  test('when two owners have to sign, then the first signature shows and runs nothing, and the second runs the call', async () => {
    const told = refund('A-1044', 900);
    const [first, second] = [petra, paul];
    await allSay('A-1044', 'Approval needed');

    await first.press(channel, 'A-1044', 'Approve once');
    for (const [window, conversation] of copies()) {
      await window.card(conversation, 'A-1044').getByText('1 of 2 signed').waitFor();
    }
    await first.press(channel, 'A-1044', 'Approve once');
    await first.toast('You have signed already; the request waits for others.');
    expect(world.executed('A-1044')).toEqual([]);
    await picture(second.card(channel, 'A-1044').locator('.card'), 'teams-card-one-of-two');
    await second.press('Paul Approver', 'A-1044', 'Approve once');

    expect(await told).toEqual(paid('A-1044', 900));
    await allSay('A-1044', 'Approved');
    const card = await first.card(channel, 'A-1044').textContent();
    expect(card).toContain('By: Petra Approver, Paul Approver');
    expect(world.executed('A-1044')).toHaveLength(1);
  });

  test('when an owner approves for a time, then the scope was shown, and the next call needs nobody', async () => {
    const remove = async (id: string) =>
      world.call('engineer', { tool: 'delete_customer', arguments: { id } });
    const told = remove('T-90');
    await allSay('T-90', 'Approval needed');
    const text = await petra.card(channel, 'T-90').innerText();
    expect(text).toContain(
      'Approve for 30 minutes: Emil Engineer may call this again without asking',
    );
    expect(text).toMatch(
      /Exactly: delete_customer\s+On: orders\s+With: any arguments\s+How often: at most 20 calls/,
    );
    await picture(petra.card(channel, 'T-90').locator('.card'), 'teams-card-grant');

    await petra.press(channel, 'T-90', 'Approve for 30 minutes');
    expect(await told).toEqual({ isError: false, text: 'Customer T-90 deleted.' });
    await allSay('T-90', 'Approved');
    expect(await paul.card(channel, 'T-90').innerText()).toContain('Until: ');

    expect(await remove('T-91')).toEqual({ isError: false, text: 'Customer T-91 deleted.' });
    // A card that comes later shows that one for this call would have come by now.
    const later = refund('A-1045');
    await petra.says(channel, 'A-1045', 'Approval needed');
    expect(await petra.card(channel, 'T-91').count()).toBe(0);
    await petra.press(channel, 'A-1045', 'Approve once');
    expect(await later).toEqual(paid('A-1045'));
  });
});

describe('deny', () => {
  test('when the reason is missing, then a line says so and the call waits; with it, the caller learns it', async () => {
    const told = refund('A-1050');
    await allSay('A-1050', 'Approval needed');

    await paul.press(channel, 'A-1050', 'Deny');
    await paul.toast('To deny, write the reason first. The request is still pending.');
    await paul.says(channel, 'A-1050', 'Approval needed');
    await picture(paul.page, 'teams-deny-without-reason');
    const card = paul.card(channel, 'A-1050');
    await card.getByRole('textbox').fill('No receipt is attached');
    await paul.press(channel, 'A-1050', 'Deny');

    const { isError, text } = await told;
    expect(isError).toBe(true);
    expect(text).toContain('Paul Approver: No receipt is attached');
    await allSay('A-1050', 'Denied');
    await nobodyCanPress('A-1050');
    const own = await ana.says('Ana Analyst', 'A-1050', 'Denied');
    expect(await own.innerText()).toContain('Note: No receipt is attached');
    expect(world.executed('A-1050')).toEqual([]);
    await picture(paul.card(channel, 'A-1050').locator('.card'), 'teams-card-denied');
  });
});

describe('who may not', () => {
  test.each([
    {
      who: 'somebody of another group',
      window: () => emil,
      words: 'You are in none of the groups that are asked.',
      // To somebody who is not asked the desk says that there is nothing.
      code: 'APPROVAL_NOT_FOUND',
      oid: demoIdentities.engineer.oid,
      order: 'A-1061',
    },
    {
      who: 'the requester',
      window: () => ana,
      words: 'Nobody signs their own request.',
      code: 'APPROVER_IS_REQUESTER',
      oid: demoIdentities.analyst.oid,
      order: 'A-1062',
    },
  ])(
    'when $who presses, then a line says why, nothing changes, and it is on record',
    async (each) => {
      const { code, oid, order, window, words } = each;
      const told = refund(order);
      await window().says(channel, order, 'Approval needed');

      await window().press(channel, order, 'Approve once');
      await window().toast(words);

      await allSay(order, 'Approval needed');
      expect(world.executed(order)).toEqual([]);
      const id = await world.waiting(order);
      await eventually(async () => {
        const query = 'type=countersign.press.refused.v1&limit=500';
        const { body } = await world.rest('auditor', `/v1/events?${query}`);
        const presses = refusedSchema.parse(body).events.map(({ event }) => event.data);
        expect(presses).toContainEqual({ approvalId: id, objectId: oid, code, channel: 'teams' });
      });
      await petra.press(channel, order, 'Approve once');
      expect(await told).toEqual(paid(order));
    },
  );
});

describe('races', () => {
  test('when two owners approve in the same moment, then it is one decision, and both see the same final card', async () => {
    const told = refund('A-1070');
    await allSay('A-1070', 'Approval needed');

    await Promise.all([
      petra.press(channel, 'A-1070', 'Approve once'),
      paul.press('Paul Approver', 'A-1070', 'Approve once'),
    ]);

    expect(await told).toEqual(paid('A-1070'));
    await allSay('A-1070', 'Approved');
    await nobodyCanPress('A-1070');
    expect(world.executed('A-1070')).toHaveLength(1);
  });

  test('when one approves while another denies, then what the caller is told and what all see is one and the same', async () => {
    const told = refund('A-1071');
    await allSay('A-1071', 'Approval needed');
    await paul.card(channel, 'A-1071').getByRole('textbox').fill('Too much');

    await Promise.all([
      paul.press(channel, 'A-1071', 'Deny'),
      petra.press(channel, 'A-1071', 'Approve once'),
    ]);

    const { isError } = await told;
    await allSay('A-1071', isError ? 'Denied' : 'Approved');
    expect(world.executed('A-1071')).toHaveLength(isError ? 0 : 1);
  });
});

describe('time', () => {
  test('when nobody signs in time, then owners are reminded once, the card turns, and a late press approves nothing', async () => {
    const told = refund('H-1080');
    await allSay('H-1080', 'Approval needed');
    const press = { message: messageOf('H-1080'), by: 'approver', verb: 'approve' };
    const late = world.teams.activity(press);

    const { isError, text } = await told;

    expect(isError).toBe(true);
    expect(text).toBe('Nobody signed the call in time.');
    await allSay('H-1080', 'Expired – not approved');
    await nobodyCanPress('H-1080');
    await ana.says('Ana Analyst', 'H-1080', 'Expired – not approved');
    const reminders = petra.page
      .locator(`[data-conversation="${channel}"] .message.reply`, { hasText: 'Still waiting.' })
      .filter({ hasText: 'H-1080' });
    await eventually(async () => expect(await reminders.count()).toBe(1));
    const { body, status } = await world.teams.send(late);
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain('Expired – not approved');
    expect(world.executed('H-1080')).toEqual([]);
  });

  test('when no owner answers for a while, then their lead is asked too, and may sign', async () => {
    const told = refund('L-1081');
    await allSay('L-1081', 'Approval needed');
    await lena.says('Lena Lead', 'L-1081', 'Approval needed');
    await petra.card(channel, 'L-1081').getByText('Asked too, since nobody signed').waitFor();
    await picture(lena.card('Lena Lead', 'L-1081').locator('.card'), 'teams-card-escalated');

    await lena.press('Lena Lead', 'L-1081', 'Approve once');

    expect(await told).toEqual(paid('L-1081'));
    await allSay('L-1081', 'Approved');
    await lena.says('Lena Lead', 'L-1081', 'Approved');
  });

  test('when the requester takes it back, then every copy says so, and nobody can press', async () => {
    const told = refund('A-1082');
    await allSay('A-1082', 'Approval needed');
    const id = await world.waiting('A-1082');

    const { status } = await world.rest('analyst', `/v1/approvals/${id}/withdrawal`, {});

    expect(status).toBe(200);
    expect((await told).isError).toBe(true);
    await allSay('A-1082', 'Withdrawn by the requester');
    await nobodyCanPress('A-1082');
    await ana.says('Ana Analyst', 'A-1082', 'Withdrawn by the requester');
    expect(world.executed('A-1082')).toEqual([]);
  });
});

describe('trouble of the connector', () => {
  test('when updates meet 429, 502 and delays, then decision and call do not wait, and all copies turn in the end', async () => {
    const told = refund('A-1090');
    await allSay('A-1090', 'Approval needed');
    const before = world.teams.calls.length;
    world.teams.failNext(429, { method: 'PUT', retryAfter: '2', times: 2 });
    world.teams.failNext(502, { method: 'PUT' });
    world.teams.delayNext(1500, { method: 'PUT', times: 2 });

    const pressedMs = performance.now();
    await petra.press(channel, 'A-1090', 'Approve once');
    expect(await told).toEqual(paid('A-1090'));
    const toldMs = performance.now() - pressedMs;

    await allSay('A-1090', 'Approved');
    await ana.says('Ana Analyst', 'A-1090', 'Approved');
    figure('teams: press to answer of the call while updates fail, ms', Math.round(toldMs));
    figure(
      'teams: press to all copies turned in spite of it, ms',
      Math.round(performance.now() - pressedMs),
    );
    expect(toldMs).toBeLessThan(2000);
    const updates = world.teams.calls.slice(before).filter(({ method }) => method === 'PUT');
    expect(updates.map(({ status }) => status)).toEqual(
      expect.arrayContaining([429, 429, 502, 200]),
    );
    for (const { at, path } of updates.filter(({ status }) => status === 429)) {
      const next = updates.find((each) => each.path === path && each.at > at);
      expect((next?.at.getTime() ?? 0) - at.getTime()).toBeGreaterThanOrEqual(2000);
    }
  });

  test('when nothing can be posted for a while, then a decision elsewhere runs the call, and cards come late and final', async () => {
    world.teams.failNext(429, { method: 'POST', retryAfter: '2', times: 2 });
    world.teams.failNext(502, { method: 'POST' });
    world.teams.failNext(504, { method: 'POST' });
    const askedMs = performance.now();
    const told = refund('A-1091');
    const id = await world.waiting('A-1091');

    const decision = { decision: 'approve', reason: 'seen on the list' };
    await world.rest('approver', `/v1/approvals/${id}/decision`, decision);

    expect(await told).toEqual(paid('A-1091'));
    expect(performance.now() - askedMs).toBeLessThan(2000);
    await allSay('A-1091', 'Approved');
    await nobodyCanPress('A-1091');
    expect(world.executed('A-1091')).toHaveLength(1);
  });
});

describe('break-glass', () => {
  test('when somebody on call needs no signature, then owners are alerted, and one of them reviews it', async () => {
    const asked = {
      tool: 'refund_order',
      arguments: { order: 'B-1100', amount: 40 },
      justification: 'Payment provider is down – customers wait',
    } as const;

    expect(await world.breakGlass('engineer', asked)).toEqual(paid('B-1100', 40));
    await allSay('B-1100', 'Ran at once on break-glass; please review');
    const own = 'Ran at once on break-glass; a review is pending';
    await emil.says('Emil Engineer', 'B-1100', own);
    await picture(petra.card(channel, 'B-1100').locator('.card'), 'teams-card-break-glass');
    await emil.press(channel, 'B-1100', 'Reviewed');
    await emil.toast('Nobody signs their own request.');
    await petra.card(channel, 'B-1100').getByRole('textbox').fill('Was the right thing to do');
    await petra.press(channel, 'B-1100', 'Reviewed');

    await allSay('B-1100', 'Ran on break-glass; reviewed');
    await nobodyCanPress('B-1100');
    const told = await emil.says('Emil Engineer', 'B-1100', 'Ran on break-glass; reviewed');
    expect(await told.innerText()).toContain('Note: Was the right thing to do');
    expect(world.executed('B-1100')).toHaveLength(1);
  });

  test('when somebody who is not on call says so, then it waits for a signature as ever', async () => {
    const told = world.breakGlass('analyst', {
      tool: 'refund_order',
      arguments: { order: 'B-1101', amount: 40 },
      justification: 'I am in a hurry',
    });

    await allSay('B-1101', 'Approval needed');
    expect(world.executed('B-1101')).toEqual([]);
    await petra.card(channel, 'B-1101').getByRole('textbox').fill('No emergency');
    await petra.press(channel, 'B-1101', 'Deny');

    expect((await told).isError).toBe(true);
  });
});

describe('hostile text', () => {
  const hostile =
    '<img src="https://evil.example/p.png" onerror="alert(1)"><script>alert(2)</script>' +
    '[Approve](https://evil.example) ![x](https://evil.example/q.png) **bold** \n# head\n' +
    '\u202Egnp.exe\u200B {{DATE(2026-11-23T10:00:00Z,SHORT)}}';

  test('when arguments and reason are made of it, then it is text that can be seen, and what runs is what was asked', async () => {
    const order = `X-1110 ${hostile}`;
    const told = refund(order, 1, hostile);
    await allSay('X-1110', 'Approval needed');
    const card = petra.card(channel, 'X-1110').locator('.card');

    const active = 'img, script, iframe, a, strong, em, h1, li';
    expect(await card.locator(active).count()).toBe(0);
    const text = await card.innerText();
    expect(text).toContain('\\u{202e}gnp.exe\\u{200b}');
    expect(text).toContain('{{DATE(2026-11-23T10:00:00Z,SHORT)}}');
    expect(text).not.toMatch(/[\u202E\u200B]/);
    const buttons = await card.getByRole('button').allInnerTexts();
    expect(buttons).toEqual(['Approve once', 'Deny']);
    expect(await card.getByRole('link').allInnerTexts()).toEqual(['Details']);
    await picture(card, 'teams-card-hostile');
    await petra.press(channel, 'X-1110', 'Approve once');

    expect((await told).isError).toBe(false);
    await allSay('X-1110', 'Approved');
    expect(await card.locator(active).count()).toBe(0);
    expect(world.executed(order).map((each) => each.arguments)).toEqual([{ order, amount: 1 }]);
  });
});
