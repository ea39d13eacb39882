import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Bus, InProcessLog } from '#bus';
import {
  callDecided,
  callRequested,
  callResumed,
  catalogDecided,
  catalogListed,
  type DataOf,
  definitionKey,
  definitionRecorded,
  type EventOf,
  grantDecided,
  grantIssued,
  grantRequested,
  grantRevoked,
  maxDefinitionsPerServer,
  policyPublished,
} from '#contracts';
import {
  callDigest,
  canonicalJson,
  newSealKey,
  newSigningKey,
  Sealer,
  sha256,
  Verifier,
} from '#trust';
import { LiveDefinitions } from './live-definitions.js';
import { definitionsReading, grantsReading, PolicyModule } from './policy.module.js';

const root = mkdtempSync(join(tmpdir(), 'countersign-policy-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const signing = newSigningKey();
const argumentsKey = newSealKey();
const sealer = new Sealer(argumentsKey, 'arguments');
const verifier = new Verifier(signing.publicKey);

const [known, other] = ['ab'.repeat(32), 'cd'.repeat(32)] as const;
const pin = { kind: 'tool', new: 'pass', changed: 'hold' } as const;

const rules = (effect: string): string => `
apiVersion: countersign/v1
kind: PolicyBundle
metadata: { name: test }
rules:
  - { id: r, effect: ${effect}, match: { server: orders } }
`;

/** The real module on a real log, and an ingress that writes down what it hears. */
class House {
  readonly folder = mkdtempSync(join(root, 'bundle-'));
  readonly log = new InProcessLog(join(root, `${crypto.randomUUID()}.sqlite`));
  readonly bus = new Bus(this.log, { group: 'policy', startAt: 'committed' });
  readonly grantsBus = new Bus(this.log, grantsReading());
  readonly definitionsBus = new Bus(this.log, definitionsReading());
  readonly approval = new Bus(this.log, { group: 'approval', startAt: 'committed' });
  readonly grantsDecided: EventOf<typeof grantDecided>[] = [];
  readonly ingress = new Bus(this.log, { group: 'ingress', startAt: 'committed' });
  readonly decided: EventOf<typeof callDecided>[] = [];
  readonly listed: EventOf<typeof catalogDecided>[] = [];
  readonly published: DataOf<typeof policyPublished>[] = [];
  #revision = 0;
  app: INestApplicationContext | undefined;

  constructor() {
    this.ingress.on(callDecided, (event) => void this.decided.push(event));
    this.ingress.on(grantDecided, (event) => void this.grantsDecided.push(event));
    this.ingress.on(catalogDecided, (event) => void this.listed.push(event));
    this.ingress.on(policyPublished, (event) => void this.published.push(event.data));
  }

  write(text: string): void {
    writeFileSync(join(this.folder, 'policy.yaml'), text);
  }

  async start({ readsDefinitions = true } = {}): Promise<void> {
    const { bus, definitionsBus, folder, grantsBus } = this;
    const { privateKey: signingKey } = signing;
    const orders = { command: ['orders'], env: {}, labels: {} };
    const servers = { current: { orders }, watch: async () => undefined, close: () => undefined };
    const parts = { bus, grantsBus, definitionsBus, folder, servers };
    const module = await PolicyModule.register({
      ...parts,
      groups: {},
      signingKey,
      argumentsKey,
    });
    this.app = await NestFactory.createApplicationContext(module, { logger: false });
    await bus.listen((error) => expect(error).toBeUndefined());
    await grantsBus.listen((error) => expect(error).toBeUndefined());
    if (readsDefinitions) await this.readDefinitions();
    await this.ingress.listen((error) => expect(error).toBeUndefined());
  }

  async readDefinitions(): Promise<void> {
    await this.definitionsBus.listen((error) => expect(error).toBeUndefined());
  }

  /** What approval says of the tool `refund`. */
  async record(change: Partial<DataOf<typeof definitionRecorded>> = {}): Promise<void> {
    const recorded = { server: 'orders', kind: 'tool', name: 'refund' } as const;
    const state = { state: 'accepted', cause: 'first-use', by: null } as const;
    const digests = { accepted: [known], latest: known };
    const at = { revision: (this.#revision += 1), recordedAt: new Date().toISOString() };
    await this.approval.publish(definitionRecorded, {
      ...recorded,
      ...state,
      ...digests,
      ...at,
      ...change,
    });
  }

  async stop(): Promise<void> {
    await this.bus.close();
    await this.grantsBus.close();
    await this.definitionsBus.close();
    await this.ingress.close();
    await this.app?.close();
    await this.log.close();
  }

  async ask(change: Partial<DataOf<typeof callRequested>> = {}): Promise<string> {
    const callId = crypto.randomUUID();
    await this.ingress.publish(callRequested, { ...request(callId), ...change });
    return callId;
  }

  async verdict(callId: string, isReleased = false) {
    return vi.waitFor(() => {
      const found = this.decided.find(
        ({ data }) =>
          data.callId === callId && (data.verdict.releases !== undefined) === isReleased,
      );
      if (found === undefined) throw new Error('not decided yet');
      return found.data;
    }, 10_000);
  }
}

/** A call as ingress asks for it. */
function request(callId: string, resource = 'refund'): DataOf<typeof callRequested> {
  const asked = {
    protocol: 'mcp',
    server: 'orders',
    method: 'tools/call',
    resource,
    kind: 'statement' as const,
    facts: { action: 'execute' as const, objects: [], complete: false },
  };
  const opened = { arguments: { amount: 20 }, extras: {} };
  return {
    ...asked,
    callId,
    ingress: 'here',
    labels: {},
    sessionId: null,
    parentCallId: null,
    principal,
    client: null,
    digest: callDigest({ ...asked, ...opened }),
    maskedArguments: '{}',
    sealedArguments: sealer.seal(JSON.stringify(opened), callId),
    deadline: new Date(Date.now() + 10_000).toISOString(),
  };
}

const principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person' as const,
  clientApp: 'app',
  displayName: null,
  groups: [],
  roles: [],
};

let house: House;
beforeEach(() => {
  house = new House();
});
afterEach(async () => house.stop());

test('when a call is requested, then the verdict is signed and names the bundle that is announced', async () => {
  house.write(rules('allow'));
  await house.start();

  const { signature, verdict } = await house.verdict(await house.ask());

  expect(verdict).toMatchObject({ effect: 'allow', ruleIds: ['r'], objectId: principal.objectId });
  expect(await verifier.verify('verdict', verdict, signature)).toBe(true);
  await vi.waitFor(() =>
    expect(house.published).toMatchObject([
      { outcome: 'loaded', bundle: verdict.bundle, rules: 1 },
    ]),
  );
});

test.each<[string, Partial<DataOf<typeof callRequested>>]>([
  ['the digest is that of other arguments', { digest: 'ab'.repeat(32) }],
  ['the seal is broken', { sealedArguments: 'AAAA'.repeat(20) }],
  ['the resource was exchanged after sealing', { resource: 'other' }],
])('when %s, then the call is denied', async (_, change) => {
  house.write(rules('allow'));
  await house.start();

  const { verdict } = await house.verdict(await house.ask(change));

  expect(verdict).toMatchObject({ effect: 'deny', ruleIds: [] });
});

test('when nobody waits for a call any more, then nothing is said of it', async () => {
  house.write(rules('allow'));
  await house.start();

  const late = await house.ask({ deadline: new Date(Date.now() - 1).toISOString() });
  await house.verdict(await house.ask());

  expect(house.decided.map((event) => event.data.callId)).not.toContain(late);
});

test('when the policy changes, then it holds from the next call on; when the change is bad, the last good one stays', async () => {
  house.write(rules('allow'));
  await house.start();
  expect((await house.verdict(await house.ask())).verdict.effect).toBe('allow');

  house.write(rules('deny'));
  await vi.waitFor(() => expect(house.published.length).toBe(2), 10_000);
  expect((await house.verdict(await house.ask())).verdict.effect).toBe('deny');

  house.write(rules('permit'));
  await vi.waitFor(() => expect(house.published.at(-1)?.outcome).toBe('refused'), 10_000);
  expect(house.published.at(-1)?.error).toMatch(/policy\.yaml[^]*effect/);
  expect((await house.verdict(await house.ask())).verdict.effect).toBe('deny');
});

test('when there is no good bundle at the start, then the service does not start', async () => {
  house.write('rules: [');

  await expect(house.start()).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
});

test('when a list is to be shown, then it is answered with what the caller may see', async () => {
  house.write(`${rules('allow')}  - { id: never, effect: deny, match: { tool: delete_all } }\n`);
  await house.start();
  const callId = crypto.randomUUID();

  await house.ingress.publish(catalogListed, {
    callId,
    ingress: 'here',
    part: 0,
    protocol: 'mcp',
    server: 'orders',
    labels: {},
    method: 'tools/call',
    resources: ['refund', 'delete_all'],
    principal,
  });

  await vi.waitFor(() =>
    expect(house.listed[0]?.data).toMatchObject({ callId, visible: ['refund'] }),
  );
});

const grantable = `
apiVersion: countersign/v1
kind: PolicyBundle
metadata: { name: test }
rules:
  - id: held
    effect: review
    match: { server: orders }
    approval: { approvers: ['group:a0000000-0000-4000-8000-000000000003'], grant: { for: 30m } }
`;

test('when a signed call is released, then it is judged anew, and the verdict says for which approval', async () => {
  house.write(grantable);
  await house.start();
  const callId = await house.ask({ justification: 'charged twice' });
  const first = await house.verdict(callId);
  expect(first.verdict.releases).toBeUndefined();
  expect(first.review).toMatchObject({
    justification: 'charged twice',
    rules: [{ id: 'held', message: null }],
  });
  house.write(rules('deny'));
  await vi.waitFor(() => expect(house.published.length).toBe(2), 10_000);

  const approvalId = crypto.randomUUID();
  await house.ingress.publish(callResumed, { ...request(callId), approvalId });

  const { signature, verdict } = await house.verdict(callId, true);
  expect(verdict).toMatchObject({ effect: 'deny', releases: approvalId });
  expect(await verifier.verify('verdict', verdict, signature)).toBe(true);
});

test('when a live grant covers the call, then the verdict proposes it, until it is revoked', async () => {
  house.write(grantable);
  await house.start();
  const grantId = crypto.randomUUID();
  const issue = async (id: string, when: string | null) =>
    house.approval.publish(grantIssued, {
      grantId: id,
      approvalId: crypto.randomUUID(),
      principal,
      scope: { server: 'orders', resources: ['refund'], when, calls: null },
      approvers: [principal],
      issuedAt: new Date().toISOString(),
      grantedUntil: new Date(Date.now() + 60_000).toISOString(),
    });
  const proposed = async (): Promise<readonly string[]> =>
    (await house.verdict(await house.ask())).verdict.grantIds ?? [];
  await issue(crypto.randomUUID(), 'call.arguments.amount > 20');
  await issue(crypto.randomUUID(), 'call.arguments.none == 1');
  await issue(grantId, 'call.arguments.amount == 20');

  await vi.waitFor(async () => expect(await proposed()).toEqual([grantId]), 10_000);
  const other = { ...principal, objectId: 'b0000000-0000-4000-8000-000000000009' };
  expect(
    (await house.verdict(await house.ask({ principal: other }))).verdict.grantIds,
  ).toBeUndefined();

  const revoked = { grantId, by: principal, reason: '', revokedAt: new Date().toISOString() };
  await house.approval.publish(grantRevoked, revoked);
  await vi.waitFor(async () => expect(await proposed()).toEqual([]), 10_000);
});

test('when a grant is asked for, then policy’s signed word names its scope and who must sign', async () => {
  house.write(grantable);
  await house.start();
  const scope = { server: 'orders', resources: ['refund'], when: null, calls: null };
  const grantId = crypto.randomUUID();

  await house.approval.publish(grantRequested, {
    grantId,
    principal,
    scope,
    seconds: 600,
    justification: 'refund day',
    requestedAt: new Date().toISOString(),
  });

  const { signature, verdict } = await vi.waitFor(() => {
    const [found] = house.grantsDecided;
    if (found === undefined) throw new Error('not decided yet');
    return found.data;
  }, 10_000);
  expect(verdict).toMatchObject({
    grantId,
    effect: 'review',
    scopeDigest: sha256(canonicalJson({ scope, seconds: 600 })),
  });
  expect(await verifier.verify('grant', verdict, signature)).toBe(true);
  expect(await verifier.verify('verdict', verdict, signature)).toBe(false);
});

const denied = { effect: 'deny', ruleIds: ['builtin:definition'] };

test('when the definition of a tool has changed, then its calls are denied until the new one is accepted', async () => {
  house.write(rules('allow'));
  await house.record();
  await house.record({ latest: other, state: 'held', cause: 'changed' });
  await house.start();
  const verdictOn = async (digest?: string) => {
    const definition = digest === undefined ? {} : { definition: { digest, hints: {} } };
    return (await house.verdict(await house.ask({ pin, ...definition }))).verdict;
  };

  expect(await verdictOn()).toMatchObject(denied);
  expect(await verdictOn(known)).toMatchObject(denied);
  expect(await verdictOn(other)).toMatchObject({ ...denied, definition: other });

  const by = { tenantId: principal.tenantId, objectId: principal.objectId, displayName: null };
  await house.record({ accepted: [other, known], latest: other, cause: 'accepted', by });
  await vi.waitFor(async () => expect(await verdictOn(other)).toMatchObject({ effect: 'allow' }));
  expect(await verdictOn('ef'.repeat(32))).toMatchObject(denied);
});

test('when the recorded definitions are not read yet, then no call is judged and no list is answered', async () => {
  house.write(rules('allow'));
  await house.record({ latest: other, state: 'held', cause: 'changed' });
  await house.start({ readsDefinitions: false });
  const looked = vi.spyOn(LiveDefinitions.prototype, 'checkCurrent');

  const call = await house.ask({ pin, definition: { digest: other, hints: {} } });
  await house.ingress.publish(catalogListed, { ...list(), pin, digests: [other, other] });
  // Both were looked at, and put off more than once.
  await vi.waitFor(() => expect(looked.mock.calls.length).toBeGreaterThan(3), 20_000);
  looked.mockRestore();
  expect([...house.decided, ...house.listed]).toEqual([]);

  await house.readDefinitions();
  expect((await house.verdict(call)).verdict).toMatchObject(denied);
  await vi.waitFor(() => expect(house.listed[0]?.data.held).toEqual(['refund']), 5000);
});

test('when the record of a definition cannot be read, then its calls are denied, and those of others are not', async () => {
  house.write(rules('allow'));
  await house.record();
  await house.log.append({
    topic: definitionRecorded.topic,
    key: definitionKey({ server: 'orders', kind: 'tool', name: 'refund' }),
    value: Buffer.from('{"accepted":'),
    headers: {},
  });
  await house.start();

  const definition = { digest: known, hints: {} };
  const damaged = await house.verdict(await house.ask({ pin, definition }));
  const listed = { ...list(), pin, digests: [known, known] };
  await house.ingress.publish(catalogListed, listed);

  expect(damaged.verdict).toMatchObject(denied);
  await vi.waitFor(() =>
    expect(house.listed[0]?.data).toMatchObject({ visible: ['delete_all'], held: ['refund'] }),
  );
});

test('when an earlier record of a definition comes once more, then the later one holds', async () => {
  house.write(rules('allow'));
  const [early, late] = ['2026-11-23T08:00:00.000Z', '2026-11-23T09:00:00.000Z'] as const;
  const changed = { latest: other, state: 'held', cause: 'changed' } as const;
  await house.record({ ...changed, revision: 2, recordedAt: late });
  await house.record({ revision: 1, recordedAt: early });
  await house.start();

  expect((await house.verdict(await house.ask({ pin }))).verdict).toMatchObject(denied);
});

test('when approval has lost its memory, then what it records anew holds', async () => {
  house.write(rules('allow'));
  const [early, late] = ['2026-11-23T08:00:00.000Z', '2026-11-23T09:00:00.000Z'] as const;
  await house.record({ revision: 9, recordedAt: early });
  await house.record({ accepted: [other], latest: other, revision: 1, recordedAt: late });
  await house.start();

  const definition = { digest: known, hints: {} };
  expect((await house.verdict(await house.ask({ pin, definition }))).verdict).toMatchObject(denied);
});

test.each([
  ['longer than is kept', 'x'.repeat(257)],
  ['with a control character', 'refund\u0007'],
])(
  'when a tool is called by a name %s, which no list shows, then the call is denied',
  async (_, name) => {
    house.write(rules('allow'));
    await house.start();
    const callId = crypto.randomUUID();

    await house.ingress.publish(callRequested, { ...request(callId, name), pin });

    expect((await house.verdict(callId)).verdict).toMatchObject(denied);
  },
);

test('when a server has more definitions than are kept, one of them damaged, then new ones are held', async () => {
  house.write(rules('allow'));
  const keyOf = (name: string) => definitionKey({ server: 'orders', kind: 'tool', name });
  const value = Buffer.from('{"accepted":');
  const { topic } = definitionRecorded;
  await Promise.all(
    Array.from({ length: maxDefinitionsPerServer }, async (_, at) =>
      house.log.append({ topic, key: keyOf(`tool-${at}`), value, headers: {} }),
    ),
  );
  await house.start();

  expect((await house.verdict(await house.ask({ pin }))).verdict).toMatchObject(denied);
});

test('when a list brings a definition that is not accepted, then it is left out, and the record says which', async () => {
  house.write(`${rules('allow')}  - { id: never, effect: deny, match: { tool: delete_all } }\n`);
  await house.record();
  await house.start();

  await house.ingress.publish(catalogListed, { ...list(), pin, digests: [other, other] });
  await house.ingress.publish(catalogListed, {
    ...list(),
    method: 'initialize',
    resources: [''],
    pin: { kind: 'instructions', new: 'hold', changed: 'hold' },
    digests: [other],
  });

  await vi.waitFor(() => expect(house.listed.length).toBe(2));
  const [tools, instructions] = ['delete_all', ''].map((name) =>
    house.listed.find(({ data }) => (name === '') === (data.held?.[0] === '')),
  );
  expect(tools?.data).toMatchObject({ visible: [], held: ['refund'] });
  expect(instructions?.data).toMatchObject({ visible: [], held: [''] });
});

test('when a changed definition may pass, then people who sign the call are told', async () => {
  house.write(grantable);
  await house.record({ latest: other, state: 'held', cause: 'changed' });
  await house.start();
  const passing = { ...pin, changed: 'pass' } as const;

  const seen = await house.verdict(
    await house.ask({ pin: passing, definition: { digest: other, hints: {} } }),
  );
  const unseen = await house.verdict(await house.ask({ pin: passing }));
  const held = await house.verdict(await house.ask({ pin }));

  expect(seen.review?.definition).toEqual({ digest: other, hints: {}, standing: 'changed' });
  expect(unseen.review?.definition).toEqual({ digest: other, hints: {}, standing: 'changed' });
  expect(unseen.verdict.definition).toBeUndefined();
  expect(held).toMatchObject({ verdict: { ...denied, approval: null }, review: null });
});

/** A list as ingress asks for it. */
function list(): DataOf<typeof catalogListed> {
  return {
    callId: crypto.randomUUID(),
    ingress: 'here',
    part: 0,
    protocol: 'mcp',
    server: 'orders',
    labels: {},
    method: 'tools/call',
    resources: ['refund', 'delete_all'],
    principal,
  };
}
