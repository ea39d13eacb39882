import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendRaw } from '../faults/raw-http.js';
import { type Caller, postModern } from './mcp-http.js';
import { failed, type Relayed, startRelayed } from './relayed.js';
import { type Heard, sayJson } from './scripted-upstream.js';

type Headers = readonly (readonly [string, string])[];

const version = '2026-07-28';
const meta = {
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const encoded = (text: string): string =>
  `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
const property = (name: string, type: string) => ({ type, 'x-mcp-header': name });
/** Its arguments are repeated in headers. */
const routed = {
  name: 'routed',
  inputSchema: {
    type: 'object',
    properties: {
      region: property('Region', 'string'),
      count: property('Count', 'integer'),
      dry: property('Dry', 'boolean'),
      query: { type: 'object', properties: { table: property('Table', 'string') } },
    },
  },
};

let house: Relayed;
let ada: Caller;
let port: number;

beforeAll(async () => {
  house = await startRelayed('standalone');
  ({ ada } = house);
  ({ port } = house.world);
  house.upstream.answerWith(({ body: { id, method } }, response) => {
    const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
    const result = method === 'tools/list' ? { ...complete, tools: [routed] } : complete;
    sayJson(response, { jsonrpc: '2.0', id, result });
  });
  const listed = await postModern(ada, { id: 0, method: 'tools/list', params: {} });
  expect(await listed.json()).toMatchObject({ result: { tools: [routed] } });
}, 90_000);

afterAll(async () => house?.close(), 30_000);

/** Sends a message under exactly these headers, besides those that every request has. */
async function send(message: object, headers: Headers) {
  const usual: Headers = [
    ['Host', `localhost:${port}`],
    ['Authorization', `Bearer ${ada.token}`],
    ['Content-Type', 'application/json'],
    ['Accept', 'application/json, text/event-stream'],
  ];
  const before = house.upstream.heard.length;
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, ...message });
  const answer = await sendRaw(port, { target: '/mcp/odd', headers: [...usual, ...headers], body });
  return { answer, heard: house.upstream.heard.slice(before) };
}

const calling = (name: string, given: object = {}) => ({
  method: 'tools/call',
  params: { name, arguments: given, _meta: meta },
});
const agreeing = (method: string, name?: string): Headers => [
  ['MCP-Protocol-Version', version],
  ['Mcp-Method', method],
  ...(name === undefined ? [] : [['Mcp-Name', name] as const]),
];

const refused: string[] = [];
async function expectRefused(message: object, headers: Headers, code = -32_020): Promise<void> {
  const { answer, heard } = await send(message, headers);

  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code, data: { executed: 'no' } } });
  expect(heard).toEqual([]);
  refused.push(answer.headers.get('x-countersign-call') ?? '');
}
const passed = async (message: object, headers: Headers): Promise<Heard['headers']> => {
  const { answer, heard } = await send(message, headers);
  expect({ status: answer.status, heard: heard.length }).toEqual({ status: 200, heard: 1 });
  return heard[0]?.headers ?? {};
};

describe('method and name', () => {
  test.each<[string, Headers]>([
    [
      'no method',
      [
        ['MCP-Protocol-Version', version],
        ['Mcp-Name', 'pay'],
      ],
    ],
    ['another method', agreeing('tools/list', 'pay')],
    ['a method in other letters', agreeing('Tools/Call', 'pay')],
    ['an encoded method', agreeing(encoded('tools/call'), 'pay')],
    ['an empty method', agreeing('', 'pay')],
    ['two methods', [...agreeing('tools/call', 'pay'), ['mcp-method', 'tools/call']]],
    ['no name', agreeing('tools/call')],
    ['another name', agreeing('tools/call', 'refund')],
    ['a name in other letters', agreeing('tools/call', 'Pay')],
    ['a name with an extension', agreeing('tools/call', 'pay;x')],
    ['an empty name', agreeing('tools/call', '')],
    ['two names', [...agreeing('tools/call', 'pay'), ['Mcp-Name', 'pay']]],
    ['two names, the first another', [...agreeing('tools/call', 'refund'), ['Mcp-Name', 'pay']]],
    ['another name, encoded', agreeing('tools/call', encoded('refund'))],
    ['the name under another mark', agreeing('tools/call', '=?BASE64?cGF5?=')],
    ['the name, encoded without its end', agreeing('tools/call', '=?base64?cGF5')],
    ['the name, encoded with blanks', agreeing('tools/call', '=?base64? cGF5 ?=')],
    ['the name, encoded twice', agreeing('tools/call', encoded(encoded('pay')))],
    ['a long name', agreeing('tools/call', 'p'.repeat(4000))],
    ['a list of names', agreeing('tools/call', 'pay, refund')],
    [
      'an older version',
      [['MCP-Protocol-Version', '2025-11-25'], ...agreeing('tools/call', 'pay').slice(1)],
    ],
    ['no version', agreeing('tools/call', 'pay').slice(1)],
    ['two versions', [...agreeing('tools/call', 'pay'), ['MCP-Protocol-Version', version]]],
    [
      'a version with more behind it',
      [
        ['MCP-Protocol-Version', `${version}, 2025-11-25`],
        ...agreeing('tools/call', 'pay').slice(1),
      ],
    ],
  ])(
    'when the headers have %s, then the request is refused, and not sent on',
    async (_, headers) => {
      await expectRefused(calling('pay'), headers);
    },
  );

  test.each<[string, string, object, string, string]>([
    ['a prompt', 'prompts/get', { name: 'greet' }, 'other', 'greet'],
    ['a resource', 'resources/read', { uri: 'a://b' }, 'a://c', 'a://b'],
    ['a task', 'tasks/get', { taskId: 't' }, 'u', 't'],
  ])(
    'when %s is named otherwise in the header, then it is refused',
    async (_, method, params, other, own) => {
      const message = { method, params: { ...params, _meta: meta } };

      await expectRefused(message, agreeing(method, other));
      expect(await passed(message, agreeing(method, own))).toMatchObject({ 'mcp-method': method });
    },
  );

  test.each(['zahlen für', ' pay ', '=?base64?cGF5?=', 'pay', '\u{1f4b0}'])(
    'when a name is %o, then it is compared and sent on encoded, if it has to be',
    async (name) => {
      const sent = await passed(calling(name), agreeing('tools/call', encoded(name)));

      const isPlain = name === 'pay';
      expect(sent['mcp-name']).toBe(isPlain ? name : encoded(name));
      expect(sent['authorization']).toBeUndefined();
    },
  );

  test.each(['pay\r\nAuthorization: Bearer stolen', 'pay\n', 'pay\u0000'])(
    'when an encoded name is %o, then it agrees with the body, but is none that is sent on',
    async (name) => {
      const { answer, heard } = await send(calling(name), agreeing('tools/call', encoded(name)));

      expect(JSON.parse(answer.body)).not.toMatchObject({ error: { code: -32_020 } });
      expect(answer.body).toContain('"executed":"no"');
      expect(heard).toEqual([]);
    },
  );

  test.each(['Mcp-Name', 'Mcp-Param-Region', 'MCP-Protocol-Version'])(
    'when %s breaks the line, then the parser of HTTP refuses it, or it is another header',
    async (name) => {
      const others = agreeing('tools/call', 'pay').filter(([each]) => each !== name);
      const { answer, heard } = await send(calling('pay'), [
        ...others,
        [name, `pay\r\nHost: attacker.example`],
      ]);

      expect(answer.status).toBe(400);
      expect(heard).toEqual([]);
    },
  );

  test('when the headers are too large for any server, then so is the request', async () => {
    const headers = [
      ...agreeing('tools/call', 'pay'),
      ['Mcp-Param-Big', 'x'.repeat(16_500)],
    ] as const;
    const { answer, heard } = await send(calling('pay'), headers);

    expect(answer.status).toBe(431);
    expect(heard).toEqual([]);
  });

  test('when header and body name a version of the future, then that is what is refused', async () => {
    const future = { ...meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' };
    const message = { method: 'tools/list', params: { _meta: future } };
    await expectRefused(message, [['MCP-Protocol-Version', '2027-01-01']], -32_022);
  });
});

describe('arguments', () => {
  const given = { region: 'eu', count: 42, dry: false, query: { table: 'zahlen für' } };
  const mirrored: Headers = [
    ['Mcp-Param-Region', 'eu'],
    ['Mcp-Param-Count', '42'],
    ['Mcp-Param-Dry', 'false'],
    ['Mcp-Param-Table', encoded('zahlen für')],
  ];
  const replaced = (name: string, value: string | undefined): Headers =>
    mirrored.flatMap((each) =>
      each[0] === name ? (value === undefined ? [] : [[name, value] as const]) : [each],
    );
  const routedCall = agreeing('tools/call', 'routed');

  test('when headers repeat the arguments, then they go along as they came, unknown ones too', async () => {
    const more: Headers = [...mirrored, ['Mcp-Param-Else', 'x']];
    expect(await passed(calling('routed', given), [...routedCall, ...more])).toMatchObject({
      'mcp-param-region': 'eu',
      'mcp-param-count': '42',
      'mcp-param-dry': 'false',
      'mcp-param-table': encoded('zahlen für'),
      'mcp-param-else': 'x',
    });
  });

  test.each<[string, Headers]>([
    ['another value', replaced('Mcp-Param-Region', 'us')],
    ['the value in other letters', replaced('Mcp-Param-Region', 'EU')],
    ['another value, encoded', replaced('Mcp-Param-Region', encoded('us'))],
    ['no value', replaced('Mcp-Param-Region', undefined)],
    ['an empty value', replaced('Mcp-Param-Region', '')],
    ['another number', replaced('Mcp-Param-Count', '43')],
    ['a number in other digits', replaced('Mcp-Param-Count', '0x2a')],
    ['a number with a zero in front', replaced('Mcp-Param-Count', '042')],
    ['no number', replaced('Mcp-Param-Count', 'NaN')],
    ['another truth', replaced('Mcp-Param-Dry', 'true')],
    ['a truth in other words', replaced('Mcp-Param-Dry', 'False')],
    ['another value deep down', replaced('Mcp-Param-Table', encoded('payments'))],
    ['a value twice', [...mirrored, ['mcp-param-region', 'eu']]],
    ['a value in raw bytes', replaced('Mcp-Param-Table', 'zahlen f\xfcr')],
    ['an unknown value in raw bytes', [...mirrored, ['Mcp-Param-Else', 'f\xfcr']]],
  ])('when a header has %s, then the call is refused, and not sent on', async (_, headers) => {
    await expectRefused(calling('routed', given), [...routedCall, ...headers]);
  });

  test('when an argument is not there, then neither may its header be', async () => {
    await passed(calling('routed', { region: null }), routedCall);
    await expectRefused(calling('routed', {}), [...routedCall, ['Mcp-Param-Region', 'eu']]);
    await expectRefused(calling('routed', { region: null }), [
      ...routedCall,
      ['Mcp-Param-Region', 'null'],
    ]);
  });

  test.each<[string, Headers]>([
    ['an older version', [['MCP-Protocol-Version', '2025-11-25']]],
    ['the oldest version', [['MCP-Protocol-Version', '2024-11-05']]],
    ['no version', []],
  ])('when a message of %s brings them, then they never reach the server', async (_, versions) => {
    const { method, params } = calling('routed', given);
    const { _meta, ...older } = params;
    const routing = [...agreeing(method, 'routed').slice(1), ...mirrored];
    const sent = await passed({ method, params: older }, [...versions, ...routing]);

    expect(_meta).toBe(meta);
    expect(Object.keys(sent).filter((name) => /^mcp-(method|name|param)/.test(name))).toEqual([]);
  });
});

test.each([408, 413, 429])(
  'when a server has answered %i in its own words, then headers are held against bodies all the same',
  async (status) => {
    house.upstream.answerWith((_, response) => {
      response.writeHead(status, { 'content-type': 'text/plain' }).end('not now');
    });
    const { answer } = await send(calling('pay'), agreeing('tools/call', 'pay'));

    expect(answer.status).toBe(status);
    await expectRefused(calling('pay'), agreeing('tools/call', 'refund'));
  },
);

test('when a server seems to be of the older era alone, then headers repeat the arguments all the same', async () => {
  house.upstream.answerWith((_, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here');
  });
  const { answer } = await send(calling('pay'), agreeing('tools/call', 'pay'));

  expect(answer.status).toBe(404);
  const routed = [...agreeing('tools/call', 'routed'), ['Mcp-Param-Region', 'us']] as const;
  await expectRefused(calling('routed', { region: 'eu' }), routed);
});

test('when requests were refused, then every one of them is on record', async () => {
  expect(refused.length).toBeGreaterThan(40);
  await Promise.all(
    refused.map(async (callId) =>
      expect(await house.recorded(callId, failed)).toMatchObject({
        code: expect.stringMatching(/^(REQUEST_HEADERS_REFUSED|VERSION_UNSUPPORTED)$/),
        executed: 'no',
      }),
    ),
  );
});
