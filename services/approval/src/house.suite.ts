import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { afterEach, expect } from 'vitest';
import { Bus, InProcessLog } from '#bus';
import {
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  approvalRequested,
  approvalVoted,
  callApproved,
  callDecided,
  callExpired,
  callFailed,
  callForwarded,
  callRefused,
  type ApprovalRequirement,
  type DataOf,
  definitionRecorded,
  type EventContract,
  type EventOf,
  grantEnded,
  grantIssued,
  grantRequested,
  grantRevoked,
  pressRefused,
  type Principal,
  principalSchema,
} from '#contracts';
import { TokenError, TokenGroups, TokenVerifier } from '#identity';
import { newSigningKey, Signer, Verifier, canonicalJson, sha256 } from '#trust';
import { execute, testDatabase } from '../../../test/postgres/test-database.js';
import { ApprovalModule } from './approval.module.js';
import type { PeopleSettings } from './people.js';

const tenantId = '11111111-1111-4111-8111-111111111111';
export const approvers = '44444444-4444-4444-8444-444444444444';
const policyKeys = newSigningKey();
const approvalKeys = newSigningKey();
export const policy = new Signer(policyKeys.privateKey);
export const word = new Verifier(approvalKeys.publicKey);

/** People are found by their tokens, and asked nowhere but here. */
const plainPeople: PeopleSettings = {
  pageUrl: 'https://gateway.example',
  directory: new TokenGroups(),
  page: undefined,
  teams: undefined,
  webhooks: [],
  summaryHours: 0,
  abandonSeconds: 1,
  pendingPerRequester: 100,
  adminTenants: [tenantId],
};

/** Takes a principal's JSON for its token. */
class PlainTokens extends TokenVerifier {
  async verify(token: string): Promise<Principal> {
    const known = principalSchema.safeParse(
      JSON.parse(Buffer.from(token, 'base64url').toString('utf8') || '{}'),
    );
    if (!known.success) throw new TokenError('TOKEN_INVALID', 'no principal');
    return known.data;
  }
}

export function person(name: string, overrides: Partial<Principal> = {}): Principal {
  return {
    tenantId,
    objectId: `22222222-2222-4222-8222-${name.padStart(12, '0')}`,
    kind: 'person',
    clientApp: 'client',
    displayName: name,
    groups: [],
    roles: [],
    ...overrides,
  };
}

export const ada = person('aaaa');
export const bob = person('bbbb', { groups: [approvers] });
export const carol = person('cccc', { groups: [approvers] });
export const stranger = person('dddd');

/** How a house differs from others. */
export interface HouseSettings {
  readonly leaseSeconds?: number;
  readonly graceSeconds?: number;
  readonly people?: Partial<PeopleSettings>;
}

interface Said {
  readonly contract: EventContract;
  readonly subject: string;
  readonly data: unknown;
}

const others: readonly EventContract[] = [
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  definitionRecorded,
  grantEnded,
  grantIssued,
  grantRequested,
  grantRevoked,
  pressRefused,
];

/** The service on a bus and a database of its own, and everyone it talks with. */
export class House {
  readonly said: Said[] = [];
  /** What handlers failed at. */
  readonly troubles: string[] = [];
  readonly #replicas: INestApplication[] = [];
  #folder = '';
  #log!: InProcessLog;
  #world!: Bus;

  constructor(
    readonly databaseUrl: string,
    private readonly settings: HouseSettings = {},
  ) {}

  async open(replicas = 1): Promise<this> {
    this.#folder = await mkdtemp(join(tmpdir(), 'countersign-approval-'));
    this.#log = new InProcessLog(join(this.#folder, 'bus.sqlite'));
    this.#world = new Bus(this.#log, { group: 'world', startAt: 'committed' });
    this.#listen(approvalRequested);
    this.#listen(approvalVoted);
    this.#listen(callApproved);
    this.#listen(callRefused);
    this.#listen(callExpired);
    for (const contract of others) this.#listen(contract);
    await this.#world.listen(() => undefined);
    for (let each = 0; each < replicas; each += 1) await this.addReplica();
    return this;
  }

  #listen(contract: EventContract): void {
    this.#world.on(contract, ({ subject, data }) => {
      this.said.push({ contract, subject, data });
    });
  }

  async addReplica(group = 'approval'): Promise<void> {
    const bus = new Bus(this.#log, {
      group,
      startAt: 'committed',
      laterPauseMs: 50,
      observer: {
        deadLettered: (_record, reason) => void this.troubles.push(reason),
        retried: (_record, _attempt, cause) => void this.troubles.push(String(cause)),
      },
    });
    const register = ApprovalModule.register({
      databaseUrl: this.databaseUrl,
      bus,
      verifier: new PlainTokens(),
      signer: new Signer(approvalKeys.privateKey),
      policyKey: new Verifier(policyKeys.publicKey),
      people: { ...plainPeople, ...this.settings.people },
      pollMs: 20,
      deliveryMs: 30,
      sweepMs: 50,
      leaseSeconds: this.settings.leaseSeconds ?? 30,
      graceSeconds: this.settings.graceSeconds ?? 10,
    });
    const module = await Test.createTestingModule({ imports: [register] }).compile();
    const app = module.createNestApplication({ logger: false });
    app.connectMicroservice({ strategy: bus });
    await app.init();
    await app.startAllMicroservices();
    this.#replicas.push(app);
  }

  async close(): Promise<void> {
    for (const app of this.#replicas) await app.close();
    await this.#world.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  app(replica = 0): INestApplication<Server> {
    const app = this.#replicas[replica];
    if (app === undefined) throw new Error('no such replica');
    return app;
  }

  async publish<C extends EventContract>(contract: C, data: DataOf<C>): Promise<EventOf<C>> {
    return this.#world.publish(contract, data);
  }

  async again<C extends EventContract>(contract: C, event: EventOf<C>): Promise<void> {
    await this.#world.republish(contract, event);
  }

  /** Events of one type that concern one call, in the order they were stated. */
  about<C extends EventContract>(contract: C, callId: string): DataOf<C>[] {
    return this.said
      .filter((each) => each.contract === contract && each.subject === callId)
      .map((each): DataOf<C> => {
        // It was heard through this very contract.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        return each.data as DataOf<C>;
      });
  }

  async heard<C extends EventContract>(contract: C, callId: string): Promise<DataOf<C>> {
    await expect
      .poll(() => this.about(contract, callId).length, { timeout: 15_000, interval: 20 })
      .toBeGreaterThan(0);
    return this.about(contract, callId)[0]!;
  }

  as(who: Principal, replica = 0) {
    const token = Buffer.from(JSON.stringify(who)).toString('base64url');
    const agent = request(this.app(replica).getHttpServer());
    const bearer = { authorization: `Bearer ${token}` };
    return {
      get: (path: string) => agent.get(`/v1/approvals${path}`).set(bearer),
      post: (path: string, body: object = {}) =>
        agent.post(`/v1/approvals${path}`).set(bearer).send(body),
      read: (path: string) => agent.get(`/v1${path}`).set(bearer),
      send: (path: string, body: object = {}) => agent.post(`/v1${path}`).set(bearer).send(body),
      remove: (path: string) => agent.delete(`/v1${path}`).set(bearer),
      approve: (id: string) =>
        agent
          .post(`/v1/approvals/${id}/decision`)
          .set(bearer)
          .send({ decision: 'approve', reason: 'ok' }),
      refuse: (id: string) =>
        agent
          .post(`/v1/approvals/${id}/decision`)
          .set(bearer)
          .send({ decision: 'refuse', reason: 'no' }),
    };
  }

  /** Policy puts a call under review. */
  async review(
    overrides: {
      callId?: string;
      digest?: string;
      requirement?: ApprovalRequirement;
      signer?: Signer;
      requester?: Principal;
      clientApp?: string;
      shown?: string;
      /** What else policy's verdict and its picture of the call say. */
      verdict?: Partial<DataOf<typeof callDecided>['verdict']>;
      picture?: Partial<NonNullable<DataOf<typeof callDecided>['review']>>;
    } = {},
  ): Promise<{ callId: string; event: EventOf<typeof callDecided> }> {
    const callId = overrides.callId ?? randomUUID();
    const requester = overrides.requester ?? ada;
    const review = {
      requester: { tenantId, objectId: requester.objectId, displayName: 'Ada' },
      requesterKind: 'person' as const,
      clientApp: overrides.clientApp ?? 'client',
      protocol: 'mcp',
      facts: { action: 'write' as const, objects: [], complete: false },
      maskedArguments: '{"amount":12}',
      ...overrides.picture,
    };
    const verdict = {
      callId,
      digest: overrides.digest ?? 'd'.repeat(64),
      tenantId,
      objectId: requester.objectId,
      server: 'orders',
      method: 'tools/call',
      resource: 'refund',
      effect: 'review' as const,
      ruleIds: ['refunds'],
      erroredRuleIds: [],
      mask: { profile: 'standard' as const, entities: {}, fields: {}, binary: 'withhold' as const },
      approval: overrides.requirement ?? {
        sets: [{ groups: [approvers], quorum: 1 }],
        expiresAfterSeconds: 60,
      },
      reviewDigest: sha256(canonicalJson(review)),
      hidden: false,
      message: '',
      bundle: 'bundle-1',
      decidedAt: new Date().toISOString(),
      notAfter: new Date(Date.now() + 60_000).toISOString(),
      ...overrides.verdict,
    };
    const event = await this.publish(callDecided, {
      callId,
      ingress: 'ingress-1',
      verdict,
      signature: (overrides.signer ?? policy).sign('verdict', verdict),
      review:
        overrides.shown === undefined ? review : { ...review, maskedArguments: overrides.shown },
    });
    return { callId, event };
  }

  async forwarded(callId: string, approvalId: string): Promise<void> {
    await this.publish(callForwarded, {
      callId,
      ingress: 'ingress-1',
      digest: 'd'.repeat(64),
      verdictEventId: 'some',
      approvalId,
    });
  }

  /** The client could not wait: it was told to come again. */
  async gaveUp(callId: string, approvalId: string | null = null): Promise<void> {
    await this.publish(callFailed, {
      callId,
      ingress: 'ingress-1',
      code: 'APPROVAL_PENDING',
      message: '',
      stage: 'approval',
      executed: 'no',
      server: 'orders',
      method: 'tools/call',
      resource: 'refund',
      principal: ada,
      approvalId,
      remoteAddress: null,
    });
  }

  async row(id: string): Promise<Record<string, unknown>> {
    const [row] = await execute(this.databaseUrl, 'select * from approval.approval where id = $1', [
      id,
    ]);
    return row ?? {};
  }

  async isWaiting(callId: string): Promise<unknown> {
    const sql = 'select is_waiting from approval.waiting_call where call_id = $1';
    return (await execute(this.databaseUrl, sql, [callId]))[0]?.['is_waiting'];
  }
}

/** Opens houses, each on a database of its own, and ends everything after each test, the newest first. */
export function houses() {
  const closers: (() => Promise<void>)[] = [];
  const atEnd = (close: () => Promise<void>): void => void closers.unshift(close);
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  const newHouse = async (settings: HouseSettings = {}, replicas = 1): Promise<House> => {
    const database = await testDatabase();
    atEnd(async () => database.drop());
    const made = await new House(database.url, settings).open(replicas);
    atEnd(async () => made.close());
    return made;
  };
  return { newHouse, atEnd };
}
