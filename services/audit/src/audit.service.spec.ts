import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Bus, type EventLog, InProcessLog, PublishError } from '#bus';
import {
  auditCheckpointed,
  auditRead,
  callApproved,
  callCompleted,
  callDecided,
  callFailed,
  callForwarded,
  callRequested,
  type DataOf,
  type EventContract,
  type EventOf,
  type Principal,
  principalSchema,
} from '#contracts';
import { TokenError, TokenVerifier } from '#identity';
import { newSigningKey, Signer, Verifier } from '#trust';
import { execute, testDatabase, testServer } from '../../../test/postgres/test-database.js';
import { writerRole } from './audit.migrations.js';
import { AuditModule, AuditReadiness } from './audit.module.js';
import { type ChainRow, verify } from './chain.js';
import { Events } from './events.js';
import { keep } from './keeping.js';

vi.setConfig({ hookTimeout: 60_000 });

const tenantId = '11111111-1111-4111-8111-111111111111';
const keys = newSigningKey();

class PlainTokens extends TokenVerifier {
  async verify(token: string): Promise<Principal> {
    const known = principalSchema.safeParse(
      JSON.parse(Buffer.from(token, 'base64url').toString('utf8') || '{}'),
    );
    if (!known.success) throw new TokenError('TOKEN_INVALID', 'no principal');
    return known.data;
  }
}

/** A log on which one topic can be made to refuse. */
class BrittleLog implements EventLog {
  refused = '';

  constructor(private readonly inner: EventLog) {}

  async connect(): Promise<void> {
    return this.inner.connect();
  }

  async append(record: Parameters<EventLog['append']>[0]): Promise<void> {
    if (record.topic === this.refused) throw new PublishError('BROKER_UNAVAILABLE', 'refused');
    return this.inner.append(record);
  }

  async subscribe(...how: Parameters<EventLog['subscribe']>): ReturnType<EventLog['subscribe']> {
    return this.inner.subscribe(...how);
  }

  async ends(topic: string): ReturnType<EventLog['ends']> {
    return this.inner.ends(topic);
  }

  async finished(...asked: Parameters<EventLog['finished']>): ReturnType<EventLog['finished']> {
    return this.inner.finished(...asked);
  }

  canAppend(): boolean {
    return this.inner.canAppend();
  }

  async close(): Promise<void> {
    return this.inner.close();
  }
}

function person(name: string, roles: string[] = []): Principal {
  return {
    tenantId,
    objectId: `22222222-2222-4222-8222-${name.padStart(12, '0')}`,
    kind: 'person',
    clientApp: 'client',
    displayName: name,
    groups: [],
    roles,
  };
}

const ada = person('aaaa');
const auditor = person('bbbb', ['Countersign.Auditor']);
const admin = person('cccc', ['Countersign.Admin']);
const approver = '22222222-2222-4222-8222-00000000eeee';

/** The service on a bus and a database of its own, and everyone it listens to. */
class House {
  readonly checkpoints: DataOf<typeof auditCheckpointed>[] = [];
  readonly reads: DataOf<typeof auditRead>[] = [];
  readonly #replicas: INestApplication[] = [];
  log!: BrittleLog;
  #folder = '';
  #world!: Bus;

  constructor(readonly databaseUrl: string) {}

  async open(checkpointMs = 60_000): Promise<this> {
    this.#folder = await mkdtemp(join(tmpdir(), 'countersign-audit-'));
    this.log = new BrittleLog(new InProcessLog(join(this.#folder, 'bus.sqlite')));
    this.#world = new Bus(this.log, { group: 'world', startAt: 'committed' });
    this.#world.on(auditCheckpointed, ({ data }) => void this.checkpoints.push(data));
    this.#world.on(auditRead, ({ data }) => void this.reads.push(data));
    await this.#world.listen(() => undefined);
    await this.addReplica('audit', checkpointMs);
    return this;
  }

  async addReplica(group: string, checkpointMs = 60_000): Promise<INestApplication> {
    const bus = new Bus(this.log, { group, startAt: 'committed' });
    const register = AuditModule.register({
      readerTenants: [tenantId],
      databaseUrl: this.databaseUrl,
      bus,
      verifier: new PlainTokens(),
      signer: new Signer(keys.privateKey),
      checkpointMs,
      lingerMs: 5,
    });
    const module = await Test.createTestingModule({ imports: [register] }).compile();
    const app = module.createNestApplication({ logger: false });
    app.connectMicroservice({ strategy: bus });
    await app.init();
    await app.startAllMicroservices();
    this.#replicas.push(app);
    return app;
  }

  async close(): Promise<void> {
    for (const app of this.#replicas.splice(0)) await app.close();
    await this.#world.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  app(): INestApplication<Server> {
    const app = this.#replicas[0];
    if (app === undefined) throw new Error('closed');
    return app;
  }

  async say<C extends EventContract>(
    contract: C,
    data: DataOf<C>,
    cause?: EventOf<EventContract>,
  ): Promise<EventOf<C>> {
    return this.#world.publish(contract, data, cause);
  }

  async again<C extends EventContract>(contract: C, event: EventOf<C>): Promise<void> {
    await this.#world.republish(contract, event);
  }

  async raw(value: Buffer, headers: Record<string, string> = {}): Promise<void> {
    await this.log.append({ topic: callRequested.topic, key: 'raw', value, headers });
  }

  as(who: Principal) {
    const token = Buffer.from(JSON.stringify(who)).toString('base64url');
    return {
      get: (path: string) =>
        request(this.app().getHttpServer())
          .get(path)
          .set({ authorization: `Bearer ${token}` }),
    };
  }

  async rows(where = 'true'): Promise<Record<string, unknown>[]> {
    return execute(this.databaseUrl, `select * from audit.event where ${where} order by xid, seq`);
  }

  /** Waits until the record holds so many rows. */
  async holds(count: number, where = 'true'): Promise<void> {
    const check = async () => expect(await this.rows(where)).toHaveLength(count);
    await vi.waitFor(check, { timeout: 15_000, interval: 30 });
  }

  /** One call from its request to its end: five events. */
  async call(overrides: Partial<DataOf<typeof callRequested>> = {}): Promise<string> {
    const callId = randomUUID();
    const digest = 'd'.repeat(64);
    const asked = { server: 'orders', method: 'tools/call', resource: 'refund', ...overrides };
    const { server, method, resource } = asked;
    const what = { callId, digest, tenantId, objectId: ada.objectId, server, method, resource };
    const facts = { action: 'write' as const, objects: [], complete: false };
    const requested = await this.say(callRequested, {
      callId,
      ingress: 'ingress-1',
      protocol: 'mcp',
      labels: {},
      kind: 'statement',
      sessionId: 'session-1',
      parentCallId: null,
      principal: ada,
      client: null,
      facts,
      digest,
      maskedArguments: '{"card":"****"}',
      sealedArguments: 'sealed-canary',
      deadline: new Date().toISOString(),
      ...asked,
    });
    const decided = await this.say(
      callDecided,
      {
        callId,
        ingress: 'ingress-1',
        verdict: {
          ...what,
          effect: 'review',
          ruleIds: ['refunds'],
          erroredRuleIds: [],
          mask: { profile: 'standard', entities: {}, fields: {}, binary: 'withhold' },
          approval: { sets: [{ groups: ['g'], quorum: 1 }], expiresAfterSeconds: 60 },
          reviewDigest: null,
          hidden: false,
          message: '',
          bundle: 'bundle-1',
          decidedAt: new Date().toISOString(),
          notAfter: new Date().toISOString(),
        },
        signature: 's',
        review: {
          requester: { tenantId, objectId: ada.objectId, displayName: 'Ada' },
          requesterKind: 'person',
          clientApp: 'client',
          protocol: 'mcp',
          facts,
          maskedArguments: '{"card":"****"}',
        },
      },
      requested,
    );
    const approvalId = randomUUID();
    const approved = await this.say(
      callApproved,
      {
        callId,
        ingress: 'ingress-1',
        signature: 's',
        statement: {
          ...what,
          approvalId,
          bundle: 'bundle-1',
          approvers: [{ tenantId, objectId: approver, displayName: 'Eve' }],
          approvedAt: new Date().toISOString(),
          notAfter: new Date().toISOString(),
        },
      },
      decided,
    );
    const forwarded = await this.say(
      callForwarded,
      { callId, ingress: 'ingress-1', digest, verdictEventId: decided.id, approvalId },
      approved,
    );
    await this.say(
      callCompleted,
      {
        callId,
        ingress: 'ingress-1',
        outcome: 'ok',
        parts: 1,
        bytes: 9,
        upstreamMs: 1,
        totalMs: 2,
      },
      forwarded,
    );
    return callId;
  }
}

const storySchema = z.object({
  call: z.record(z.string(), z.unknown()),
  events: z.array(z.object({ event: z.object({ type: z.string() }) })),
});
const eventsSchema = z.object({
  events: z.array(
    z.object({
      topic: z.string(),
      partition: z.int(),
      offset: z.string(),
      state: z.string(),
      event: z.looseObject({ data: z.record(z.string(), z.unknown()) }).nullable(),
    }),
  ),
  next: z.string().nullable(),
  resume: z.string().nullable(),
});
const callsSchema = z.object({ calls: z.array(z.object({ callId: z.string() })) });

let house: House;
const closers: (() => Promise<void>)[] = [];

async function newHouse(checkpointMs?: number): Promise<House> {
  const database = await testDatabase();
  closers.unshift(async () => database.drop());
  const made = await new House(database.url).open(checkpointMs);
  closers.unshift(async () => made.close());
  return made;
}

/** All chains of the record against their heads. */
async function findings(): Promise<string[]> {
  const heads = await execute(house.databaseUrl, 'select * from audit.chain');
  const rows = await house.rows();
  return heads.map((head) => {
    const own = rows
      .filter((row) => row['topic'] === head['topic'] && row['partition'] === head['partition'])
      .toSorted((a, b) => Number(a['position']) - Number(b['position']))
      .map((row) => rowSchema.parse(row));
    return verify(own, { rows: String(head['rows']), hash: String(head['hash']) }).kind;
  });
}

const rowSchema: z.ZodType<ChainRow> = z
  .object({
    topic: z.string(),
    partition: z.int(),
    generation: z.int(),
    offset: z.string(),
    position: z.string(),
    timestamp_ms: z.string(),
    key: z.string(),
    state: z.enum(['kept', 'unknown', 'unreadable', 'unstorable']),
    raw_hash: z.string(),
    event: z.string().nullable(),
    hash: z.string(),
  })
  .transform(({ timestamp_ms: timestampMs, raw_hash: rawHash, ...rest }) => ({
    ...rest,
    timestampMs,
    rawHash,
  }));

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('the record', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    house = await newHouse();
  });

  test('when a call has run, then its whole story can be read in causal order', async () => {
    const callId = await house.call();
    await house.holds(5);

    const answer = await house.as(auditor).get(`/v1/calls/${callId}`).expect(200);

    const story = storySchema.parse(answer.body);
    expect(story.events.map(({ event }) => event.type)).toEqual([
      'countersign.call.requested.v1',
      'countersign.call.decided.v1',
      'countersign.call.approved.v1',
      'countersign.call.forwarded.v1',
      'countersign.call.completed.v1',
    ]);
    expect(story.call).toMatchObject({
      server: 'orders',
      method: 'tools/call',
      resource: 'refund',
      principal: { objectId: ada.objectId },
      verdict: 'review',
      ruleIds: ['refunds'],
      approval: 'approved',
      wasForwarded: true,
      outcome: 'ok',
      code: null,
    });
  });

  test('when nobody knows the call, then there is a problem and no answer', async () => {
    const answer = await house.as(auditor).get(`/v1/calls/${randomUUID()}`);

    expect([answer.status, answer.body.code]).toEqual([404, 'CALL_NOT_FOUND']);
  });

  test('when an event has secret fields, then no row holds them, and sensitive ones are for auditors', async () => {
    await house.call();
    await house.holds(5);

    const rows = await house.rows();
    const read = async (who: Principal) => {
      const answer = await house.as(who).get('/v1/events?type=countersign.call.requested.v1');
      return eventsSchema.parse(answer.body).events[0]?.event?.data;
    };

    expect(JSON.stringify(rows)).not.toContain('sealed-canary');
    expect(await read(auditor)).toMatchObject({
      maskedArguments: '{"card":"****"}',
      sealedArguments: '[redacted]',
    });
    expect(await read(admin)).toMatchObject({
      server: 'orders',
      maskedArguments: '[redacted]',
      sealedArguments: '[redacted]',
    });
  });

  test('when a refusal has no request before it, then it is a call all the same', async () => {
    const callId = randomUUID();
    await house.say(callFailed, {
      callId,
      ingress: 'ingress-1',
      code: 'TOKEN_INVALID',
      message: '',
      stage: 'intake',
      executed: 'no',
      server: 'orders',
      method: null,
      resource: null,
      principal: null,
      approvalId: null,
      remoteAddress: '127.0.0.1',
    });
    await house.holds(1);

    const answer = await house.as(auditor).get('/v1/calls?code=TOKEN_INVALID').expect(200);

    expect(answer.body.calls).toMatchObject([
      { callId, server: 'orders', outcome: 'failed', code: 'TOKEN_INVALID' },
    ]);
  });

  test('when a record is no event or nobody declared it, then it is kept by hash and length alone', async () => {
    const known = await house.say(callRequested, await sampleRequest());
    await house.raw(Buffer.from('secret rubbish \0'));
    await house.raw(Buffer.from([0xff, 0xfe, 0x00]));
    await house.raw(Buffer.from(JSON.stringify({ ...known, type: 'countersign.call.sung.v1' })));
    await house.raw(Buffer.from(JSON.stringify({ ...known, data: { callId: 'secret' } })));
    await house.raw(Buffer.alloc(0));
    await house.holds(6);

    const flagged = await house.rows("state <> 'kept'");

    expect(flagged.map((row) => row['state'])).toEqual([
      'unreadable',
      'unreadable',
      'unknown',
      'unreadable',
      'unreadable',
    ]);
    expect(flagged.map((row) => row['event'])).toEqual([null, null, null, null, null]);
    expect(JSON.stringify(flagged)).not.toContain('secret');
    expect(flagged[0]).toMatchObject({ raw_bytes: 16 });
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('when names hold what a database cannot, then the event is kept and others go on', async () => {
    await house.say(callRequested, {
      ...(await sampleRequest()),
      resource: `a\0b\ud800${'x'.repeat(9000)}`,
    });
    await house.say(callRequested, {
      ...(await sampleRequest()),
      resource: `a\0b${'x'.repeat(9000)}`,
    });
    await house.call();

    await house.holds(7);

    const states = (await house.rows()).map((row) => row['state']);
    expect(new Set(states)).toEqual(new Set(['kept']));
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('when an event is stated twice, then the chain has both and queries show it once', async () => {
    const event = await house.say(callRequested, await sampleRequest());
    await house.again(callRequested, event);
    await house.holds(2);

    const answer = await house.as(auditor).get('/v1/events?server=orders').expect(200);

    expect(eventsSchema.parse(answer.body).events).toHaveLength(1);
    const stored = await house.rows("server = 'orders'");
    expect(stored.map((row) => row['is_duplicate'])).toEqual([false, true]);
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('when everything is delivered again while new events come, then no row is doubled', async () => {
    for (let each = 0; each < 10; each += 1) await house.call();
    await house.holds(50);

    await house.addReplica('audit-again');
    for (let each = 0; each < 10; each += 1) await house.call();

    await house.holds(100);
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('when writers store overlapping runs at once, then each record is stored once and in its place', async () => {
    const events = house.app().get(Events, { strict: false });
    const value = Buffer.from('not an event');
    const kept = Array.from({ length: 40 }, (_, offset) =>
      keep({
        topic: callRequested.topic,
        partition: 99,
        offset: BigInt(offset),
        timestampMs: 1,
        key: 'k',
        value,
      }),
    );

    for (let end = 5; end <= 40; end += 5) {
      const runs = [end, end - 1, end - 2, end - 3, end - 4].map((each) => kept.slice(0, each));
      await Promise.all(runs.map(async (run) => events.append(run)));
      expect(await events.heads()).toMatchObject([{ rows: String(end), nextOffset: String(end) }]);
    }

    expect(await house.rows()).toHaveLength(40);
    expect(await findings()).toEqual(['intact']);
  });

  test('when the bus is replaced and its offsets begin anew, then nothing of the new one is lost', async () => {
    for (let each = 0; each < 3; each += 1) await house.call();
    await house.holds(15);
    await house.close();

    const next = await new House(house.databaseUrl).open();
    closers.unshift(async () => next.close());
    const callId = await next.call();

    await next.holds(5, `call_id = '${callId}'`);
    await next.call();
    await next.holds(25, "topic <> 'countersign.checkpoints.v1'");
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('when a row is changed behind the guards, then the chain tells', async () => {
    await house.call();
    await house.holds(5);

    await execute(
      house.databaseUrl,
      `set session_replication_role = replica;
       update audit.event set event = replace(event, 'orders', 'others')
       where type = 'countersign.call.requested.v1'`,
    );

    expect(await findings()).toContain('row-changed');
  });
});

describe('one call on record', { timeout: 60_000 }, () => {
  let closeAll: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    house = await newHouse();
    closeAll = closers.splice(0);
    await house.call();
    await house.holds(5);
  });

  afterAll(async () => {
    for (const close of closeAll) await close();
  });

  test.each([
    "update audit.event set server = 'x'",
    'delete from audit.event',
    'truncate audit.event',
    'delete from audit.chain',
    'delete from audit.checkpoint',
    "insert into audit.event (seq, topic) values (1, 'x')",
    'drop table audit.event',
  ])('when the service itself would run "%s", then the database refuses', async (sql) => {
    const service = new Client({
      connectionString: house.databaseUrl,
      options: `-c role=${writerRole}`,
    });
    await service.connect();

    const run = service.query(sql);

    await expect(run).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|428C9)$/) });
    await service.end();
    expect(await house.rows()).toHaveLength(5);
  });

  test('when the service works, then it works as the role without those rights', async () => {
    const database = house.app().get(DataSource, { strict: false });

    const rows: unknown = await database.query('select current_user as role');

    expect(rows).toEqual([{ role: writerRole }]);
  });

  test.each([
    "update audit.event set server = 'x'",
    'delete from audit.event',
    'truncate audit.event',
    'delete from audit.checkpoint',
  ])('when even the owner would run "%s", then a trigger refuses', async (sql) => {
    await execute(
      house.databaseUrl,
      `insert into audit.checkpoint (statement, signature) values ('s', 's')`,
    );

    await expect(execute(house.databaseUrl, sql)).rejects.toMatchObject({ code: '42501' });
  });

  test.each([
    ['principal=22222222-2222-4222-8222-00000000aaaa', 1],
    ['principal=22222222-2222-4222-8222-00000000ffff', 0],
    ['server=orders', 1],
    ['server=other', 0],
    ['method=tools/call&resource=refund', 1],
    ['verdict=review', 1],
    ['verdict=allow', 0],
    ['rule=refunds', 1],
    ['rule=others', 0],
    [`approver=${approver}`, 1],
    ['approver=22222222-2222-4222-8222-00000000aaaa', 0],
    ['since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z', 1],
    ['until=2020-01-01T00:00:00Z', 0],
    ['code=DENIED', 0],
    ['type=countersign.call.completed.v1', 1],
  ])('when calls are asked for by %s, then %i is found', async (filter, count) => {
    const answer = await house.as(auditor).get(`/v1/calls?${filter}`).expect(200);

    expect(callsSchema.parse(answer.body).calls).toHaveLength(count);
  });
});

describe('rights', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    house = await newHouse();
    await house.call();
    await house.holds(5);
  });

  test('when somebody without the role reads, then it is refused, and that is recorded', async () => {
    const answer = await house.as(ada).get('/v1/events?server=orders&nonsense=1');

    expect([answer.status, answer.body.code]).toEqual([403, 'AUDITOR_ROLE_REQUIRED']);
    expect(answer.type).toBe('application/problem+json');
    await house.holds(1, "type = 'countersign.audit.read.v1' and outcome = 'refused'");
  });

  test.each([
    ['an auditor', auditor],
    ['an administrator', admin],
  ])(
    'when %s of another tenant reads, then it is refused, and that is recorded',
    async (_, who) => {
      const stranger = { ...who, tenantId: '33333333-3333-4333-8333-333333333333' };

      const answer = await house.as(stranger).get('/v1/calls');

      expect([answer.status, answer.body.code]).toEqual([403, 'AUDITOR_ROLE_REQUIRED']);
      await house.holds(1, "type = 'countersign.audit.read.v1' and outcome = 'refused'");
    },
  );

  test('when there is no token, then nothing is read', async () => {
    const answer = await request(house.app().getHttpServer()).get('/v1/events');

    expect(answer.status).toBe(401);
  });

  test('when an auditor reads, then the read is in the record', async () => {
    await house.as(auditor).get('/v1/calls?server=orders&limit=7').expect(200);

    await expect.poll(() => house.reads.length).toBe(1);
    expect(house.reads[0]).toMatchObject({
      route: 'GET /v1/calls',
      outcome: 'read',
      filters: { server: 'orders', limit: '7' },
      reader: { objectId: auditor.objectId },
    });
  });

  test('when the read cannot be recorded, then nothing is shown', async () => {
    house.log.refused = auditRead.topic;

    const answer = await house.as(auditor).get('/v1/events');

    expect([answer.status, answer.body.code]).toEqual([503, 'AUDIT_READ_UNRECORDED']);
    expect(answer.body.events).toBeUndefined();
  });
});

describe('pages', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    house = await newHouse();
  });

  test('when a reader follows the cursors while events are written, then each event is seen exactly once', async () => {
    const writing = (async () => {
      for (let each = 0; each < 20; each += 1) await house.call();
    })();
    const seen: string[] = [];
    let cursor = '';

    await expect
      .poll(
        async () => {
          const path = `/v1/events?server=orders&limit=7${cursor}`;
          const page = eventsSchema.parse((await house.as(auditor).get(path)).body);
          seen.push(...page.events.map((each) => `${each.topic}/${each.partition}/${each.offset}`));
          if (page.resume !== null) cursor = `&cursor=${page.resume}`;
          return seen.length;
        },
        { timeout: 20_000, interval: 5 },
      )
      .toBe(40);

    await writing;
    expect(new Set(seen).size).toBe(40);
  });

  test('when a transaction that began earlier commits later, then no page has passed it by', async () => {
    const slow = new Client({ connectionString: house.databaseUrl });
    await slow.connect();
    await slow.query('begin');
    await slow.query(
      `insert into audit.event (day, topic, partition, generation, "offset", position, timestamp_ms,
         key, state, raw_hash, raw_bytes, hash, is_duplicate, opens_call, rule_ids, approver_ids, server)
       values (current_date, 'slow', 0, 0, 0, 1, 0, '', 'unknown', '', 0, '', false, false, '{}', '{}',
         'orders')`,
    );
    await house.call();
    await house.holds(5);

    const early = eventsSchema.parse(
      (await house.as(auditor).get('/v1/events?server=orders')).body,
    );
    await slow.query('commit');
    await slow.end();
    const page = () => house.as(auditor).get('/v1/events?server=orders');
    const topics = async () =>
      eventsSchema.parse((await page()).body).events.map((each) => each.topic);

    expect(early.events).toEqual([]);
    await expect.poll(topics, { timeout: 10_000 }).toHaveLength(3);
    expect((await topics())[0]).toBe('slow');
  });

  test.each([
    ['a name where an object id belongs', 'principal=Ana%20Analyst', 'principal: must be'],
    ['another name', 'approver=ana', 'approver: must be'],
    ['a day instead of a time', 'since=2026-11-24', 'since: must be a time'],
  ])(
    'when a filter is %s, then it is refused rather than finding nothing',
    async (_, filter, words) => {
      const answer = await house.as(auditor).get(`/v1/calls?${filter}`);

      expect([answer.status, answer.body.code]).toEqual([400, 'REQUEST_INVALID']);
      expect(answer.body.detail).toContain(words);
    },
  );

  test('when a cursor names a place beyond all numbers, then it is refused', async () => {
    await house.call();
    await house.holds(5);
    const { body } = await house.as(auditor).get('/v1/events?server=orders').expect(200);
    const { of } = JSON.parse(Buffer.from(body.resume, 'base64url').toString('utf8'));
    const far = JSON.stringify({ xid: '9'.repeat(20), seq: '0', of });

    const answer = await house
      .as(auditor)
      .get(`/v1/events?server=orders&cursor=${Buffer.from(far).toString('base64url')}`);

    expect([answer.status, answer.body.code]).toEqual([400, 'CURSOR_INVALID']);
  });

  test('when a cursor or a filter is not of this query, then it is refused', async () => {
    await house.call();
    await house.call();
    await house.holds(10);
    const page = await house.as(auditor).get('/v1/events?server=orders&limit=1').expect(200);

    const other = await house.as(auditor).get(`/v1/events?server=x&cursor=${page.body.next}`);
    const calls = await house.as(auditor).get(`/v1/calls?server=orders&cursor=${page.body.next}`);
    const rubbish = await house.as(auditor).get('/v1/events?cursor=rubbish');
    const unknown = await house.as(auditor).get('/v1/events?sever=orders');

    expect([other, calls, rubbish].map((each) => [each.status, each.body.code])).toEqual([
      [400, 'CURSOR_INVALID'],
      [400, 'CURSOR_INVALID'],
      [400, 'CURSOR_INVALID'],
    ]);
    expect([unknown.status, unknown.body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(unknown.body.detail).toContain('sever');
  });
});

describe('checkpoints', { timeout: 60_000 }, () => {
  test('when time passes, then the heads of all chains are signed and stated', async () => {
    house = await newHouse(100);
    await house.call();
    await house.holds(5, "topic <> 'countersign.checkpoints.v1'");

    const whole = () =>
      house.checkpoints.find(
        (each) => each.heads.reduce((sum, head) => sum + Number(head.rows), 0) >= 5,
      );
    await expect.poll(whole, { timeout: 5000 }).toBeDefined();

    const { signature, ...statement } = whole()!;
    expect(await new Verifier(keys.publicKey).verify('checkpoint', statement, signature)).toBe(
      true,
    );
    const rows = await house.rows();
    for (const head of statement.heads) {
      const end = rows.find(
        (row) =>
          row['topic'] === head.topic &&
          row['partition'] === head.partition &&
          row['position'] === head.rows,
      );
      expect(end?.['hash']).toBe(head.hash);
    }
  });

  test('when the service stops, then it leaves a last checkpoint', async () => {
    const database = await testDatabase();
    closers.unshift(async () => database.drop());
    house = await new House(database.url).open();
    await house.call();
    await house.holds(5);

    await house.close();

    const [kept] = await execute(database.url, 'select statement from audit.checkpoint');
    expect(JSON.parse(String(kept?.['statement']))).toMatchObject({ log: 'record' });
  });
});

describe('when the database goes away', { timeout: 60_000 }, () => {
  test('then reads are refused, nothing is lost, and everything goes on when it is back', async () => {
    const server = await testServer();
    closers.unshift(async () => server.drop());
    house = await new House(server.url).open();
    closers.unshift(async () => house.close());
    const readiness = house.app().get(AuditReadiness, { strict: false });
    await house.call();
    await house.holds(5);

    await server.stop();
    for (let each = 0; each < 10; each += 1) await house.call();
    const refused = await house.as(auditor).get('/v1/events');
    const wasReady = await readiness.isReady();
    await server.start();

    expect([refused.status, refused.body.code]).toEqual([503, 'RECORD_UNAVAILABLE']);
    expect(wasReady).toBe(false);
    await house.holds(55, "topic <> 'countersign.checkpoints.v1'");
    expect(await readiness.isReady()).toBe(true);
    await house.as(auditor).get('/v1/events').expect(200);
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });

  test('then a connection cut in the middle of recording loses and doubles nothing', async () => {
    house = await newHouse();
    const cutting = (async () => {
      for (let each = 0; each < 8; each += 1) {
        await execute(
          house.databaseUrl,
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'countersign-audit' and datname = current_database()`,
        );
      }
    })();

    for (let each = 0; each < 40; each += 1) await house.call();
    await cutting;

    await house.holds(200);
    expect(new Set(await findings())).toEqual(new Set(['intact']));
  });
});

async function sampleRequest(): Promise<DataOf<typeof callRequested>> {
  return {
    callId: randomUUID(),
    ingress: 'ingress-1',
    protocol: 'mcp',
    server: 'orders',
    labels: {},
    method: 'tools/call',
    resource: 'refund',
    kind: 'statement',
    sessionId: null,
    parentCallId: null,
    principal: ada,
    client: null,
    facts: { action: 'write', objects: [], complete: false },
    digest: 'd'.repeat(64),
    maskedArguments: '{}',
    sealedArguments: 'sealed',
    deadline: new Date().toISOString(),
  };
}
