import { afterAll, beforeAll, expect, test } from 'vitest';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type RawAnswer, sendBytes, sendRaw } from '../faults/raw-http.js';
import { failed, type Relayed, startRelayed } from './relayed.js';
import { sayJson } from './scripted-upstream.js';

let house: Relayed;
let port: number;
let token: string;

beforeAll(async () => {
  house = await startRelayed('standalone');
  ({ port } = house.world);
  ({ token } = house.ada);
  house.upstream.answerWith(({ body }, response) =>
    sayJson(response, { jsonrpc: '2.0', id: body['id'], result: { ok: true } }),
  );
}, 90_000);

afterAll(async () => house?.close(), 30_000);

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name: 'secret_tool', arguments: {} },
});
const json = ['Content-Type', 'application/json'] as const;
type Headers = readonly (readonly [string, string])[];

const usual = (): Headers => [
  ['Host', `localhost:${port}`],
  ['Authorization', `Bearer ${token}`],
  ['Accept', 'application/json, text/event-stream'],
];

/** A request as text, so that nothing of it is put right; the length is said unless told otherwise. */
function raw(
  headers: readonly string[],
  content: string,
  { line = 'POST /mcp/odd HTTP/1.1', length = `Content-Length: ${content.length}` } = {},
): Buffer {
  const named = usual().map(([name, value]) => `${name}: ${value}`);
  const said = length === '' ? [] : [length];
  const all = [line, ...named, json.join(': '), ...headers, ...said, 'Connection: close'];
  return Buffer.from(`${all.join('\r\n')}\r\n\r\n${content}`, 'latin1');
}

const chunked = (text: string, size = text.length.toString(16)): string =>
  `${size}\r\n${text}\r\n0\r\n\r\n`;

/** What Node lets through: refused here, by name. */
const ours: readonly (readonly [string, () => Headers, number, string])[] = [
  ['two Host', () => [json, ['Host', 'attacker.example']], 400, 'REQUEST_HEADERS_REFUSED'],
  [
    'two Host that are alike',
    () => [json, ['Host', `localhost:${port}`]],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two Authorization',
    () => [json, ['Authorization', 'Bearer other']],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two Authorization in other letters',
    () => [json, ['aUTHORIZATION', `Bearer ${token}`]],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two Content-Type',
    () => [json, ['Content-Type', 'text/plain']],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two Origin',
    () => [json, ['Origin', 'null'], ['Origin', 'null']],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two versions',
    () => [json, ['MCP-Protocol-Version', '2025-11-25'], ['Mcp-Protocol-Version', '2025-06-18']],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  [
    'two of a header that nobody knows, of the protocol’s kind',
    () => [json, ['Mcp-Param-A', '1'], ['mcp-param-a', '2']],
    400,
    'REQUEST_HEADERS_REFUSED',
  ],
  ['more than a hundred headers', () => [json, ...many(100)], 400, 'REQUEST_HEADERS_REFUSED'],
  ['a foreign Origin', () => [json, ['Origin', 'https://attacker.example']], 403, 'ORIGIN_REFUSED'],
  ['an Origin of null', () => [json, ['Origin', 'null']], 403, 'ORIGIN_REFUSED'],
  ['an empty Origin', () => [json, ['Origin', '']], 403, 'ORIGIN_REFUSED'],
  [
    'its own host as Origin, where none is allowed',
    () => [json, ['Origin', `http://localhost:${port}`]],
    403,
    'ORIGIN_REFUSED',
  ],
  ...[
    'text/plain',
    'text/json',
    'application/json-patch+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=utf-7',
    'application/json; charset=utf-8; charset=utf-16',
    'application/octet-stream',
  ].map((type): readonly [string, () => Headers, number, string] => [
    `the media type ${type}`,
    () => [['Content-Type', type]],
    415,
    'MEDIA_TYPE_REFUSED',
  ]),
  ...['gzip', 'br', 'deflate', 'identity', 'gzip, identity', 'x'].map(
    (coding): readonly [string, () => Headers, number, string] => [
      `the coding ${coding}`,
      () => [json, ['Content-Encoding', coding]],
      415,
      'MEDIA_TYPE_REFUSED',
    ],
  ),
];

function many(count: number): Headers {
  return Array.from({ length: count }, (_, index) => [`X${index}`, ''] as const);
}

/** Calls that were refused, with the code that the record is to have. */
const refused: { readonly callId: string; readonly code: string }[] = [];

/** Refused by name, and not a byte of it at the server; that it is on record is seen at the end. */
function expectRefused(answer: RawAnswer, status: number, code: string, before: number): void {
  expect({ status: answer.status, told: answer.body }).toMatchObject({
    status,
    told: expect.stringContaining(`"code":"${code}"`),
  });
  expect(house.upstream.heard.length).toBe(before);
  refused.push({ callId: answer.headers.get('x-countersign-call') ?? '', code });
}

test('when a request has nothing odd, then it is answered', async () => {
  const headers = [...usual(), json];
  const answer = await sendRaw(port, { target: '/mcp/odd', headers, body });

  expect(answer.status).toBe(200);
});

test.each(ours)(
  'when a request has %s, then it is refused by name, and not sent on',
  async (_, more, status, code) => {
    const before = house.upstream.heard.length;
    const headers = [...usual(), ...more()];
    const answer = await sendRaw(port, { target: '/mcp/odd', headers, body });

    expectRefused(answer, status, code, before);
  },
);

test.each<[string, Buffer]>([
  ['a mark of byte order', Buffer.from(`\ufeff${body}`)],
  ['UTF-16', Buffer.from(body, 'utf16le')],
  ['UTF-16 with its mark', Buffer.from(`\ufeff${body}`, 'utf16le')],
  ['gzip, unsaid', gzipSync(body)],
  ['br, unsaid', brotliCompressSync(body)],
  ['deflate, unsaid', deflateSync(body)],
  ['bytes that are too long for their character', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ['two messages', Buffer.from(`${body}\n${body}`)],
  ['a comment', Buffer.from(`/* x */${body}`)],
  ['a trailing comma', Buffer.from(`${body.slice(0, -1)},}`)],
])('when a body is or has %s, then it is refused, and not sent on', async (_, bytes) => {
  const before = house.upstream.heard.length;
  const headers = [...usual(), json];
  const answer = await sendRaw(port, { target: '/mcp/odd', headers, body: bytes });

  expectRefused(answer, 400, 'REQUEST_UNREADABLE', before);
});

test.each([
  ['in absolute form', () => `http://localhost:${port}/mcp/odd`],
  ['in absolute form, of another host', () => 'http://attacker.example/mcp/odd'],
])('when a target is %s, then it is refused, and not sent on', async (_, target) => {
  const before = house.upstream.heard.length;
  const headers = [...usual(), json];
  const answer = await sendRaw(port, { target: target(), headers, body });

  expectRefused(answer, 400, 'REQUEST_HEADERS_REFUSED', before);
});

test.each([
  '/mcp/odd/../odd',
  '/mcp/x/%2e%2e/odd',
  '//mcp/odd',
  '/mcp//odd',
  '/mcp/odd%2f..%2fodd',
  '/mcp/odd%00',
  '/mcp/odd.',
  '/mcp/odd;x=y',
  '/mcp/..',
  '/mcp/%2e%2e',
  '/mcp/__proto__',
  '/mcp/constructor',
  '/mcp/%ff',
  '/mcp/odd/secret',
  '*',
])('when the target is %s, then no server is found', async (target) => {
  const before = house.upstream.heard.length;
  const headers = [...usual(), json];
  const { status } = await sendRaw(port, { target, headers, body });

  expect([400, 404]).toContain(status);
  expect(house.upstream.heard.length).toBe(before);
});

test.each(['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'QUERY'])(
  'when %s is spoken, then nothing is sent on',
  async (method) => {
    const before = house.upstream.heard.length;
    const headers = [...usual(), json];
    const { status } = await sendRaw(port, { method, target: '/mcp/odd', headers, body });

    expect([400, 404, 405]).toContain(status);
    expect(house.upstream.heard.length).toBe(before);
  },
);

test('when requests were refused by name, then every one of them is on record', async () => {
  expect(refused.length).toBeGreaterThan(ours.length);
  await Promise.all(
    refused.map(async ({ callId, code }) =>
      expect(await house.recorded(callId, failed)).toMatchObject({
        code,
        executed: 'no',
        stage: 'intake',
        remoteAddress: expect.stringContaining('127.0.0.1'),
      }),
    ),
  );
});

/** Two readers would find different requests in these: the HTTP parser itself refuses them (Node 24). */
test.each<[string, () => Buffer]>([
  [
    'a length and chunks',
    () => raw(['Transfer-Encoding: chunked'], chunked(body), { length: 'Content-Length: 5' }),
  ],
  [
    'chunks and a length',
    () => raw(['Transfer-Encoding: chunked', 'Content-Length: 5'], chunked(body), { length: '' }),
  ],
  ['xchunked', () => raw(['Transfer-Encoding: xchunked'], chunked(body), { length: '' })],
  ['chunked, x', () => raw(['Transfer-Encoding: chunked, x'], chunked(body), { length: '' })],
  [
    'two Transfer-Encoding',
    () =>
      raw(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], chunked(body), { length: '' }),
  ],
  [
    'a blank before the colon',
    () => raw(['Transfer-Encoding : chunked'], chunked(body), { length: '' }),
  ],
  ['two lengths', () => raw([`Content-Length: ${body.length}`], body)],
  ['two lengths that differ', () => raw(['Content-Length: 1'], body)],
  ['a signed length', () => raw([], body, { length: `Content-Length: +${body.length}` })],
  ['a list of lengths', () => raw([], body, { length: 'Content-Length: 5, 5' })],
  ['a folded header', () => raw(['X-A: 1\r\n folded'], body)],
  [
    'lines that end with LF alone',
    () => Buffer.from(raw([], body).toString().replaceAll('\r', '')),
  ],
  ['a bare CR in a value', () => raw(['X-A: 1\rHost: attacker.example'], body)],
  ['a NUL in a value', () => raw(['X-A: 1\0'], body)],
  [
    'chunks that end with LF alone',
    () => raw(['Transfer-Encoding: chunked'], chunked(body).replace('\r\n', '\n'), { length: '' }),
  ],
  [
    'a chunk of no size',
    () => raw(['Transfer-Encoding: chunked'], chunked(body, ''), { length: '' }),
  ],
  [
    'no Host',
    () =>
      Buffer.from(
        raw([], body)
          .toString()
          .replace(/Host: .*\r\n/, ''),
      ),
  ],
  [
    'more headers than Node keeps',
    () =>
      raw(
        many(1100).map((each) => each.join(': ')),
        body,
      ),
  ],
  ['headers above 16 KiB', () => raw([`X-A: ${'a'.repeat(17_000)}`], body)],
])('when a request has %s, then it is refused before anybody reads it', async (_, bytes) => {
  const before = house.upstream.heard.length;
  const answer = await sendBytes(port, bytes());

  expect([400, 431, 505]).toContain(answer.status);
  expect(house.upstream.heard.length).toBe(before);
});

test('when chunks have extensions and trailers, then they are dropped: what is sent on is what was judged', async () => {
  const extended = `${body.length.toString(16)};secret=secret_tool\r\n${body}\r\n0;x=y\r\nMcp-Session-Id: stolen\r\nAuthorization: Bearer x\r\n\r\n`;
  const headers = ['Transfer-Encoding: chunked', 'Trailer: Mcp-Session-Id'];
  const answer = await sendBytes(port, raw(headers, extended, { length: '' }));

  expect(answer.status).toBe(200);
  const heard = house.upstream.heard.at(-1);
  expect(heard?.body).toMatchObject({ method: 'ping' });
  expect(JSON.stringify([heard?.headers, heard?.text])).not.toMatch(/secret|stolen|Bearer/);
});

test('when a second request hides behind a first, then each is judged by itself', async () => {
  const before = house.upstream.heard.length;
  const hidden = raw([], call)
    .toString('latin1')
    .replace(/Authorization: .*\r\n/, '');
  const first = raw([], body).toString('latin1').replace('Connection: close\r\n', '');
  const answer = await sendBytes(port, Buffer.from(first + hidden, 'latin1'));

  expect(answer.status).toBe(200);
  expect(answer.body).toContain('HTTP/1.1 401');
  expect(house.upstream.heard.length).toBe(before + 1);
});

test.each(['HTTP/2.0', 'HTTP/1.0'])(
  'when a request says %s, then it is held to the same, or refused',
  async (version) => {
    const before = house.upstream.heard.length;
    const line = `POST /mcp/odd ${version}`;
    const text = raw([], body, { line }).toString('latin1');
    const answer = await sendBytes(port, Buffer.from(text.replace(/Host: .*\r\n/, ''), 'latin1'));

    expect([400, 403]).toContain(answer.status);
    expect(house.upstream.heard.length).toBe(before);
    expect((await sendBytes(port, Buffer.from(text, 'latin1'))).status).toBe(
      version === 'HTTP/1.0' ? 200 : 400,
    );
  },
);

test('when a tunnel is asked for, then the connection ends without an answer', async () => {
  const before = house.upstream.heard.length;
  const answer = await sendBytes(
    port,
    raw([], '', { line: 'CONNECT attacker.example:443 HTTP/1.1' }),
  );

  expect(answer.body).toBe('');
  expect(house.upstream.heard.length).toBe(before);
});

test('when HTTP/2 is tried, by preface or by upgrade, then it is not spoken', async () => {
  const before = house.upstream.heard.length;
  const preface = await sendBytes(port, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
  const upgrade = raw(['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'], body);
  const upgraded = await sendBytes(port, upgrade);

  expect([400, 405, 505]).toContain(preface.status);
  expect(upgraded.status).toBe(200);
  expect(upgraded.headers.has('upgrade')).toBe(false);
  expect(house.upstream.heard.length).toBe(before + 1);
});
