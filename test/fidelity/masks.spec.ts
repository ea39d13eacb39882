import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allEvents, type Caller, post } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { beginStream, type Heard, sayJson } from './scripted-upstream.js';

const mail = 'ada@orders.example';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let house: Relayed;
let ada: Caller;

beforeAll(async () => {
  house = await startRelayed('standalone');
  ({ ada } = house);
}, 90_000);

afterAll(async () => house?.close(), 30_000);

/** All that a text may stand for: itself, unescaped, and what is packed into it as base64. */
function* readings(value: unknown): Generator<string> {
  if (typeof value === 'string') {
    yield value;
    yield Buffer.from(value, 'base64').toString('utf8');
    yield Buffer.from(value, 'base64').toString('utf16le');
    for (const piece of value.match(/[\w+/=-]{16,}/g) ?? []) {
      yield Buffer.from(piece, 'base64').toString('utf8');
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    yield* readings(key);
    yield* readings(each);
  }
}
const found = (said: unknown): string[] =>
  [...readings(said)].filter((each) => each.includes(mail) || each.includes('orders.example'));

const asked: Readonly<Record<string, object>> = {
  'tools/call': { name: 'whoami', arguments: {}, _meta: { progressToken: 1 } },
  'prompts/get': { name: 'whoami' },
  'resources/read': { uri: 'whoami' },
  'completion/complete': {
    ref: { type: 'ref/prompt', name: 'whoami' },
    argument: { name: 'a', value: '' },
  },
};

/** Where a value may stand in a result, by what is asked. */
const results: readonly (readonly [string, keyof typeof asked, object])[] = [
  ['a text', 'tools/call', { content: [{ type: 'text', text: `write to ${mail}.` }] }],
  ['JSON in a text', 'tools/call', { content: [{ type: 'text', text: `{"a":["${mail}"]}` }] }],
  [
    'escaped JSON in a text',
    'tools/call',
    { content: [{ type: 'text', text: '{"a":"ada\\u0040orders.example"}' }] },
  ],
  ['base64 in a text', 'tools/call', { content: [{ type: 'text', text: `x ${base64(mail)}` }] }],
  [
    'a structured result beside a text',
    'tools/call',
    { content: [{ type: 'text', text: mail }], structuredContent: { deep: [{ er: { mail } }] } },
  ],
  ['a structured list', 'tools/call', { content: [], structuredContent: [mail] }],
  ['a name of a member', 'tools/call', { content: [], structuredContent: { [mail]: 1 } }],
  ['a tool error', 'tools/call', { isError: true, content: [{ type: 'text', text: mail }] }],
  [
    'the text of an embedded resource',
    'tools/call',
    { content: [{ type: 'resource', resource: { uri: 'a://b', text: mail } }] },
  ],
  [
    'the bytes of an embedded resource',
    'tools/call',
    {
      content: [
        { type: 'resource', resource: { uri: 'a://b', mimeType: 'text/csv', blob: base64(mail) } },
      ],
    },
  ],
  [
    'a link to a resource',
    'tools/call',
    { content: [{ type: 'resource_link', uri: `mailto:${mail}`, name: mail, description: mail }] },
  ],
  ['content of an unknown type', 'tools/call', { content: [{ type: 'odd', odd: { mail } }] }],
  ['annotations', 'tools/call', { content: [{ type: 'text', text: '', annotations: { mail } }] }],
  ['_meta of a result', 'tools/call', { content: [], _meta: { 'vendor/x': { mail } } }],
  ['a member that nobody knows', 'tools/call', { content: [], odd: { mail } }],
  [
    'a question in a result',
    'tools/call',
    {
      resultType: 'input_required',
      inputRequests: { a: { method: 'elicitation/create', params: { message: mail } } },
    },
  ],
  [
    'a prompt',
    'prompts/get',
    { description: mail, messages: [{ role: 'user', content: { type: 'text', text: mail } }] },
  ],
  [
    'a resource in a prompt',
    'prompts/get',
    {
      messages: [
        { role: 'user', content: { type: 'resource', resource: { uri: 'a://b', text: mail } } },
      ],
    },
  ],
  ['the text of a resource', 'resources/read', { contents: [{ uri: 'a://b', text: mail }] }],
  [
    'the bytes of a resource',
    'resources/read',
    { contents: [{ uri: 'a://b', mimeType: 'text/plain', blob: base64(`to ${mail}`) }] },
  ],
  [
    'the bytes of a resource in UTF-16',
    'resources/read',
    { contents: [{ uri: 'a://b', blob: Buffer.from(mail, 'utf16le').toString('base64') }] },
  ],
  ['a completion', 'completion/complete', { completion: { values: [mail], hasMore: false } }],
];

const request = (method: string) => ({ jsonrpc: '2.0', id: 1, method, params: asked[method] });

test.each(results)('when a server says %s, then it comes masked', async (_, method, result) => {
  house.upstream.answerWith(({ body }, response) =>
    sayJson(response, { jsonrpc: '2.0', id: body['id'], result, 'vendor/x': mail }),
  );
  const told: unknown = await (await post(ada, request(method))).json();

  expect(told).toMatchObject({ jsonrpc: '2.0', id: 1 });
  expect(found(told)).toEqual([]);
});

test.each(Object.keys(asked))(
  'when a server fails at %s, then message and data of the error come masked',
  async (method) => {
    house.upstream.answerWith(({ body }, response) => {
      const data = { mail, deep: [{ text: `to ${mail}`, blob: base64(mail) }] };
      const error = { code: -32_000, message: `no ${mail}`, data, odd: mail };
      sayJson(response, { jsonrpc: '2.0', id: body['id'], error });
    });
    const told: unknown = await (await post(ada, request(method))).json();

    expect(told).toMatchObject({ id: 1, error: { code: -32_000 } });
    expect(found(told)).toEqual([]);
  },
);

/** What a server says by itself while a call runs. */
const notices: readonly (readonly [string, object])[] = [
  ['notifications/message', { level: 'info', logger: mail, data: { text: mail } }],
  ['notifications/progress', { progress: 1, message: `wrote to ${mail}` }],
  ['notifications/resources/updated', { uri: `mailto:${mail}`, title: mail }],
  ['notifications/tasks/status', { taskId: 't', status: 'working', statusMessage: mail }],
  ['notifications/vendor', { [mail]: mail }],
];

test('when a server tells of its work, and asks for more, then all of it comes masked, however it is cut', async () => {
  const messages = [
    ...notices.map(([method, params]) => ({ method, params: { ...params, _meta: { mail } } })),
    { id: 'q-1', method: 'elicitation/create', params: { message: mail, requestedSchema: {} } },
    { id: 'q-2', method: 'sampling/createMessage', params: { systemPrompt: mail, messages: [] } },
    { id: 'q-3', method: 'roots/list', params: { _meta: { mail } } },
  ];
  house.upstream.answerWith(async ({ body: { id, method } }, response) => {
    if (method === undefined) {
      response.writeHead(202).end();
      return;
    }
    beginStream(response);
    for (const message of messages) await inPieces(response, { jsonrpc: '2.0', ...message });
    const result = { content: [{ type: 'text', text: mail }] };
    await inPieces(response, { jsonrpc: '2.0', id, result });
    response.end();
  });
  const events = await allEvents(await post(ada, request('tools/call')));
  const said = events.map(({ data }): unknown => JSON.parse(data));

  expect(said).toMatchObject([...messages.map(({ method }) => ({ method })), { id: 1 }]);
  expect(found(said)).toEqual([]);
});

test('when a masked result has a schema, then it still fits, and an SDK client takes it', async () => {
  const properties = {
    mail: { type: 'string' },
    count: { type: 'integer' },
    isKnown: { type: 'boolean' },
    nothing: { type: 'null' },
    all: { type: 'array', items: { type: 'string' }, minItems: 2 },
  };
  const outputSchema = { type: 'object', properties, required: Object.keys(properties) };
  const structuredContent = { mail, count: 3, isKnown: true, nothing: null, all: [mail, 'plain'] };
  house.upstream.answerWith(({ body: { id, method }, verb }: Heard, response) => {
    if (verb !== 'POST') response.writeHead(405).end();
    else if (id === undefined) response.writeHead(202).end();
    else sayJson(response, { jsonrpc: '2.0', id, result: answers[String(method)] ?? {} });
  });
  const answers: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'x', version: '1' },
    },
    'tools/list': { tools: [{ name: 'whoami', inputSchema: { type: 'object' }, outputSchema }] },
    'tools/call': {
      content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
      structuredContent,
    },
  };
  const client = new Client({ name: 'strict', version: '1' });
  const headers = { authorization: `Bearer ${ada.token}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(ada.url), { requestInit: { headers } }),
  );
  await client.listTools();
  const result = await client.callTool({ name: 'whoami', arguments: {} });
  await client.close();

  expect(result.structuredContent).toMatchObject({
    mail: expect.any(String),
    count: 3,
    isKnown: true,
    nothing: null,
    all: [expect.any(String), 'plain'],
  });
  expect(found(result)).toEqual([]);
});

/** One event in two halves, cut in the middle of the value where it holds one. */
async function inPieces(response: Parameters<typeof sayJson>[0], message: object): Promise<void> {
  const text = `data: ${JSON.stringify(message)}\n\n`;
  const middle = Math.max(text.indexOf(mail), 0) + 5;
  for (const piece of [text.slice(0, middle), text.slice(middle)]) {
    await new Promise((done) => response.write(piece, done));
    await new Promise((done) => setTimeout(done, 5));
  }
}
