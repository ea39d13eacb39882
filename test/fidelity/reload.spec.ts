import { readFile, writeFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { eventually } from '../stack/http.js';
import { stackNames } from '../stack/stack.js';
import { type Caller, eventsIn, post, postModern } from './mcp-http.js';
import { failed, type Relayed, startRelayed } from './relayed.js';
import {
  beginStream,
  sayEvent,
  sayJson,
  type ScriptedUpstream,
  startScriptedUpstream,
} from './scripted-upstream.js';

const configSchema = z.record(z.string(), z.unknown());
/** Nobody answers there: whoever is asked about it is refused, under status 200. */
const gone = 'http://127.0.0.1:9/mcp';
type Servers = Record<string, unknown>;
const call = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: {} },
};

describe.each(stackNames)('on %s', (kind) => {
  let house: Relayed;
  let other: ScriptedUpstream;
  let ada: Caller;
  let first: Servers;

  beforeAll(async () => {
    house = await startRelayed(kind);
    other = await startScriptedUpstream();
    ({ ada } = house);
    first = { odd: { url: house.upstream.url } };
    says(house.upstream, 'the old one');
    says(other, 'the new one');
  }, 90_000);

  afterAll(async () => {
    await house?.close();
    await other?.close();
  }, 30_000);

  const says = (upstream: ScriptedUpstream, text: string): void =>
    upstream.answerWith(({ body: { id } }, response) =>
      sayJson(response, { jsonrpc: '2.0', id, result: { text, resultType: 'complete' } }),
    );
  /** Holds what it is asked; returns how to let it answer. */
  const holds = (upstream: ScriptedUpstream, text: string): (() => void) => {
    const waiting: (() => void)[] = [];
    upstream.answerWith(({ body: { id } }, response) => {
      waiting.push(() => sayJson(response, { jsonrpc: '2.0', id, result: { text } }));
    });
    return () => {
      for (const each of waiting) each();
    };
  };
  let marks = 0;
  /** Resolves when these are the servers. */
  const configure = async (servers: Servers): Promise<void> => {
    const file = house.world.configFile;
    marks += 1;
    const mark = `mark-${marks}`;
    const all = { ...servers, [mark]: { url: gone } };
    const { servers: _, ...others } = configSchema.parse(parse(await readFile(file, 'utf8')));
    await writeFile(file, stringify({ ...others, servers: all }));
    await eventually(async () => expect((await post(at(mark), call)).status).toBe(200));
  };
  const at = (server: string): Caller => ({ ...ada, url: ada.url.replace(/odd$/, server) });
  const told = async (server: string): Promise<string> => {
    const answer = await post(at(server), call);
    return `${answer.status} ${await answer.text()}`;
  };

  test('when a server is added, then it can be called; when it is removed, then it is unknown, and that is on record', async () => {
    expect(await told('late')).toMatch(/^404/);
    await configure({ ...first, late: { url: other.url } });
    expect(await told('late')).toMatch(/^200 .*the new one/);
    expect(await told('odd')).toMatch(/^200 .*the old one/);

    await configure(first);
    const before = other.heard.length;
    const answer = await post(at('late'), call);
    expect(await answer.json()).toMatchObject({ error: { data: { code: 'SERVER_UNKNOWN' } } });
    const callId = answer.headers.get('x-countersign-call');
    expect(await house.recorded(callId, failed)).toMatchObject({ code: 'SERVER_UNKNOWN' });
    expect(other.heard.length).toBe(before);
  });

  test('when a server moves while calls run, then they end where they began, and the next goes to the new place', async () => {
    const finish = holds(house.upstream, 'the old one');
    const before = house.upstream.heard.length;
    const running = Array.from({ length: 10 }, async () => (await post(ada, call)).text());
    await eventually(() => expect(house.upstream.heard.length).toBe(before + 10));

    await configure({ odd: { url: other.url } });
    expect(await told('odd')).toContain('the new one');
    finish();
    for (const each of await Promise.all(running)) expect(each).toContain('the old one');
    expect(house.upstream.heard.slice(before).every(({ isBrokenOff }) => !isBrokenOff())).toBe(
      true,
    );
    says(house.upstream, 'the old one');
    const heard = house.upstream.heard.length;
    for (const _ of [1, 2, 3]) expect(await told('odd')).toContain('the new one');
    expect(house.upstream.heard.length).toBe(heard);

    await configure(first);
    expect(await told('odd')).toContain('the old one');
  });

  test('when a server is removed while it answers in a stream, then the stream is heard to its end', async () => {
    let finish = (): void => undefined;
    other.answerWith(({ body: { id } }, response) => {
      beginStream(response);
      sayEvent(response, { message: { jsonrpc: '2.0', method: 'notifications/x' } });
      finish = () => {
        sayEvent(response, { message: { jsonrpc: '2.0', id, result: { text: 'done' } } });
        response.end();
      };
    });
    await configure({ ...first, late: { url: other.url } });
    const events = eventsIn(await post(at('late'), call));
    await events.next();
    await configure(first);
    expect(await told('late')).toMatch(/^404/);
    finish();

    expect((await events.next()).value?.data).toContain('done');
    expect((await events.next()).done).toBe(true);
  });

  test('when a server moves, then nothing that it was known by holds for the new one', async () => {
    const opens = (upstream: ScriptedUpstream, session: string): void =>
      upstream.answerWith(({ body: { id, method }, headers }, response) => {
        if (method === 'server/discover') {
          response.writeHead(400, { 'content-type': 'text/plain' }).end('no');
        } else if (method === 'initialize') {
          sayJson(response, { jsonrpc: '2.0', id, result: {} }, { 'mcp-session-id': session });
        } else if (headers['mcp-session-id'] === session || headers['mcp-session-id'] === undefined)
          sayJson(response, { jsonrpc: '2.0', id, result: { resultType: 'complete' } });
        else response.writeHead(404).end();
      });
    opens(house.upstream, 'old-session');
    opens(other, 'new-session');
    const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} };
    const opened = await post(ada, initialize);
    await opened.text();
    const session = opened.headers.get('mcp-session-id') ?? '';
    // It has shown that it speaks the older era alone: from now on headers are left to it.
    await (await postModern(ada, { id: 1, method: 'server/discover', params: {} })).text();
    const mismatch = async (): Promise<number> =>
      (await postModern(ada, { id: 2, method: 'tools/list', params: {} }, { 'mcp-method': 'x' }))
        .status;
    expect(await mismatch()).toBe(200);

    await configure({ odd: { url: other.url } });
    expect(await mismatch()).toBe(400);
    expect((await post({ ...ada, session }, call)).status).toBe(404);

    says(house.upstream, 'the old one');
    says(other, 'the new one');
    await configure(first);
    expect(await told('odd')).toContain('the old one');
  });

  const spoilt = (change: object) => (text: string) =>
    stringify({ ...configSchema.parse(parse(text)), ...change });

  const spoilings: readonly (readonly [string, (text: string) => string])[] = [
    ['has a mistake elsewhere', spoilt({ servers: {}, ingress: 7 })],
    ['is no YAML', () => 'servers: {'],
    ['is empty', () => ''],
    ['is bytes', () => '\0'],
    ['has a server without a place', spoilt({ servers: { odd: {} } })],
    ['has a server of another scheme', spoilt({ servers: { odd: { url: 'file:///etc/passwd' } } })],
    ['has a word that nobody knows', spoilt({ servers: {}, odd: 1 })],
  ];

  test('when the changed file has a mistake, then the servers stay until it is put right', async () => {
    const file = house.world.configFile;
    const text = await readFile(file, 'utf8');
    const errors = vi.spyOn(Logger.prototype, 'error');
    for (const [how, spoil] of kind === 'standalone' ? spoilings : spoilings.slice(0, 1)) {
      errors.mockClear();
      await writeFile(file, spoil(text));
      await eventually(() => expect(errors.mock.calls.join(), how).toContain('the servers stay'));
      expect(await told('odd'), how).toMatch(/^200 .*the old one/);
    }
    errors.mockRestore();
    await writeFile(file, text);
    await configure({ odd: { url: other.url } });
    expect(await told('odd')).toMatch(/^200 .*the new one/);
  });
});
