import { expect, test } from 'vitest';
import { z } from 'zod';
import { newSealKey, Sealer } from '#trust';
import { principal } from '../gate/house.suite.js';
import { type JsonObject, type Message, readMessage } from './message.js';
import { RequestStates, type StatePlace } from './request-states.js';

const states = new RequestStates(new Sealer(newSealKey(), 'session'));
const place: StatePlace = { server: 'orders', principal };
const answer = (result: JsonObject): JsonObject => ({ jsonrpc: '2.0', id: 1, result });
const asking = answer({ resultType: 'input_required', requestState: 'raw', extra: 1 });
const saidSchema = z.object({ result: z.object({ requestState: z.string() }) });
const request = (params: JsonObject, method = 'tools/call'): Message => {
  const read = readMessage({ jsonrpc: '2.0', id: 2, method, params });
  if (read === undefined) throw new TypeError('not a message');
  return read;
};
const first = request({ name: 'pay', arguments: { sum: 1 }, _meta: { progressToken: 1 } });
const own = { name: 'pay', arguments: { sum: 1 } };
const given = (): string => {
  const said = states.withClientState(asking, first, place);
  return saidSchema.parse(said).result.requestState;
};

test('when a server asks for more, then its state is sealed, and opens for whom it was given', () => {
  const state = given();

  expect(state).not.toContain('raw');
  const again = { ...own, requestState: state, inputResponses: { a: {} }, _meta: { b: 1 } };
  const meant = states.withServerState(request(again), place);
  expect(meant.body['params']).toEqual({ ...again, requestState: 'raw' });
});

test.each<[string, StatePlace]>([
  ['another person', { ...place, principal: { ...principal, objectId: 'other' } }],
  ['another tenant', { ...place, principal: { ...principal, tenantId: 'other' } }],
  ['another application', { ...place, principal: { ...principal, clientApp: 'other' } }],
  ['another server', { ...place, server: 'other' }],
])('when a state is brought for %s, then the request is refused', (_, elsewhere) => {
  const brought = request({ ...own, requestState: given() });

  expect(() => states.withServerState(brought, elsewhere)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
  );
});

test.each<[string, JsonObject, string]>([
  ['another tool', { ...own, name: 'refund' }, 'tools/call'],
  ['other arguments', { ...own, arguments: { sum: 2 } }, 'tools/call'],
  ['no arguments', { name: 'pay' }, 'tools/call'],
  ['another method', own, 'prompts/get'],
  ['more than was asked', { ...own, x: 1 }, 'tools/call'],
])('when a state is brought with %s, then the request is refused', (_, params, method) => {
  const brought = request({ ...params, requestState: given() }, method);

  expect(() => states.withServerState(brought, place)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
  );
});

test.each(['raw', '', 7, null, { a: 1 }])(
  'when a state is %o, then it was never given',
  (state) => {
    expect(() => states.withServerState(request({ requestState: state }), place)).toThrow(
      expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
    );
  },
);

test('when there is no state, then nothing is changed', () => {
  const plain = answer({ resultType: 'complete', requestState: 'of the tool itself' });
  const without = request({ name: 'pay' });

  expect(states.withClientState(plain, first, place)).toBe(plain);
  expect(states.withClientState(asking, undefined, place)).toBe(asking);
  expect(states.withServerState(without, place)).toBe(without);
});
