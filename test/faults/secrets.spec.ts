import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { callTool } from './client.js';
import { canaries, type SpyUpstream, startSpyUpstream } from './spy-upstream.js';

const asked = { nonce: 'n-1', mail: 'asked.of@lighthouse-hotel.example' };

describe('when a call has gone through to a server that wants no credential', () => {
  let world: World;
  let stack: Stack;
  let spy: SpyUpstream;
  let token: string;

  beforeAll(async () => {
    spy = await startSpyUpstream();
    world = await startWorld({
      policies: resolve('test/faults/policies'),
      servers: { spy: { url: spy.url } },
    });
    stack = await stacks.standalone(world);
    token = await world.token('analyst');
    const call = await callTool({ url: `${stack.gateway}/mcp/spy`, token }, 'echo', asked);
    expect(call.outcome.kind).toBe('answered');
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    await spy?.close();
  }, 30_000);

  test('then the server was sent the call, and neither the caller’s token nor any other', () => {
    const [heard = '', ...others] = spy.heard;

    expect(others).toEqual([]);
    expect(heard).toContain(asked.mail);
    expect(heard).not.toMatch(/^(proxy-)?authorization$|^cookie$/im);
    for (const piece of token.split('.')) expect(heard).not.toContain(piece);
  });

  test('then the bus holds neither the token, nor arguments or answers in clear', async () => {
    const file = join(world.folder, 'data', 'private', 'events.sqlite');
    const bus = await eventually(async () => {
      const texts = await Promise.all([file, `${file}-wal`].map(async (each) => readFile(each)));
      const found = Buffer.concat(texts).toString('latin1');
      expect(found).toContain('countersign.call.completed.v1');
      return found;
    });

    const secrets = [...token.split('.').slice(1), asked.mail, ...canaries];
    expect(secrets.filter((secret) => bus.includes(secret))).toEqual([]);
  });
});
