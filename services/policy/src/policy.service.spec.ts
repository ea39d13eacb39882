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
  catalogDecided,
  catalogListed,
  type DataOf,
  type EventOf,
  policyPublished,
} from '#contracts';
import { callDigest, newSealKey, newSigningKey, Sealer, Verifier } from '#trust';
import { PolicyModule } from './policy.module.js';

const root = mkdtempSync(join(tmpdir(), 'countersign-policy-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const signing = newSigningKey();
const argumentsKey = newSealKey();
const sealer = new Sealer(argumentsKey, 'arguments');
const verifier = new Verifier(signing.publicKey);

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
  readonly ingress = new Bus(this.log, { group: 'ingress', startAt: 'committed' });
  readonly decided: EventOf<typeof callDecided>[] = [];
  readonly listed: EventOf<typeof catalogDecided>[] = [];
  readonly published: DataOf<typeof policyPublished>[] = [];
  app: INestApplicationContext | undefined;

  constructor() {
    this.ingress.on(callDecided, (event) => void this.decided.push(event));
    this.ingress.on(catalogDecided, (event) => void this.listed.push(event));
    this.ingress.on(policyPublished, (event) => void this.published.push(event.data));
  }

  write(text: string): void {
    writeFileSync(join(this.folder, 'policy.yaml'), text);
  }

  async start(): Promise<void> {
    const { bus, folder } = this;
    const { privateKey: signingKey } = signing;
    const parts = { bus, folder, servers: ['orders'], groups: {}, signingKey, argumentsKey };
    const module = await PolicyModule.register(parts);
    this.app = await NestFactory.createApplicationContext(module, { logger: false });
    await bus.listen((error) => expect(error).toBeUndefined());
    await this.ingress.listen((error) => expect(error).toBeUndefined());
  }

  async stop(): Promise<void> {
    await this.bus.close();
    await this.ingress.close();
    await this.app?.close();
    await this.log.close();
  }

  async ask(change: Partial<DataOf<typeof callRequested>> = {}): Promise<string> {
    const callId = crypto.randomUUID();
    const asked = {
      protocol: 'mcp',
      server: 'orders',
      method: 'tools/call',
      resource: 'refund',
      kind: 'statement' as const,
      facts: { action: 'execute' as const, objects: [], complete: false },
    };
    const opened = { arguments: { amount: 20 }, extras: {} };
    await this.ingress.publish(callRequested, {
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
      ...change,
    });
    return callId;
  }

  async verdict(callId: string) {
    return vi.waitFor(() => {
      const found = this.decided.find((event) => event.data.callId === callId);
      if (found === undefined) throw new Error('not decided yet');
      return found.data;
    }, 10_000);
  }
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
