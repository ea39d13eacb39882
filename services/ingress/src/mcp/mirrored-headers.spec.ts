import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { type Message, readMessage } from './message.js';
import { checkMirrored, upstreamHeaders } from './mirrored-headers.js';

const version = '2026-07-28';
const meta = (named: Json) => ({ 'io.modelcontextprotocol/protocolVersion': named });
const message = (method: string, params: Record<string, Json> = {}): Message => {
  const read = readMessage({ jsonrpc: '2.0', id: 1, method, params });
  if (read === undefined) throw new TypeError('not a message');
  return read;
};
const call = message('tools/call', { name: 'pay', _meta: meta(version) });
const agreeing = { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': 'pay' };

test('when headers and body agree, then they go upstream, written anew from the body', () => {
  expect(() => checkMirrored(agreeing, call, false)).not.toThrow();
  expect(upstreamHeaders(agreeing, call)).toEqual(agreeing);
});

test.each<[string, Record<string, string>]>([
  ['the method is another', { ...agreeing, 'mcp-method': 'tools/list' }],
  ['the method is missing', { 'mcp-protocol-version': version, 'mcp-name': 'pay' }],
  ['the name is another', { ...agreeing, 'mcp-name': 'refund' }],
  ['the name is another, encoded', { ...agreeing, 'mcp-name': '=?base64?cmVmdW5k?=' }],
  ['the name differs in case', { ...agreeing, 'mcp-name': 'Pay' }],
  ['the name is missing', { 'mcp-protocol-version': version, 'mcp-method': 'tools/call' }],
  ['the version is older', { ...agreeing, 'mcp-protocol-version': '2025-11-25' }],
  ['the version is missing', { 'mcp-method': 'tools/call', 'mcp-name': 'pay' }],
  ['the version is no version', { ...agreeing, 'mcp-protocol-version': 'a b' }],
])('when %s, then the request is refused', (_, headers) => {
  expect(() => checkMirrored(headers, call, false)).toThrow(
    expect.objectContaining({ code: 'REQUEST_HEADERS_REFUSED' }),
  );
});

test('when header and body name a version that nobody speaks here, then it is refused as such', () => {
  const future = message('tools/list', { _meta: meta('2027-01-01') });

  expect(() => checkMirrored({ 'mcp-protocol-version': '2027-01-01' }, future, false)).toThrow(
    expect.objectContaining({ code: 'VERSION_UNSUPPORTED' }),
  );
});

test('when the server speaks the older era alone, then its own answer is waited for', () => {
  const headers = { ...agreeing, 'mcp-method': 'tools/list' };

  expect(() => checkMirrored(headers, call, true)).not.toThrow();
  expect(upstreamHeaders(headers, call)['mcp-method']).toBe('tools/call');
});

test('when a verb other than POST is used in the stateless era, then it is refused as such', () => {
  expect(() => checkMirrored({ 'mcp-protocol-version': version }, undefined, false)).toThrow(
    expect.objectContaining({ code: 'VERB_REFUSED' }),
  );
  expect(() =>
    checkMirrored({ 'mcp-protocol-version': '2025-11-25' }, undefined, false),
  ).not.toThrow();
});

test('when a method names nothing in its header, then none is asked for', () => {
  const ref = { type: 'ref/prompt', name: 'greet' };
  const completion = message('completion/complete', { ref, _meta: meta(version) });
  const headers = { 'mcp-protocol-version': version, 'mcp-method': 'completion/complete' };

  expect(() => checkMirrored(headers, completion, false)).not.toThrow();
  expect(upstreamHeaders(headers, completion)).toEqual(headers);
});

test('when names are outside of visible ASCII, then they are compared and sent encoded', () => {
  const named = message('tools/call', { name: 'zahlen für', _meta: meta(version) });
  const encoded = '=?base64?emFobGVuIGbDvHI=?=';
  const headers = { ...agreeing, 'mcp-name': encoded };

  expect(() => checkMirrored(headers, named, false)).not.toThrow();
  expect(upstreamHeaders(headers, named)['mcp-name']).toBe(encoded);
});

test('when headers mirror arguments, then they go along in the stateless era alone', () => {
  const mirrored = { 'mcp-param-region': 'eu' };

  expect(upstreamHeaders({ ...agreeing, ...mirrored }, call)).toMatchObject(mirrored);
  expect(
    upstreamHeaders({ 'mcp-protocol-version': '2025-11-25', ...mirrored }, call),
  ).not.toHaveProperty('mcp-param-region');
  expect(upstreamHeaders(mirrored, call)).toEqual({});
});

test('when a mirrored argument is not in visible ASCII, then the request is refused', () => {
  expect(() => upstreamHeaders({ ...agreeing, 'mcp-param-a': 'ü' }, call)).toThrow(
    expect.objectContaining({ code: 'REQUEST_HEADERS_REFUSED' }),
  );
});
