import { describe, expect, test } from 'vitest';
import { callDigest } from '#trust';
import { readMessage } from './message.js';
import { operationOf } from './operation.js';

const operation = (params: Record<string, unknown>, method = 'tools/call', extra = {}) => {
  const body = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params, ...extra }));
  const message = readMessage(body);
  if (message === undefined) throw new TypeError('not a message');
  return operationOf(message);
};
const digest = (params: Record<string, unknown>, extra = {}): string =>
  callDigest({ protocol: 'mcp', server: 's', ...operation(params, 'tools/call', extra) });
const params = { name: 'refund', arguments: { amount: 20 } };

test('when a call is made again under another progress token, then its digest is the same', () => {
  const meta = (progressToken: number) => ({ ...params, _meta: { progressToken, vendor: 'x' } });

  expect(digest(meta(1))).toBe(digest(meta(2)));
});

test.each<[string, Record<string, unknown>, object]>([
  ['the arguments', { ...params, arguments: { amount: 21 } }, {}],
  ['the tool', { ...params, name: 'refund2' }, {}],
  ['a member of _meta', { ...params, _meta: { vendor: 'y' } }, {}],
  ['a member beside the arguments', { ...params, requestState: 'abc' }, {}],
  ['a member beside the parameters', params, { vendor: true }],
])(
  'when %s changes, then the digest changes: all that goes upstream is signed',
  (_, changed, extra) => {
    expect(digest(changed, extra)).not.toBe(digest(params));
  },
);

test('when a client declares tasks, then that alone is unsigned: words of its own beside it are not', () => {
  const declaring = (tasks: object) => ({
    ...params,
    _meta: {
      'io.modelcontextprotocol/clientCapabilities': {
        extensions: { 'io.modelcontextprotocol/tasks': tasks },
      },
    },
  });
  const silent = {
    ...params,
    _meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: {} } },
  };

  expect(digest(declaring({}))).toBe(digest(silent));
  expect(digest(declaring({ to: 'bob' }))).not.toBe(digest(silent));
});

test.each(['admin/shutdown', 'session/close', 'client/response', 'constructor', 'toString'])(
  'when the method %s is sent as a message, then it counts as one that may do anything',
  (method) => {
    expect(operation({}, method).facts).toEqual({
      action: 'execute',
      objects: [],
      complete: false,
    });
  },
);

describe('what could be read in two ways is refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a list as the name of a tool', { name: ['delete_all'] }, 'tools/call'],
    ['an empty name', { name: '' }, 'tools/call'],
    ['no name', {}, 'tools/call'],
    ['a number as a URI', { uri: 1 }, 'resources/read'],
    ['a name of 3000 characters', { name: 'x'.repeat(3000) }, 'tools/call'],
    [
      'a reference with two names',
      { ref: { type: 'ref/resource', name: 'public', uri: 'file:///secret' } },
      'completion/complete',
    ],
    [
      'a reference of an unknown type',
      { ref: { type: 'ref/x', name: 'public' } },
      'completion/complete',
    ],
    ['a list as _meta', { name: 'a', _meta: [{ evil: 1 }] }, 'tools/call'],
    [
      'an object as trace context',
      { name: 'a', _meta: { baggage: { role: 'admin' } } },
      'tools/call',
    ],
  ])('when it has %s', (_, given, method) => {
    expect(() => operation(given, method)).toThrow(
      expect.objectContaining({ code: 'PARAMS_REFUSED' }),
    );
  });
});

test('when arguments are null, then that is what is signed', () => {
  expect(digest({ name: 'a', arguments: null })).not.toBe(digest({ name: 'a', arguments: {} }));
});
