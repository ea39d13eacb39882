import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, post } from './mcp-http.js';
import { failed, type Relayed, startRelayed } from './relayed.js';

const mail = 'ada@orders.example';

/** How a server puts an answer on the wire. */
interface Form {
  readonly status?: number;
  readonly type?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** The bytes, in pieces that are sent one by one. */
  readonly body: (message: string) => readonly (Buffer | string)[];
}

const json = (more: Partial<Form> = {}): Form => ({
  type: 'application/json',
  body: (message) => [message],
  ...more,
});
const packed = (coding: string, pack: (text: string) => Buffer | string): Form =>
  json({ headers: { 'content-encoding': coding }, body: (message) => [pack(message)] });
const stream = (body: (message: string) => string, more: Partial<Form> = {}): Form => ({
  type: 'text/event-stream',
  body: (message) => [body(message)],
  ...more,
});
const event = (message: string): string => `event: message\ndata: ${message}\n\n`;
/** JSON may be broken into lines between its tokens. */
const inLines = (message: string): string =>
  `data: ${JSON.stringify(JSON.parse(message), null, 1).replaceAll('\n', '\ndata: ')}\n\n`;
const escaped = (message: string): string =>
  message.replaceAll(/[@_]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
const bytewise = (text: string): Buffer[] => [...Buffer.from(text)].map((byte) => Buffer.of(byte));

/** Answers that can be read: they come filtered and masked. */
const readable: readonly (readonly [string, Form])[] = [
  ['JSON', json()],
  ['JSON, in capitals and with a charset', json({ type: 'Application/JSON; Charset=UTF-8' })],
  ...[200, 201, 203, 400, 404, 409, 418, 500, 502, 503].map(
    (status) => [`JSON with status ${status}`, json({ status })] as const,
  ),
  ['JSON with every other letter escaped', json({ body: (message) => [escaped(message)] })],
  ['JSON byte by byte', json({ body: bytewise })],
  ['JSON in gzip, though nobody asked for it', packed('gzip', gzipSync)],
  ['JSON in gzip, in capitals', packed('GZIP', gzipSync)],
  ['JSON in deflate', packed('deflate', deflateSync)],
  ['JSON in br', packed('br', brotliCompressSync)],
  ['JSON in no coding, said aloud', packed('identity', (text) => text)],
  ['a stream', stream(event)],
  ['a stream of CRLF', stream((message) => event(message).replaceAll('\n', '\r\n'))],
  ['a stream of CR', stream((message) => event(message).replaceAll('\n', '\r'))],
  ['a stream byte by byte', stream(event, { body: (message) => bytewise(event(message)) })],
  [
    'a stream of CRLF byte by byte',
    stream(event, { body: (message) => bytewise(event(message).replaceAll('\n', '\r\n')) }),
  ],
  ['a stream with the message in many lines', stream(inLines)],
  ['a stream with a mark of byte order', stream((message) => `\ufeff${event(message)}`)],
  ['a stream with comments and unknown fields', stream((m) => `: x\nodd: y\n${event(m)}`)],
  ['a stream without blanks', stream((message) => `data:${message}\n\n`)],
  ['a stream after an event of another type', stream((m) => `event: odd\ndata: x\n\n${event(m)}`)],
  ['a stream, in capitals and with a charset', stream(event, { type: 'TEXT/Event-Stream; x=y' })],
  ['a stream with status 201', stream(event, { status: 201 })],
  ['a stream with status 404', stream(event, { status: 404 })],
  ['a stream with status 500', stream(event, { status: 500 })],
  [
    'a stream in gzip',
    stream(event, {
      headers: { 'content-encoding': 'gzip' },
      body: (message) => [gzipSync(event(message))],
    }),
  ],
];

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

/** Answers that cannot be judged: nothing of them reaches the client. */
const withheld: readonly (readonly [string, Form])[] = [
  ['JSON said to be text', json({ type: 'text/plain' })],
  ['JSON said to be HTML, with status 500', json({ type: 'text/html', status: 500 })],
  ['JSON said to be another JSON', json({ type: 'application/vnd.api+json' })],
  ['JSON said to be text/json', json({ type: 'text/json' })],
  ['JSON said to be nothing', json({ type: undefined })],
  ['JSON of two types', json({ type: 'application/json, text/event-stream' })],
  ['JSON behind a mark of byte order', json({ body: (message) => [`\ufeff${message}`] })],
  ['JSON in UTF-16', json({ type: 'application/json; charset=utf-16', body: (m) => [utf16(m)] })],
  ['JSON behind something else', json({ body: (message) => [`)]}'\n${message}`] })],
  ['JSON twice', json({ body: (message) => [message, message] })],
  ['JSON in a list', json({ body: (message) => [`[${message}]`] })],
  ['a stream said to be JSON', json({ body: (message) => [event(message)] })],
  ['JSON said to be a stream', stream((message) => message)],
  ['a stream that is cut off in its event', stream((message) => event(message).trimEnd())],
  ['JSON in a coding of its own', packed('x-own', (text) => text)],
  ['JSON in zstd', packed('zstd', zstdCompressSync)],
  ['JSON packed twice', packed('gzip, gzip', (text) => gzipSync(gzipSync(text)))],
  ['JSON packed in secret', json({ body: (message) => [gzipSync(message)] })],
  ['JSON said to be packed', packed('gzip', (text) => text)],
  ['half of a packed JSON', packed('gzip', (text) => gzipSync(text).subarray(0, 40))],
  ['JSON with status 401', json({ status: 401 })],
  ['JSON with status 403', json({ status: 403 })],
];

/** Calls whose answers were withheld. */
const unread: string[] = [];
let house: Relayed;
let ada: Caller;
let eng: Caller;

beforeAll(async () => {
  house = await startRelayed('standalone', { sections: { ingress: { maxAnswerBytes: 65_536 } } });
  ({ ada, eng } = house);
}, 90_000);

afterAll(async () => house?.close(), 30_000);

/** From now on the server answers with this result in this form. */
function answerAs({ body, headers = {}, status = 200, type }: Form, result: object): void {
  house.upstream.answerWith(async ({ body: asked }, response) => {
    response.writeHead(status, {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...headers,
    });
    for (const piece of body(JSON.stringify({ jsonrpc: '2.0', id: asked['id'], result }))) {
      await new Promise((done) => response.write(piece, done));
    }
    response.end();
  });
}

const tools = { tools: ['plain_tool', 'secret_tool'].map((name) => ({ name, inputSchema: {} })) };
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const call = {
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name: 'whoami', arguments: {} },
};
const identity = { content: [{ type: 'text', text: `here is ${mail}` }] };

/** All that an answer holds, as bytes of text. */
async function bytesOf(answer: Response): Promise<string> {
  return Buffer.from(await answer.arrayBuffer()).toString('latin1');
}

describe.each(readable)('when a server answers with %s', (_, form) => {
  test('then a list comes out filtered, under the same status', async () => {
    answerAs(form, tools);
    const answer = await post(eng, list);
    const told = await bytesOf(answer);

    expect(answer.status).toBe(form.status ?? 200);
    expect(answer.headers.has('content-encoding')).toBe(false);
    expect(told).toContain('plain_tool');
    expect(told).not.toContain('secret_tool');
  });

  test('then a result comes out masked', async () => {
    answerAs(form, identity);
    const told = await bytesOf(await post(ada, call));

    expect(told).toContain('here is');
    expect(told).not.toMatch(/orders\.example/);
  });
});

describe.each(withheld)('when a server answers with %s', (_, form) => {
  test.each([
    ['a list', () => eng, list, tools],
    ['a result', () => ada, call, identity],
  ])('then nothing of %s is given out', async (_kind, who, asked, result) => {
    answerAs(form, result);
    const answer = await post(who(), asked);
    const told = await bytesOf(answer);

    expect(told).not.toMatch(/plain_tool|secret_tool|here is|orders\.example/);
    expect(JSON.parse(told.replace('event: message\ndata: ', ''))).toMatchObject({
      id: asked.id,
      error: { data: { code: expect.stringMatching(/^UPSTREAM_(UNREADABLE|UNAVAILABLE)$/) } },
    });
    unread.push(answer.headers.get('x-countersign-call') ?? '');
  });
});

test('when answers were withheld, then every one of them is on record', async () => {
  expect(unread).toHaveLength(2 * withheld.length);
  await Promise.all(
    unread.map(async (callId) =>
      expect(await house.recorded(callId, failed)).toMatchObject({
        code: expect.stringMatching(/^UPSTREAM_/),
        server: 'odd',
        principal: { tenantId: expect.any(String) },
      }),
    ),
  );
});

test('when an answer grows without bound as it is unpacked, then it ends at the limit', async () => {
  answerAs(packed('gzip', gzipSync), { content: [{ type: 'text', text: 'a'.repeat(50_000_000) }] });
  const answer = await post(ada, call);

  expect(await answer.json()).toMatchObject({ error: { data: { code: 'ANSWER_TOO_LARGE' } } });
});

test('when a list is no list, then nothing is offered', async () => {
  const [plain, hidden] = tools.tools;
  for (const odd of [
    { plain, hidden },
    'secret_tool',
    [[hidden]],
    [hidden, { ...hidden, name: 7 }],
  ]) {
    answerAs(json(), { tools: odd });
    expect(await bytesOf(await post(eng, list))).not.toContain('secret_tool');
  }
});

test('when a server fails in its own words, then they are masked under the same status', async () => {
  house.upstream.answerWith(({ body }, response) => {
    const error = { code: -32_000, message: mail, data: { mail } };
    response.writeHead(500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: body['id'], error }));
  });
  const answer = await post(ada, call);

  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain(mail);
});
