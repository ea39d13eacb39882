import { beforeEach, describe, expect, test } from 'vitest';
import {
  type DataOf,
  definitionKey,
  definitionRecorded,
  definitionSeen,
  maxDefinitionsPerServer,
  pressRefused,
} from '#contracts';
import { execute } from '../../../test/postgres/test-database.js';
import { ApprovalError } from './approval-error.js';
import { accept, type DefinitionState, seen, stateOf } from './definition.js';
import { approvers, bob, type House, houses, person } from './house.suite.js';

const { newHouse } = houses();
const first = 'a'.repeat(64);
const second = 'b'.repeat(64);
const third = 'c'.repeat(64);
const admin = person('eeee', { roles: ['Countersign.Admin'] });
const auditor = person('ffff', { roles: ['Countersign.Auditor'] });

const sight = (
  digest: string,
  change: Partial<DataOf<typeof definitionSeen>> = {},
): DataOf<typeof definitionSeen> => ({
  callId: crypto.randomUUID(),
  ingress: 'here',
  protocol: 'mcp',
  server: 'orders',
  kind: 'tool',
  name: 'refund',
  digest,
  pin: { new: 'pass', changed: 'hold' },
  maskedDefinition: JSON.stringify({ name: 'refund', description: digest.slice(0, 4) }),
  ...change,
});

describe('how a definition moves', () => {
  const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 28, 12, minute));
  const holding = { pin: { new: 'hold', changed: 'hold' } } as const;
  const known = (): DefinitionState => seen(undefined, sight(first), at(0)).definition;

  test('when it is seen for the first time, then it is accepted by nobody in person', () => {
    const { cause, definition } = seen(undefined, sight(first), at(0));

    expect(cause).toBe('first-use');
    expect(definition).toMatchObject({ accepted: [first], acceptedBy: null, latest: first });
  });

  test('when new ones are held, then the first waits, until the setting lets it pass', () => {
    const { cause, definition } = seen(undefined, sight(first, holding), at(0));
    const still = seen(definition, sight(first, holding), at(1));
    const passed = seen(definition, sight(first), at(1));

    expect([cause, stateOf(definition)]).toEqual(['first-use', 'held']);
    expect(still.cause).toBeUndefined();
    expect([passed.cause, stateOf(passed.definition)]).toEqual(['first-use', 'accepted']);
  });

  test('when it changes, then it is held even where changed ones may pass, and the accepted copy stays', () => {
    const passing = { pin: { new: 'pass', changed: 'pass' } } as const;
    const { cause, definition } = seen(known(), sight(second, passing), at(1));

    expect(cause).toBe('changed');
    expect(stateOf(definition)).toBe('held');
    expect(definition).toMatchObject({ accepted: [first], latest: second, changedAt: at(1) });
    expect(definition.acceptedCopy).toContain('aaaa');
    expect(definition.latestCopy).toContain('bbbb');
  });

  test('when it changes back, then it is accepted again', () => {
    const changed = seen(known(), sight(second), at(1)).definition;

    const { cause, definition } = seen(changed, sight(first), at(2));

    expect([cause, stateOf(definition)]).toEqual(['changed', 'accepted']);
  });

  test('when the latest is accepted, then the earlier ones stay accepted, the newest ten of all', () => {
    let definition = known();
    const digests = Array.from({ length: 12 }, (_, index) => index.toString(16).repeat(64));
    for (const digest of digests) {
      const { definition: held } = seen(definition, sight(digest), at(1));
      definition = accept(held, digest, null, at(2)).definition;
    }

    expect(definition.accepted).toEqual(digests.toReversed().slice(0, 10));
  });

  test('when something else than the latest is accepted, then it is refused', () => {
    const { definition } = seen(known(), sight(second), at(1));

    expect(() => accept(definition, first, null, at(2))).toThrow(
      new ApprovalError('DEFINITION_SUPERSEDED'),
    );
  });
});

describe('definitions', { timeout: 60_000 }, () => {
  let house: House;
  const key = definitionKey({ server: 'orders', kind: 'tool', name: 'refund' });
  const told = () => house.about(definitionRecorded, key);
  const toldOf = async (count: number) =>
    expect.poll(() => told().length, { timeout: 15_000, interval: 20 }).toBe(count);
  const acceptance = (digest: string) => ({
    server: 'orders',
    kind: 'tool',
    name: 'refund',
    digest,
  });

  beforeEach(async () => {
    house = await newHouse();
  });

  test('when a tool is seen, changes and is accepted, then each is told with its cause, and both copies are shown', async () => {
    await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second));
    await toldOf(2);
    const held = await house.as(admin).read('/definitions/orders/tool/refund');
    const accepted = await house.as(admin).send('/definitions/accept', acceptance(second));
    await toldOf(3);

    expect(told()).toMatchObject([
      { cause: 'first-use', state: 'accepted', accepted: [first], latest: first, by: null },
      { cause: 'changed', state: 'held', accepted: [first], latest: second, by: null },
      {
        cause: 'accepted',
        state: 'accepted',
        accepted: [second, first],
        by: { objectId: admin.objectId },
      },
    ]);
    expect(held.body).toMatchObject({
      state: 'held',
      latestDefinition: { description: 'bbbb' },
      acceptedDefinition: { description: 'aaaa' },
    });
    expect(accepted.body).toMatchObject({
      state: 'accepted',
      acceptedBy: { objectId: admin.objectId },
    });
    expect(accepted.body.latestCopy).toBeUndefined();
  });

  test('when the same sight comes again, then nothing changes', async () => {
    const event = await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second));
    await toldOf(2);
    await house.addReplica('another');
    await house.again(definitionSeen, event);
    await house.publish(definitionSeen, sight(third));
    await toldOf(3);

    expect(told().at(-1)).toMatchObject({ latest: third, accepted: [first], state: 'held' });
  });

  test('when somebody accepts what is not the latest any more, then it is refused, and that is on record', async () => {
    await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second));
    await house.publish(definitionSeen, sight(third));
    await toldOf(3);

    const late = await house.as(admin).send('/definitions/accept', acceptance(second));

    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({ code: 'DEFINITION_SUPERSEDED' });
    await refused('DEFINITION_SUPERSEDED', admin.objectId);
    expect(told()).toHaveLength(3);
  });

  test('when a server has as many definitions as are kept, then no more are, and those that are still change', async () => {
    await execute(
      house.databaseUrl,
      `insert into approval.definition
         (server, kind, name, accepted, latest, latest_copy, revision, first_seen_at, changed_at, seen_at)
       select 'orders', 'tool', 'tool-' || n, array[$1], $1, '{}', 1, now(), now(), now()
       from generate_series(1, $2::int) n`,
      [first, maxDefinitionsPerServer],
    );

    await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second, { name: 'tool-7' }));
    await house.publish(definitionSeen, sight(first, { server: 'files' }));

    const keyOf = (server: string, name: string) => definitionKey({ server, kind: 'tool', name });
    const toldAt = (key: string) => house.about(definitionRecorded, key);
    await expect.poll(() => toldAt(keyOf('files', 'refund')).length, { timeout: 15_000 }).toBe(1);
    await expect
      .poll(() => toldAt(keyOf('orders', 'tool-7')), { timeout: 15_000 })
      .toMatchObject([{ state: 'held', accepted: [first], latest: second }]);
    const unkept = await house.as(admin).read('/definitions/orders/tool/refund');
    expect(unkept.body).toMatchObject({ code: 'DEFINITION_NOT_FOUND' });
  });

  test('when two accept at once, then both are told of, and the definition is accepted', async () => {
    await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second));
    await toldOf(2);

    const answers = await Promise.all(
      [1, 2].map(async () => house.as(admin).send('/definitions/accept', acceptance(second))),
    );

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await toldOf(4);
    expect(told().at(-1)).toMatchObject({ accepted: [second, first] });
  });

  test.each([
    ['an auditor', auditor, 'ADMIN_ROLE_REQUIRED'],
    ['an approver', bob, 'ADMIN_ROLE_REQUIRED'],
    ['a program with the role', { ...admin, kind: 'workload' as const }, 'APPROVER_NOT_A_PERSON'],
    ['an agent with the role', { ...admin, kind: 'agent' as const }, 'APPROVER_NOT_A_PERSON'],
    [
      'an administrator of another tenant',
      { ...admin, tenantId: '99999999-9999-4999-8999-999999999999' },
      'ADMIN_ROLE_REQUIRED',
    ],
  ])('when %s accepts, then it is refused, and that is on record', async (_, who, code) => {
    await house.publish(definitionSeen, sight(first));
    await house.publish(definitionSeen, sight(second));
    await toldOf(2);

    const answer = await house.as(who).send('/definitions/accept', acceptance(second));

    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code });
    await refused(code, who.objectId);
    expect(told()).toHaveLength(2);
  });

  test('when readers ask, then those with a role see pages, filtered, and others see nothing', async () => {
    for (const name of ['one', 'two', 'three']) {
      await house.publish(definitionSeen, sight(first, { name }));
    }
    await house.publish(definitionSeen, sight(first, { kind: 'instructions', name: '' }));
    await house.publish(definitionSeen, sight(second, { name: 'two' }));
    await house.publish(definitionSeen, sight(first, { server: 'files', name: 'a/b c%' }));
    const read = async (query: string, who = auditor) => house.as(who).read(`/definitions${query}`);
    await expect
      .poll(async () => (await read('?state=held')).body.definitions?.length, { timeout: 15_000 })
      .toBe(1);
    for (const [server, count] of Object.entries({ orders: 4, files: 1 })) {
      const recorded = async () => (await read(`?server=${server}`)).body.definitions.length;
      await expect.poll(recorded, { timeout: 15_000 }).toBe(count);
    }

    const page = await read('?server=orders&limit=3');
    const rest = await read(`?server=orders&limit=3&cursor=${page.body.next}`);
    const all = [...page.body.definitions, ...rest.body.definitions];

    expect(all.map(({ name }: { name: string }) => name).toSorted()).toEqual([
      '',
      'one',
      'three',
      'two',
    ]);
    expect([page.body.definitions.length, rest.body.next]).toEqual([3, null]);
    expect((await read(`?server=files&cursor=${page.body.next}`)).body.code).toBe('CURSOR_INVALID');
    expect((await read('?state=held')).body.definitions[0]).toMatchObject({ name: 'two' });
    expect((await read('/orders/instructions')).body).toMatchObject({ kind: 'instructions' });
    expect((await read('/files/tool/a%2Fb%20c%25')).body).toMatchObject({ name: 'a/b c%' });
    expect((await read('/files/tool/none')).body.code).toBe('DEFINITION_NOT_FOUND');
    expect((await read('/files/none/none')).body.code).toBe('REQUEST_INVALID');
    expect((await read('?state=held', bob)).body.code).toBe('READER_ROLE_REQUIRED');
    expect((await read('/orders/tool/two', bob)).status).toBe(403);
  });

  test('when a signer reads of a call whose tool has changed, then one line says so', async () => {
    const definition = { digest: second, hints: {}, standing: 'changed' as const };
    const requirement = { sets: [{ groups: [approvers], quorum: 1 }], expiresAfterSeconds: 60 };
    await house.review({ requirement, picture: { definition } });
    await expect
      .poll(async () => (await house.as(bob).get('')).body.approvals.length, { timeout: 15_000 })
      .toBe(1);
    const { id } = (await house.as(bob).get('')).body.approvals[0];

    const view = await house.as(bob).get(`/${id}`);
    const text = await house.as(bob).get(`/${id}/text`);

    expect(view.body).toMatchObject({ definitionStanding: 'changed' });
    expect(text.body.body).toContain(
      "Definition: The tool's definition changed since it was accepted.",
    );
  });

  async function refused(code: string, objectId: string): Promise<void> {
    await expect
      .poll(() => house.said.filter(({ contract }) => contract === pressRefused), {
        timeout: 15_000,
      })
      .toMatchObject([{ data: { code, objectId, channel: 'rest' } }]);
  }
});
