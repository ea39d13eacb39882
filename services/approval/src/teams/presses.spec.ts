import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DataSource } from 'typeorm';
import { GroupsUnavailable } from '#identity';
import { demoIdentities, demoTenant } from '../../../../demo/entra/identities.js';
import { actionsOf, inputsOf, linesOf } from '../../../../demo/teams/card-rules.js';
import { outcomeOf } from '../../../../demo/teams/gateway-sender.js';
import type { RoomMessage } from '../../../../demo/teams/rooms.js';
import { type StandInTeams, startStandInTeams } from '../../../../demo/teams/stand-in-teams.js';
import { type TestDatabase, testDatabase } from '../../../../test/postgres/test-database.js';
import { ApprovalError } from '../approval-error.js';
import {
  appId,
  approvalView,
  OneApprovalDesk,
  type RunningTeams,
  secret,
  startTeams,
  teamsDatabase,
  teamsSettings,
} from './gateway.suite.js';

const { analyst, approver, approver2, engineer } = demoIdentities;
const offer = {
  maxSeconds: 1800,
  scope: { server: 'orders', resources: ['delete_order'], when: null, calls: null },
};

let server: TestDatabase;
let database: DataSource;
let teams: StandInTeams;
let gateway: RunningTeams;
let desk: OneApprovalDesk;
let inChannel: RoomMessage;
let inChat: RoomMessage;

beforeAll(async () => {
  server = await testDatabase();
  database = await teamsDatabase(server.url);
  teams = await startStandInTeams({
    host: '127.0.0.1',
    port: 0,
    gatewayMessagesUrl: () => gateway.messagesUrl,
    appId,
    tenant: demoTenant,
    credentials: { secret },
  });
});
afterAll(async () => {
  await gateway.close();
  await teams.close();
  await database.destroy();
  await server.drop();
});
beforeEach(async () => {
  await open(approvalView());
});

/** A gateway whose desk has this approval, posted to a channel and to an approver. */
async function open(view: ReturnType<typeof approvalView>): Promise<void> {
  desk = new OneApprovalDesk(view, [approver.oid, approver2.oid]);
  await gateway?.close();
  gateway = await startTeams(teamsSettings(teams), desk, database);
  const channel = await teams.install({ kind: 'channel', name: 'Orders owners' });
  const chat = await teams.install({ kind: 'personal', name: 'Petra', members: ['approver'] });
  inChannel = await post(channel.id);
  inChat = await post(chat.id);
}

async function post(conversationId: string, audience: 'approvers' | 'requester' = 'approvers') {
  const address = { serviceUrl: teams.serviceUrl, conversationId, kind: 'any' };
  const place = { key: conversationId, audience, address };
  const message = await gateway.channel.post(place, desk.shown, desk.nonce);
  desk.copies = [...desk.copies, { place, message }];
  const posted = teams.rooms.message(conversationId, message['activityId'] ?? '');
  if (posted === undefined) throw new Error('nothing was posted');
  return posted;
}

const approve = (by: string, message = inChannel) => teams.press({ message, by, verb: 'approve' });
const codes = () => desk.refused.map((each) => each.code);

describe('a press', () => {
  test('when an approver approves in a channel, then the desk gets a person of the tenant, and they see the final card', async () => {
    const outcome = await approve('approver');

    expect(desk.presses).toEqual([
      {
        by: {
          tenantId: demoTenant,
          objectId: approver.oid,
          kind: 'person',
          clientApp: 'teams',
          displayName: 'Petra Approver',
          groups: [],
          roles: [],
        },
        press: { decision: 'approve', reason: '', channel: 'teams' },
      },
    ]);
    expect(outcome.kind).toBe('card');
    const card = outcome.kind === 'card' ? outcome.card : undefined;
    expect(linesOf(card)).toContain('Approved');
    expect(linesOf(card)).toContain('By: Petra Approver');
    expect(actionsOf(card)).toEqual([]);
    expect(inputsOf(card)).toEqual([]);
    expect(desk.refused).toEqual([]);
  });

  test('when somebody signs again while others are missing, then a line says that they have signed', async () => {
    const [set] = approvalView().sets;
    const voter = { tenantId: demoTenant, objectId: approver.oid, displayName: 'Petra Approver' };
    const word = { decision: 'approve', reason: '', channel: 'teams', grantSeconds: null } as const;
    const votes = [{ ...word, voter, votedAt: new Date() }];
    await open(approvalView({ votes, sets: set ? [{ ...set, quorum: 2, signed: 1 }] : [] }));

    expect(await approve('approver')).toEqual({
      kind: 'toast',
      text: 'You have signed already; the request waits for others.',
    });
    expect(desk.refused).toEqual([]);
  });

  test('when an approver approves in a chat, then it counts as well', async () => {
    expect((await approve('approver', inChat)).kind).toBe('card');
    expect(desk.presses).toHaveLength(1);
  });

  test('when somebody denies without a reason, then they are told, and it is pending', async () => {
    const outcome = await teams.press({
      message: inChannel,
      by: 'approver',
      verb: 'refuse',
      inputs: { reason: ' \n ' },
    });

    expect(outcome).toEqual({
      kind: 'toast',
      text: 'To deny, write the reason first. The request is still pending.',
    });
    expect(desk.shown.state).toBe('pending');
    expect(codes()).toEqual(['REASON_MISSING']);
  });

  test('when somebody denies with a reason, then it is denied for it', async () => {
    const inputs = { reason: ' wrong order ' };
    const outcome = await teams.press({
      message: inChannel,
      by: 'approver',
      verb: 'refuse',
      inputs,
    });

    expect(outcome.kind).toBe('card');
    expect(desk.presses[0]?.press).toEqual({
      decision: 'refuse',
      reason: 'wrong order',
      channel: 'teams',
    });
  });

  test.each([
    ['too long', 'x'.repeat(2001)],
    ['full of nothing', 'a\0b'],
    ['half a character', '\ud800'],
  ])('when a reason is %s, then it is not taken', async (_name, reason) => {
    await teams.press({ message: inChannel, by: 'approver', verb: 'refuse', inputs: { reason } });

    expect(codes()).toEqual(['REASON_REFUSED']);
    expect(desk.presses).toEqual([]);
  });

  test('when the rule offers a grant, then the button asks for as long as the rule says now', async () => {
    await open(approvalView({ grantOffer: offer }));

    await teams.press({ message: inChannel, by: 'approver', verb: 'grant' });

    expect(desk.presses[0]?.press).toMatchObject({ decision: 'approve', grantSeconds: 1800 });
  });

  test('when the rule offers none, then a forged button for one is refused', async () => {
    const activity = teams.activity({ message: inChannel, by: 'approver', verb: 'approve' });
    const { value }: { value: { action: object } } = JSON.parse(JSON.stringify(activity));

    const answer = await teams.send({
      ...activity,
      value: { ...value, action: { ...value.action, verb: 'grant' } },
    });

    expect(outcomeOf(answer).kind).toBe('toast');
    expect(codes()).toEqual(['GRANT_NOT_OFFERED']);
    expect(desk.presses).toEqual([]);
  });

  test('when a call that ran on break-glass is reviewed, then the desk is told with the note', async () => {
    await open(approvalView({ kind: 'break-glass', state: 'unreviewed' }));

    await teams.press({
      message: inChannel,
      by: 'approver',
      verb: 'review',
      inputs: { reason: 'seen' },
    });

    expect(desk.presses[0]?.press).toEqual({
      decision: 'approve',
      reason: 'seen',
      channel: 'teams',
    });
    expect(desk.shown.state).toBe('reviewed');
  });
});

describe('a press that does not count', () => {
  test.each([
    ['the requester presses', 'analyst', 'Nobody signs', 'APPROVER_IS_REQUESTER', analyst.oid],
    [
      'somebody presses who is not asked',
      'engineer',
      'You are in none',
      'APPROVAL_NOT_FOUND',
      engineer.oid,
    ],
  ])(
    'when %s, then they get a word, nothing changes, and it is on record',
    async (_name, by, words, code, oid) => {
      const outcome = await approve(by);

      expect(outcome).toEqual({ kind: 'toast', text: expect.stringContaining(words) });
      expect(desk.shown.state).toBe('pending');
      expect(desk.refused).toEqual([
        expect.objectContaining({
          channel: 'teams',
          code,
          approvalId: desk.shown.id,
          tenantId: demoTenant,
          objectId: oid,
        }),
      ]);
    },
  );

  test('when it comes after the decision, then the presser sees how it ended', async () => {
    await approve('approver');

    const outcome = await approve('approver2');

    expect(outcome.kind).toBe('card');
    expect(linesOf(outcome.kind === 'card' ? outcome.card : undefined)).toContain(
      'By: Petra Approver',
    );
    expect(desk.presses).toHaveLength(1);
    expect(codes()).toEqual(['APPROVAL_ALREADY_DECIDED']);
  });

  test('when it comes after the end, then the presser sees that it expired, reason or not', async () => {
    desk.shown = { ...desk.shown, state: 'expired' };

    const outcome = await teams.press({ message: inChannel, by: 'approver', verb: 'refuse' });

    expect(linesOf(outcome.kind === 'card' ? outcome.card : undefined)).toContain(
      'Expired – not approved',
    );
    expect(codes()).toEqual(['APPROVAL_EXPIRED']);
  });

  test('when one press is sent five times at once, then it is one decision and five cards', async () => {
    const activity = teams.activity({ message: inChannel, by: 'approver', verb: 'approve' });

    const answers = await Promise.all(Array.from({ length: 5 }, async () => teams.send(activity)));

    expect(answers.map((each) => outcomeOf(each).kind)).toEqual(
      Array.from({ length: 5 }, () => 'card'),
    );
    expect(desk.presses).toHaveLength(1);
    expect(codes()).toEqual(Array.from({ length: 4 }, () => 'APPROVAL_ALREADY_DECIDED'));
  });
});

describe('a forged press of a true connector', () => {
  const approvalOf = (data: object) => ({
    value: { action: { type: 'Action.Execute', verb: 'approve', data }, trigger: 'manual' },
  });
  const good = () => ({ approvalId: desk.shown.id, nonce: desk.nonce });
  const from = (changes: object) => ({
    from: { id: '29:x', name: 'Petra', aadObjectId: approver.oid, ...changes },
  });
  const forgeries: [string, () => object, string][] = [
    ['another nonce', () => approvalOf({ ...good(), nonce: 'f'.repeat(32) }), 'NONCE_REFUSED'],
    ['an empty nonce', () => approvalOf({ ...good(), nonce: '' }), 'NONCE_REFUSED'],
    ['no nonce', () => approvalOf({ approvalId: desk.shown.id }), 'PRESS_UNREADABLE'],
    [
      'another approval',
      () => approvalOf({ ...good(), approvalId: approver.oid }),
      'APPROVAL_NOT_FOUND',
    ],
    [
      'an approval that is no id',
      () => approvalOf({ ...good(), approvalId: "' or 1=1" }),
      'PRESS_UNREADABLE',
    ],
    ['no value', () => ({ value: undefined }), 'PRESS_UNREADABLE'],
    [
      'another verb',
      () => ({ value: { action: { verb: 'always', data: good() } } }),
      'ACTION_UNKNOWN',
    ],
    [
      'the verb of another kind',
      () => ({ value: { action: { verb: 'review', data: good() } } }),
      'ACTION_UNKNOWN',
    ],
    [
      'an automatic trigger',
      () => ({ value: { action: { verb: 'approve', data: good() }, trigger: 'automatic' } }),
      'TRIGGER_REFUSED',
    ],
    ['a message that we did not post', () => ({ replyToId: '1' }), 'COPY_REFUSED'],
    ['no message', () => ({ replyToId: undefined }), 'COPY_REFUSED'],
    ['a message of another conversation', () => ({ replyToId: inChat.activityId }), 'COPY_REFUSED'],
    [
      'another conversation',
      () => ({ conversation: { id: '19:other@thread.tacv2', tenantId: demoTenant } }),
      'COPY_REFUSED',
    ],
    ['no person', () => ({ from: undefined }), 'ACTOR_REFUSED'],
    ['no object id', () => from({ aadObjectId: undefined }), 'ACTOR_REFUSED'],
    [
      'an object id that is none',
      () => from({ aadObjectId: 'petra@example.com' }),
      'ACTOR_REFUSED',
    ],
    ['the role of a bot', () => from({ role: 'bot' }), 'ACTOR_REFUSED'],
    ['the role of a skill', () => from({ role: 'skill' }), 'ACTOR_REFUSED'],
    ['the role of an agent', () => from({ role: 'agenticUser' }), 'ACTOR_REFUSED'],
    ['the id of an agent', () => from({ agenticAppId: approver2.oid }), 'ACTOR_REFUSED'],
    ['the user of an agent', () => from({ agenticUserId: approver2.oid }), 'ACTOR_REFUSED'],
    ['a bot as its sender', () => from({ id: `28:${appId}` }), 'ACTOR_REFUSED'],
    ['somebody of another tenant', () => from({ tenantId: approver2.oid }), 'ACTOR_REFUSED'],
  ];

  test.each(forgeries)(
    'when it has %s, then it is answered, recorded, and does not count',
    async (_name, forge, code) => {
      const activity = teams.activity({ message: inChannel, by: 'approver', verb: 'approve' });

      const answer = await teams.send({ ...activity, ...forge() });

      expect(answer.status).toBe(200);
      expect(outcomeOf(answer).kind).toBe('toast');
      expect(desk.presses).toEqual([]);
      expect(codes()).toEqual([code]);
    },
  );

  test('when the copy of the requester is pressed, then it does not count', async () => {
    const chat = await teams.install({ kind: 'personal', name: 'Ana', members: ['analyst'] });
    const copy = await post(chat.id, 'requester');
    const activity = teams.activity({ message: inChannel, by: 'analyst', verb: 'approve' });
    const conversation = { id: chat.id, tenantId: demoTenant };

    await teams.send({ ...activity, conversation, replyToId: copy.activityId });

    expect(codes()).toEqual(['COPY_REFUSED']);
    expect(desk.presses).toEqual([]);
  });

  test('when object ids and tenants come in capitals, then they are the same', async () => {
    const activity = teams.activity({ message: inChannel, by: 'approver', verb: 'approve' });

    await teams.send({ ...activity, ...from({ aadObjectId: approver.oid.toUpperCase() }) });

    expect(desk.presses[0]?.by.objectId).toBe(approver.oid);
  });

  test('when a person says they are a user, then they are', async () => {
    const activity = teams.activity({ message: inChannel, by: 'approver', verb: 'approve' });

    await teams.send({ ...activity, ...from({ role: 'user', agenticAppId: null }) });

    expect(desk.presses).toHaveLength(1);
  });
});

describe('trouble behind the desk', () => {
  test.each([
    [
      'membership cannot be verified',
      new GroupsUnavailable('Graph'),
      'toast',
      'GROUPS_UNAVAILABLE',
    ],
    [
      'the desk says so itself',
      new ApprovalError('GROUPS_UNAVAILABLE'),
      'toast',
      'GROUPS_UNAVAILABLE',
    ],
    [
      'the database is away',
      Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      'toast',
      'APPROVALS_UNAVAILABLE',
    ],
    ['a code without words comes', new ApprovalError('CURSOR_INVALID'), 'toast', 'CURSOR_INVALID'],
  ])(
    'when %s, then the presser is told, and nothing is approved',
    async (_name, trouble, kind, code) => {
      desk.trouble = trouble;

      const outcome = await approve('approver');

      expect(outcome.kind).toBe(kind);
      expect(codes()).toEqual([code]);
      expect(desk.shown.state).toBe('pending');
    },
  );

  test('when something happens that nobody foresaw, then Teams still gets an answer that it can show', async () => {
    desk.trouble = new TypeError('a mistake of ours');

    expect(await approve('approver')).toEqual({
      kind: 'error',
      text: 'Something went wrong on our side; nothing was confirmed.',
    });
  });

  test('when the desk takes longer than people wait, then they are told within three seconds', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    desk.gate = promise;
    const startedAt = Date.now();

    const outcome = await approve('approver');

    expect(outcome).toEqual({
      kind: 'toast',
      text: 'Not confirmed yet. Look at the card again in a moment.',
    });
    expect(Date.now() - startedAt).toBeLessThan(3000);
    resolve();
  });
});
