import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Caller, post, postModern } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { sayJson } from './scripted-upstream.js';

let house: Relayed;
let ada: Caller;
let eng: Caller;

const plain = ['one', 'two', 'three'];
const secret = ['secret_one', 'secret_two', 'secret://three'];
const all = plain.flatMap((name, at) => [secret[at] ?? '', name]);

/** What is listed, by method: its member, and what names an item. */
const lists = {
  'tools/list': { items: 'tools', name: 'name', used: 'tools/call', by: 'name' },
  'prompts/list': { items: 'prompts', name: 'name', used: 'prompts/get', by: 'name' },
  'resources/list': { items: 'resources', name: 'uri', used: 'resources/read', by: 'uri' },
  'resources/templates/list': {
    items: 'resourceTemplates',
    name: 'uriTemplate',
    used: 'resources/read',
    by: 'uri',
  },
} as const;
type List = keyof typeof lists;
const names = Object.keys(lists).filter((name): name is List => name in lists);

beforeAll(async () => {
  house = await startRelayed('standalone');
  ({ ada, eng } = house);
  house.upstream.answerWith(({ body: { id, method, params } }, response) => {
    const list = names.find((name) => name === method);
    if (list === undefined) {
      sayJson(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', content: [] } });
      return;
    }
    const { items, name } = lists[list];
    // Two on a page, so that some pages hold nothing that may be seen.
    const { cursor = '0' } = z.object({ cursor: z.string().optional() }).parse(params ?? {});
    const at = Number(cursor);
    const page = [...secret, ...all].slice(at, at + 2).map((each) => ({ [name]: each }));
    const more = at + 2 < secret.length + all.length ? { nextCursor: String(at + 2) } : {};
    const result = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };
    sayJson(response, { jsonrpc: '2.0', id, result: { ...result, [items]: page, ...more } });
  });
}, 90_000);

afterAll(async () => house?.close(), 30_000);

const resultSchema = z.object({ result: z.looseObject({ nextCursor: z.string().optional() }) });

/** All names of a list, page by page under the server's own cursor. */
async function listed(who: Caller, method: List): Promise<unknown[]> {
  const found: unknown[] = [];
  let cursor: string | undefined;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await post(who, { jsonrpc: '2.0', id: 1, method, params });
    const { result } = resultSchema.parse(await answer.json());
    const items = z.array(z.record(z.string(), z.unknown())).parse(result[lists[method].items]);
    found.push(...items.map((item) => item[lists[method].name]));
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return found;
}

test.each(names)(
  'when %s is asked for page by page, then each caller finds what it may use, in the server’s order',
  async (method) => {
    expect(await listed(ada, method)).toEqual([...secret, ...all]);
    expect(await listed(eng, method)).toEqual(plain);
  },
);

test.each(names)(
  'when what is missing from %s is used all the same, then the answer is that of what never was, and the server is not asked',
  async (method) => {
    const { by, used } = lists[method];
    const seen = await listed(eng, method);
    const missing = (await listed(ada, method)).filter((each) => !seen.includes(each));
    const before = house.upstream.heard.length;
    const told = async (name: unknown) => {
      const params = { [by]: name, arguments: {} };
      const older = await post(eng, { jsonrpc: '2.0', id: 1, method: used, params });
      const modern = await postModern(
        eng,
        { id: 2, method: used, params },
        { 'mcp-name': String(name) },
      );
      const texts = [await older.text(), await modern.text()];
      return texts.map((text) => text.replaceAll(String(name), 'NAME'));
    };
    const never = await told('secret_that_never_was');

    expect(missing.length).toBeGreaterThan(0);
    for (const name of missing) expect(await told(name)).toEqual(never);
    expect(never.join('')).not.toMatch(/rule|policy|denied/i);
    expect(house.upstream.heard.length).toBe(before);
  },
);

test.each<[string, object]>([
  ['resources/subscribe', { uri: 'secret://three' }],
  ['resources/unsubscribe', { uri: 'secret://three' }],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'secret_one' }, argument: { name: 'a', value: '' } },
  ],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'secret://three' }, argument: { name: 'a', value: '' } },
  ],
])('when %s names what is hidden, then the server is not asked', async (method, params) => {
  const before = house.upstream.heard.length;
  const answer = await post(eng, { jsonrpc: '2.0', id: 1, method, params });

  expect(await answer.json()).toMatchObject({ id: 1, error: { code: expect.any(Number) } });
  expect(house.upstream.heard.length).toBe(before);
});

test('when a list was filtered for somebody, then it says that nobody else may keep it', async () => {
  const asked = { id: 1, method: 'tools/list', params: {} };
  expect(await (await postModern(eng, asked)).json()).toMatchObject({
    result: { cacheScope: 'private' },
  });
});

test.each(['Secret_one', 'secret_one ', 'ſecret_one', 'secret\u0000_one', '\u200bsecret_one'])(
  'when a hidden tool is called %o, then that is another name, and the server reads just that',
  async (name) => {
    const before = house.upstream.heard.length;
    const params = { name, arguments: {} };
    await (await post(eng, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })).text();

    for (const { body } of house.upstream.heard.slice(before)) {
      expect(body['params']).toMatchObject({ name });
    }
  },
);
