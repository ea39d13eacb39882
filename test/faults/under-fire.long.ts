import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { canBreakBrokers } from '../broker/broker.js';
import { execute } from '../postgres/test-database.js';
import { startWorld, type World } from '../stack/world.js';
import type { ClientCall } from './history.js';
import { buildPrograms, isReady } from './programs.js';
import { type Replica, serviceNames, type SplitStack, startSplitStack } from './split-stack.js';
import { type SpyUpstream, startSpyUpstream } from './spy-upstream.js';
import { anyOf, Deciders, type Fate, persistentCall } from './under-fire.js';

const calls = 1000;
const fireMs = 120_000;
const betweenKillsMs = 3000;
const settleMs = 240_000;

const rowSchema = z.object({
  id: z.string(),
  status: z.string(),
  nonce: z.string(),
  votes: z.array(z.object({ decision: z.string() })),
});
type Row = z.infer<typeof rowSchema>;

/** Seven of ten are approved; the others are refused, withdrawn, and left alone. */
const fates: readonly Fate[] = [
  ...Array.from({ length: 7 }, (): Fate => 'approve'),
  'refuse',
  'withdraw',
  'expire',
];

describe.skipIf(!canBreakBrokers())('with 1,000 approvals in flight', () => {
  let world: World;
  let spy: SpyUpstream;
  let stack: SplitStack;
  let approvals: Replica[];
  let ingresses: Replica[];

  beforeAll(async () => {
    await buildPrograms(serviceNames);
    spy = await startSpyUpstream();
    world = await startWorld({
      policies: resolve('test/faults/signing-policies'),
      servers: { spy: { url: spy.url } },
      sections: {
        ingress: {
          holdSilentMs: 20_000,
          callsPerCaller: 2000,
          maxConcurrentCalls: 5000,
        },
        approval: { leaseSeconds: 10, abandonAfterSeconds: 3600, pendingPerRequester: 5000 },
      },
    });
    stack = await startSplitStack(world);
    const { programs, urls } = stack;
    approvals = [
      { program: programs.approval, url: urls.approval },
      await stack.another('approval'),
      await stack.another('approval'),
    ];
    ingresses = [{ program: programs.ingress, url: urls.ingress }];
  }, 300_000);

  afterAll(async () => {
    await stack?.close();
    await spy?.close();
    await world?.close();
  }, 120_000);

  test('when approval replicas and ingress are killed at random for two minutes, then every approved call runs at most once, no other runs, and no decision is lost', async () => {
    const nonces = Array.from({ length: calls }, () => `nonce-${randomUUID()}`);
    const fateOf = new Map(nonces.map((nonce) => [nonce, anyOf(fates)]));
    const [requester, approver] = [await world.token('analyst'), await world.token('approver')];
    const deciders = new Deciders(
      { approvals: approvals.map(({ url }) => url), approver, requester },
      (nonce) => fateOf.get(nonce) ?? 'refuse',
    );
    const endMs = Date.now() + fireMs + settleMs;
    const gateways = ingresses.map(({ url }) => url);
    const clients = nonces.map(async (nonce) =>
      persistentCall(gateways, requester, nonce, () => Date.now() > endMs),
    );
    await inFlight(stack, calls);

    deciders.start();
    const kills = await fire([...approvals, ...ingresses]);
    const made = await Promise.all(clients);
    await deciders.stop();

    const rows = await rowsOf(stack);
    const executed = spy.executions().map(({ nonce }) => nonce);
    console.log(figures({ rows, made, kills, executed: executed.length, deciders }));
    expect(repeated(executed)).toEqual([]);
    const unsigned = rows.filter(({ status }) =>
      ['refused', 'withdrawn', 'expired'].includes(status),
    );
    const signed = new Set(rows.filter((row) => !unsigned.includes(row)).map(({ nonce }) => nonce));
    expect(executed.filter((nonce) => !signed.has(nonce))).toEqual([]);
    expect(lost(deciders, rows)).toEqual([]);
    expect(kills).toBeGreaterThan(5);
    expect(executed.length).toBeGreaterThan(calls / 4);
    // A call that was approved ran, unless its process died between the record and the server.
    const silent = rows.filter(
      ({ nonce, status }) => status === 'used' && !executed.includes(nonce),
    );
    expect(silent.length).toBeLessThan(kills);
    const open = rows.filter(({ status }) => status === 'pending' || status === 'leased');
    expect(open).toEqual([]);
  }, 900_000);
});

/** Waits until so many calls wait for people. */
async function inFlight(stack: SplitStack, count: number): Promise<void> {
  const sql = `select count(*)::int as n from approval.approval where status = 'pending'`;
  const endMs = Date.now() + 180_000;
  for (;;) {
    const [row] = await execute(stack.databaseUrl, sql, []);
    if (Number(row?.['n']) >= count) return;
    if (Date.now() > endMs) throw new Error(`only ${String(row?.['n'])} approvals are open`);
    await pause(500);
  }
}

/** Kills one by chance, again and again, and starts it anew. The number of kills. */
async function fire(replicas: readonly Replica[]): Promise<number> {
  const endMs = Date.now() + fireMs;
  let kills = 0;
  while (Date.now() < endMs) {
    const { program, url } = anyOf(replicas);
    await program.kill();
    kills += 1;
    await program.start();
    await isReady(url);
    await pause(Math.random() * betweenKillsMs);
  }
  return kills;
}

async function rowsOf(stack: SplitStack): Promise<Row[]> {
  const rows = await execute(
    stack.databaseUrl,
    `select id, status, votes, masked_arguments::json ->> 'nonce' as nonce from approval.approval`,
    [],
  );
  return z.array(rowSchema).parse(rows);
}

/** Acknowledged decisions that the database does not know. */
function lost({ acknowledged }: Deciders, rows: readonly Row[]): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return acknowledged
    .filter(({ approvalId, fate }) => {
      const row = byId.get(approvalId);
      if (row === undefined) return true;
      if (fate === 'withdraw') return row.status !== 'withdrawn';
      if (fate === 'refuse') return row.status !== 'refused';
      return !row.votes.some(({ decision }) => decision === 'approve');
    })
    .map(({ approvalId, fate }) => `${fate} of ${approvalId}`);
}

function repeated(nonces: readonly string[]): string[] {
  const seen = new Set<string>();
  return nonces.filter((nonce) => seen.has(nonce) || !seen.add(nonce));
}

function figures(facts: {
  readonly rows: readonly Row[];
  readonly made: readonly (readonly ClientCall[])[];
  readonly kills: number;
  readonly executed: number;
  readonly deciders: Deciders;
}): string {
  const { deciders, executed, kills, made, rows } = facts;
  const states = Map.groupBy(rows, ({ status }) => status);
  const counts = [...states].map(([status, all]) => `${all.length} ${status}`).join(', ');
  const requests = made.flat();
  const broken = requests.filter(({ outcome }) => outcome.kind === 'lost').length;
  const codes = Map.groupBy(requests, ({ outcome }) =>
    outcome.kind === 'refused' ? outcome.code : outcome.kind,
  );
  const ends = [...codes].map(([code, all]) => `${all.length} ${code}`).join(', ');
  return [
    `${kills} kills; ${rows.length} approvals: ${counts}`,
    `${requests.length} requests of ${made.length} calls, ${broken} broken off; ${executed} executed`,
    ends,
    `${deciders.presses} presses, ${deciders.acknowledged.length} acknowledged`,
  ].join('\n');
}
