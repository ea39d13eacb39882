import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { type Message, readMessage } from './message.js';
import type { Server } from '../servers.js';
import { ServerEras } from './server-eras.js';

const a: Server = {
  name: 'a',
  labels: {},
  config: { command: ['a'], env: {}, labels: {} },
  definitions: { new: 'pass', changed: 'hold' },
};
const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
const asked = (method = 'tools/list', params: Record<string, Json> = { _meta }): Message => {
  const read = readMessage({ jsonrpc: '2.0', id: 1, method, params });
  if (read === undefined) throw new TypeError('not a message');
  return read;
};
const error = (code: number) => ({ jsonrpc: '2.0', id: null, error: { code, message: 'no' } });

test.each<[string, Message, number, Json | undefined]>([
  ['an error that only the older era has', asked(), 400, error(-32_000)],
  ['a status and no message', asked(), 404, undefined],
  ['that it does not know server/discover', asked('server/discover'), 200, error(-32_601)],
])(
  'when a server answers the stateless era with %s, then it speaks the older one alone',
  (_, message, status, content) => {
    const eras = new ServerEras();
    eras.learn(a, message, status, content);

    expect(eras.isLegacy(a)).toBe(true);
    expect(eras.isLegacy({ ...a })).toBe(false);
  },
);

test.each<[string, Message, number, Json | undefined]>([
  ['a refusal of the stateless era', asked(), 400, error(-32_020)],
  ['an unknown method', asked('x/y'), 404, error(-32_601)],
  ['a failure of its own', asked(), 500, undefined],
  ['that it is asked too often', asked(), 429, undefined],
  ['that the message is too large', asked(), 413, error(-32_000)],
  ['an answer to the older era', asked('tools/list', {}), 400, error(-32_000)],
])('when it answers with %s, then nothing is known', (_, message, status, content) => {
  const eras = new ServerEras();
  eras.learn(a, message, status, content);

  expect(eras.isLegacy(a)).toBe(false);
});

test('when a server learns the stateless era, then that is noticed', () => {
  const eras = new ServerEras();
  eras.learn(a, asked(), 400, error(-32_000));
  eras.learn(a, asked(), 200, { jsonrpc: '2.0', id: 1, result: { resultType: 'complete' } });

  expect(eras.isLegacy(a)).toBe(false);
});
