import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DataSource } from 'typeorm';
import type { CheckedTeams } from '#runtime';
import { demoGroups, demoIdentities, demoTenant } from '../../../../demo/entra/identities.js';
import { linesOf } from '../../../../demo/teams/card-rules.js';
import { type StandInTeams, startStandInTeams } from '../../../../demo/teams/stand-in-teams.js';
import {
  execute,
  type TestDatabase,
  testDatabase,
} from '../../../../test/postgres/test-database.js';
import type { ApprovalView, SignatureSet } from '../approval-view.js';
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

const { analyst, approver, approver2 } = demoIdentities;
const owners = demoGroups['orders-owners'];
const engineers = demoGroups.engineers;

let server: TestDatabase;
let database: DataSource;
let teams: StandInTeams;
let gateway: RunningTeams;
let desk: OneApprovalDesk;

beforeAll(async () => {
  server = await testDatabase();
  database = await teamsDatabase(server.url);
});
afterAll(async () => {
  await database.destroy();
  await server.drop();
});
beforeEach(async () => {
  teams = await startStandInTeams({
    host: '127.0.0.1',
    port: 0,
    gatewayMessagesUrl: () => gateway.messagesUrl,
    appId,
    tenant: demoTenant,
    credentials: { secret },
  });
  desk = new OneApprovalDesk(approvalView(), [approver.oid]);
  await configured({});
});
afterEach(async () => {
  await gateway.close();
  await teams.close();
  await database.query('delete from teams_conversation');
});

async function configured(changes: Partial<CheckedTeams>): Promise<void> {
  await gateway?.close();
  gateway = await startTeams(teamsSettings(teams, changes), desk, database);
}

const set = (...groups: string[]): SignatureSet => ({
  groups: groups.map((id) => ({ id, name: null })),
  quorum: 1,
  signed: 0,
  isEscalation: false,
});
const places = async (changes: Partial<ApprovalView> = {}) => {
  const found = await gateway.channel.places(approvalView(changes));
  return found.map(({ address, audience, key }) => ({ key, audience, ...address }));
};
const rows = async () =>
  execute(
    server.url,
    `select kind, conversation_id, name, person_id, team_id, service_url, bot_id, removed_at is not null as removed
     from approval.teams_conversation order by learned_at, conversation_id`,
  );

describe('conversations', () => {
  test('when the app is installed, then channel, group chat and personal chat are known', async () => {
    const channel = await teams.install({ kind: 'channel', name: 'Orders owners' });
    const group = await teams.install({ kind: 'groupChat', name: 'Night shift' });
    const chat = await teams.install({ kind: 'personal', name: 'Petra', members: ['approver'] });

    const common = { service_url: teams.serviceUrl, bot_id: `28:${appId}`, removed: false };
    expect(await rows()).toEqual([
      {
        ...common,
        kind: 'channel',
        conversation_id: channel.id,
        name: 'Orders owners',
        person_id: null,
        team_id: channel.teamId,
      },
      {
        ...common,
        kind: 'groupChat',
        conversation_id: group.id,
        name: 'Night shift',
        person_id: null,
        team_id: null,
      },
      {
        ...common,
        kind: 'personal',
        conversation_id: chat.id,
        name: 'Petra Approver',
        person_id: approver.oid,
        team_id: null,
      },
    ]);
  });

  test('when the app is removed and comes back, then the conversation goes and comes too', async () => {
    const channel = await teams.install({ kind: 'channel', name: 'Orders owners' });
    await configured({ conversation: channel.id });

    await teams.uninstall(channel);
    expect(await rows()).toMatchObject([{ removed: true }]);
    expect(await places()).toEqual([]);

    await teams.install({ kind: 'channel', name: 'Orders owners' });
    expect(await rows()).toMatchObject([{ removed: false }]);
    expect(await places()).toHaveLength(1);
  });

  const event = async (changes: object) => {
    const room = await teams.install({ kind: 'channel', name: 'Orders owners' });
    const [posted] = [teams.rooms.add(room, undefined, {})];
    const envelope = {
      type: 'conversationUpdate',
      id: 'f:1',
      channelId: 'msteams',
      serviceUrl: teams.serviceUrl,
      from: { id: '29:x', aadObjectId: approver.oid },
      recipient: { id: `28:${appId}` },
      conversation: {
        id: `${room.id};messageid=${posted.activityId}`,
        conversationType: 'channel',
      },
      channelData: { tenant: { id: demoTenant }, team: { id: room.teamId, name: 'Team' } },
    };
    return { answer: await teams.send({ ...envelope, ...changes }), room };
  };

  test('when news comes from a thread, then the channel is kept without it', async () => {
    const { room } = await event({});

    expect(await rows()).toMatchObject([{ conversation_id: room.id }]);
  });

  test('when another channel of the team is made, then it can be written to; when it is deleted, no more', async () => {
    const channelData = (eventType: string) => ({
      channelData: {
        eventType,
        tenant: { id: demoTenant },
        team: { id: 'team' },
        channel: { id: '19:new@thread.tacv2', name: 'New\u202e' },
      },
    });
    await event(channelData('channelCreated'));
    await configured({ conversation: '19:new@thread.tacv2' });
    expect(await places()).toHaveLength(1);
    expect(await rows()).toContainEqual(
      expect.objectContaining({
        conversation_id: '19:new@thread.tacv2',
        name: String.raw`New\u{202e}`,
      }),
    );

    await event(channelData('channelDeleted'));
    expect(await places()).toEqual([]);
  });

  test('when a team is deleted, then all its channels are left', async () => {
    const channel = { id: '19:other@thread.tacv2', name: 'Other' };
    const { room } = await event({});
    const team = { id: room.teamId };
    const data = (eventType: string) => ({
      channelData: { eventType, tenant: { id: demoTenant }, team, channel },
    });
    await event(data('channelCreated'));

    await event({ channelData: { eventType: 'teamDeleted', tenant: { id: demoTenant }, team } });

    expect((await rows()).map((row) => row['removed'])).toEqual([true, true]);
  });

  test('when other members come and go, then the conversation stays', async () => {
    await event({ membersRemoved: [{ id: '29:somebody' }] });

    expect(await rows()).toMatchObject([{ removed: false }]);
  });

  test('when names hold what a database cannot keep, then they are kept written out', async () => {
    const { answer } = await event({
      conversation: { id: '19:zero@thread.v2', conversationType: 'groupChat', name: 'a\0b' },
    });

    expect(answer.status).toBe(200);
    expect(await rows()).toContainEqual(expect.objectContaining({ name: String.raw`a\u{0}b` }));
  });

  test('when the database is away, then Teams is told so and may come again', async () => {
    const room = await teams.install({ kind: 'channel', name: 'Orders owners' });
    const away = await teamsDatabase(server.url);
    await gateway.close();
    gateway = await startTeams(teamsSettings(teams), desk, away);
    await away.destroy();

    await expect(teams.uninstall(room)).rejects.toThrow(/50\d/);
  });
});

describe('places', () => {
  test('when groups are asked, then their conversations show it, each once, and others the standard one', async () => {
    const one = await teams.install({ kind: 'channel', name: 'One' });
    const two = await teams.install({ kind: 'channel', name: 'Two' });
    const standard = await teams.install({ kind: 'channel', name: 'Standard' });
    await configured({
      post: [
        { groups: [owners], conversation: `${one.id};messageid=1` },
        { groups: [owners, engineers], conversation: one.id },
        { groups: [engineers], conversation: two.id },
      ],
      conversation: standard.id,
    });
    const ids = async (...sets: SignatureSet[]) =>
      (await places({ sets })).map((place) => place.key);

    expect(await ids(set(owners))).toEqual([`conversation:${one.id}`]);
    expect(await ids(set(owners), set(engineers))).toEqual(
      expect.arrayContaining([`conversation:${one.id}`, `conversation:${two.id}`]),
    );
    expect(await ids(set(demoGroups.analysts))).toEqual([`conversation:${standard.id}`]);
    expect(await ids(set(owners, demoGroups.analysts))).toHaveLength(2);
  });

  test('when further groups are asked after a time, then their conversation comes to the others', async () => {
    const one = await teams.install({ kind: 'channel', name: 'One' });
    const two = await teams.install({ kind: 'channel', name: 'Two' });
    await configured({
      post: [
        { groups: [owners], conversation: one.id },
        { groups: [engineers], conversation: two.id },
      ],
    });
    const before = await places({ sets: [set(owners)] });

    const after = await places({ sets: [set(owners), { ...set(engineers), isEscalation: true }] });

    expect(after).toEqual(expect.arrayContaining(before));
    expect(after).toHaveLength(2);
  });

  test('when people are named, then those who have the app get a copy, the requester only their own', async () => {
    const petra = await teams.install({ kind: 'personal', name: 'Petra', members: ['approver'] });
    const ana = await teams.install({ kind: 'personal', name: 'Ana', members: ['analyst'] });
    await configured({ people: { [owners]: [approver.oid, approver2.oid, analyst.oid] } });

    expect(await places()).toEqual([
      {
        key: `person:${approver.oid}`,
        audience: 'approvers',
        serviceUrl: teams.serviceUrl,
        conversationId: petra.id,
        kind: 'personal',
      },
      {
        key: `requester:${analyst.oid}`,
        audience: 'requester',
        serviceUrl: teams.serviceUrl,
        conversationId: ana.id,
        kind: 'personal',
      },
    ]);
  });

  test.each([
    ['is a program', { requesterKind: 'workload' as const }],
    [
      'is of another tenant',
      { requester: { tenantId: appId, objectId: analyst.oid, displayName: null } },
    ],
  ])('when the requester %s, then there is nobody to tell', async (_name, changes) => {
    await teams.install({ kind: 'personal', name: 'Ana', members: ['analyst'] });

    expect(await places(changes)).toEqual([]);
  });

  test('when nothing was ever said of a channel, then it is tried with the tenant’s service address', async () => {
    await configured({ conversation: '19:unheard@thread.tacv2' });
    expect(await places()).toEqual([]);

    await teams.install({ kind: 'channel', name: 'Orders owners' });

    expect(await places()).toMatchObject([
      { conversationId: '19:unheard@thread.tacv2', serviceUrl: teams.serviceUrl },
    ]);
  });
});

describe('copies', () => {
  test('when an approval is posted, decided and told of, then channel and chat show it', async () => {
    const channel = await teams.install({ kind: 'channel', name: 'Orders owners' });
    await teams.install({ kind: 'personal', name: 'Ana', members: ['analyst'] });
    await configured({ conversation: channel.id });
    const found = await gateway.channel.places(desk.shown);
    const copies = await Promise.all(
      found.map(async (place) => ({
        place,
        message: await gateway.channel.post(place, desk.shown, desk.nonce),
      })),
    );
    const roomIds = found.map((place) => String(place.address['conversationId']));
    const heads = () => roomIds.map((id) => linesOf(teams.rooms.messages(id)[0]?.card)[0]);
    expect(heads()).toEqual(['Approval needed', 'Waiting for approval']);

    const settled = approvalView({ state: 'refused' });
    for (const { message, place } of copies) {
      await gateway.channel.update(place, message, settled, desk.nonce);
    }
    expect(heads()).toEqual(['Denied', 'Denied']);

    const notice = { id: '1', kind: 'reminder', text: 'Five minutes are left.' } as const;
    for (const { message, place } of copies) await gateway.channel.tell(place, message, notice);
    const [thread, reply] = teams.rooms.messages(channel.id);
    expect(reply?.rootId).toBe(thread?.activityId);
    expect(linesOf(teams.rooms.messages(roomIds[1])[1]?.card)).toEqual(['Five minutes are left.']);
  });

  test('when a word is for a channel as such, then it opens a thread of its own', async () => {
    const channel = await teams.install({ kind: 'channel', name: 'Orders owners' });
    await configured({ conversation: channel.id });
    const [place] = await gateway.channel.places(desk.shown);
    if (place === undefined) throw new Error('no place');

    await gateway.channel.tell(place, null, {
      id: '1',
      kind: 'summary',
      text: 'Three were approved.',
    });

    const [summary] = teams.rooms.messages(channel.id);
    expect(summary?.rootId).toBe(summary?.activityId);
  });

  test('when a summary is due, then it goes to its own conversation, else to the standard one', async () => {
    const summary = await teams.install({ kind: 'groupChat', name: 'Leads' });
    const standard = await teams.install({ kind: 'channel', name: 'Standard' });
    const told = async (): Promise<string[]> => {
      const [place, ...others] = await gateway.channel.summaryPlaces();
      expect(others).toEqual([]);
      if (place === undefined) return [];
      await gateway.channel.tell(place, null, { id: '1', kind: 'summary', text: '3 approved.' });
      return teams.rooms
        .messages(place.address['conversationId'])
        .flatMap(({ card }) => linesOf(card));
    };

    await configured({ summary: summary.id, conversation: standard.id });
    expect(await told()).toEqual(['3 approved.']);
    await configured({ conversation: standard.id });
    expect(await told()).toEqual(['3 approved.']);
    await configured({ conversation: undefined });
    expect(await gateway.channel.summaryPlaces()).toEqual([]);
  });

  test('when an address is not whole, then it is no use to try again', async () => {
    const place = { key: 'x', audience: 'approvers', address: {} } as const;

    await expect(gateway.channel.post(place, desk.shown, 'n')).rejects.toMatchObject({
      isFinal: true,
    });
    await expect(
      gateway.channel.update(place, { serviceUrl: 'x', conversationId: 'y' }, desk.shown, 'n'),
    ).rejects.toMatchObject({ isFinal: true });
  });
});
