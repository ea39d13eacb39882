import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually, rest } from '../stack/http.js';
import { startWorld, type World } from '../stack/world.js';
import { oneCall, run, startApprover } from './load.js';
import { buildPrograms, isReady, Program } from './programs.js';
import { canaries, type SpyUpstream, startSpyUpstream } from './spy-upstream.js';

const calls = 300;
const callers = 4;
const pageSchema = z.object({
  events: z.array(
    z.object({
      event: z.object({
        id: z.string(),
        type: z.string(),
        data: z.looseObject({
          callId: z.string().optional(),
          maskedArguments: z.string().optional(),
        }),
      }),
    }),
  ),
  next: z.string().nullable(),
});
type Recorded = z.infer<typeof pageSchema>['events'][number]['event'];

describe('when standalone is killed in the middle of its calls', () => {
  let world: World;
  let spy: SpyUpstream;
  let dataDir: string;
  let program: Program;
  let url: string;

  beforeAll(async () => {
    await buildPrograms(['standalone']);
    spy = await startSpyUpstream();
    world = await startWorld({
      policies: resolve('test/faults/policies'),
      servers: { spy: { url: spy.url } },
      sections: { ingress: { holdSilentMs: 8000 } },
    });
    dataDir = await mkdtemp(join(tmpdir(), 'countersign-durability-'));
    await chmod(dataDir, 0o755);
    program = new Program('standalone', {
      ...world.environment,
      COUNTERSIGN_CONFIG: world.configFile,
      COUNTERSIGN_DATA_DIR: dataDir,
      COUNTERSIGN_PORT: String(world.port),
      COUNTERSIGN_LOG_LEVEL: 'warn',
    });
    url = await program.start();
    await isReady(url);
  }, 300_000);

  afterAll(async () => {
    await program?.stop();
    await spy?.close();
    await world?.close();
    await rm(dataDir, { recursive: true, force: true });
  }, 120_000);

  const postmaster = async (): Promise<number> => {
    const file = join(dataDir, 'postgres', 'postgres', 'data', 'postmaster.pid');
    return Number((await readFile(file, 'utf8')).split('\n')[0]);
  };

  const everything = async (): Promise<Recorded[]> => {
    const token = await world.token('auditor');
    const found: Recorded[] = [];
    let cursor = '';
    do {
      const query = `limit=500${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const { body } = await rest(`${url}/v1/events?${query}`, token);
      const page = pageSchema.parse(body);
      found.push(...page.events.map(({ event }) => event));
      cursor = page.next ?? '';
    } while (cursor !== '');
    return found;
  };

  test('then no acknowledged event is lost, its Postgres is in nobody’s way, and it works again', async () => {
    const caller = { url: `${url}/mcp/spy`, token: await world.token('analyst') };
    const approver = startApprover(url, await world.token('approver'));
    const orphans: number[] = [];
    const killAndRestart = async (): Promise<void> => {
      orphans.push(await postmaster());
      await program.kill();
      await program.start();
      await isReady(url);
    };

    const made = await run({
      caller,
      calls,
      callers,
      signedEvery: 25,
      event: { afterCalls: calls / 3, happens: killAndRestart },
      reachable: async () => isReady(url),
    });
    await approver.stop();

    const [orphan = 0] = orphans;
    expect(await postmaster()).not.toBe(orphan);
    expect(() => process.kill(orphan, 0)).toThrow('ESRCH');
    expect((await oneCall(caller)).outcome.kind).toBe('answered');
    const answered = made.filter((each) => each.outcome.kind === 'answered');
    const executed = spy.executions();
    const storyOf = (events: readonly Recorded[]) => {
      const byCall = Map.groupBy(events, ({ data }) => data.callId);
      const names = new Map<string, readonly string[]>();
      for (const { data, type } of events) {
        const [nonce] = /nonce-[\da-f-]{36}/.exec(data.maskedArguments ?? '') ?? [];
        if (nonce === undefined || type !== 'countersign.call.requested.v1') continue;
        const story = byCall.get(data.callId) ?? [];
        names.set(
          nonce,
          story.map((each) => each.type.split('.')[2] ?? ''),
        );
      }
      return (nonce: string): readonly string[] => names.get(nonce) ?? [];
    };
    const needed = ['requested', 'decided', 'forwarded', 'masked'];
    const events = await eventually(async () => {
      const found = await everything();
      const story = storyOf(found);
      for (const { nonce } of answered)
        expect(story(nonce)).toEqual(expect.arrayContaining(needed));
      for (const { nonce } of executed) expect(story(nonce)).toContain('forwarded');
      const unfinished = answered.filter(({ nonce }) => !story(nonce).includes('completed'));
      expect(unfinished.length).toBeLessThanOrEqual(callers);
      return found;
    }, 60_000);
    const unfinished = answered.filter(
      ({ nonce }) => !storyOf(events)(nonce).includes('completed'),
    );
    const ids = events.map((each) => each.id);
    const shown = made.map(({ text }) => text).join('');
    const broken = made.filter((each) => each.outcome.kind === 'lost').length;
    const once = new Set(executed.map(({ nonce }) => nonce)).size;
    console.log(
      `killed standalone: calls ${made.length}, answered ${answered.length}, disconnected ${broken}, executed ${executed.length}, events ${ids.length}, lost 0, doubled ${ids.length - new Set(ids).size}, unmasked ${canaries.filter((each) => shown.includes(each)).length}, answered without their last event ${unfinished.length}`,
    );
    expect(made).toHaveLength(calls);
    expect(new Set(ids).size).toBe(ids.length);
    expect(once).toBe(executed.length);
    for (const canary of canaries) {
      expect(shown).not.toContain(canary);
      expect(JSON.stringify(events)).not.toContain(canary);
      expect(program.written).not.toContain(canary);
    }
  }, 600_000);

  test('then it ends in good order when it is asked to, and leaves nothing running', async () => {
    const server = await postmaster();

    const code = await program.stop();

    expect(code).toBe(0);
    expect(() => process.kill(server, 0)).toThrow('ESRCH');
    await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed');
  }, 120_000);
});
