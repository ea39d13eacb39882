import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { readMessage } from './message.js';
import { checkArguments } from './mirrored-arguments.js';

const params = new Map([
  ['mcp-param-region', ['region']],
  ['mcp-param-count', ['query', 'count']],
  ['mcp-param-dry', ['dry']],
]);
const check = (headers: Record<string, string>, given: Record<string, Json>) => {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { arguments: given } };
  checkArguments(headers, readMessage(body), params);
};

test.each<[Record<string, string>, Record<string, Json>]>([
  [{}, {}],
  [{}, { region: null }],
  [{ 'mcp-param-region': 'eu' }, { region: 'eu' }],
  [{ 'mcp-param-region': '=?base64?SGVsbG8=?=' }, { region: 'Hello' }],
  [{ 'mcp-param-region': '=?base64?SGVsbG8=' }, { region: '=?base64?SGVsbG8=' }],
  [{ 'mcp-param-count': '42.0' }, { query: { count: 42 } }],
  [{ 'mcp-param-dry': 'true' }, { dry: true }],
  [{ 'mcp-param-other': 'x' }, {}],
])('when headers are %o and arguments %o, then they agree', (headers, given) => {
  expect(() => check(headers, given)).not.toThrow();
});

test.each<[Record<string, string>, Record<string, Json>]>([
  [{}, { region: 'eu' }],
  [{ 'mcp-param-region': 'us' }, { region: 'eu' }],
  [{ 'mcp-param-region': 'EU' }, { region: 'eu' }],
  [{ 'mcp-param-region': 'eu' }, {}],
  [{ 'mcp-param-region': 'null' }, { region: null }],
  [{ 'mcp-param-region': '=?base64?SGVsbG8?=' }, { region: 'Hello' }],
  [{ 'mcp-param-region': '=?BASE64?SGVsbG8=?=' }, { region: 'Hello' }],
  [{ 'mcp-param-count': '43' }, { query: { count: 42 } }],
  [{ 'mcp-param-count': '' }, { query: { count: 0 } }],
  [{ 'mcp-param-count': '0x2a' }, { query: { count: 42 } }],
  [{ 'mcp-param-count': '042' }, { query: { count: 42 } }],
  [{ 'mcp-param-count': '42,43' }, { query: { count: 42 } }],
  [{ 'mcp-param-dry': 'True' }, { dry: true }],
  [{ 'mcp-param-region': 'x' }, { region: { toString: 'x' } }],
])('when headers are %o and arguments %o, then the request is refused', (headers, given) => {
  expect(() => check(headers, given)).toThrow(
    expect.objectContaining({ code: 'REQUEST_HEADERS_REFUSED' }),
  );
});
