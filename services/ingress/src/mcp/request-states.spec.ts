import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { newSealKey, Sealer } from '#trust';
import { type JsonObject, type Message, readMessage } from './message.js';
import { RequestStates, type StatePlace } from './request-states.js';

const states = new RequestStates(new Sealer(newSealKey(), 'session'));
const principal: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'app',
  displayName: 'Ada',
  groups: [],
  roles: [],
};
const place: StatePlace = {
  server: 'orders',
  principal,
  operation: { method: 'tools/call', resource: 'pay' },
};
const answer = (result: JsonObject): JsonObject => ({ jsonrpc: '2.0', id: 1, result });
const asking = answer({ resultType: 'input_required', requestState: 'raw', extra: 1 });
const saidSchema = z.object({ result: z.object({ requestState: z.string() }) });
const request = (params: JsonObject): Message => {
  const read = readMessage({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  if (read === undefined) throw new TypeError('not a message');
  return read;
};
const given = (): string => {
  const said = states.withClientState(asking, place);
  return saidSchema.parse(said).result.requestState;
};

test('when a server asks for more, then its state is sealed, and opens for whom it was given', () => {
  const state = given();

  expect(state).not.toContain('raw');
  const meant = states.withServerState(request({ name: 'pay', requestState: state, x: 1 }), place);
  expect(meant.body['params']).toEqual({ name: 'pay', requestState: 'raw', x: 1 });
});

test.each<[string, StatePlace]>([
  ['another person', { ...place, principal: { ...principal, objectId: 'other' } }],
  ['another tenant', { ...place, principal: { ...principal, tenantId: 'other' } }],
  ['another application', { ...place, principal: { ...principal, clientApp: 'other' } }],
  ['another server', { ...place, server: 'other' }],
  ['another tool', { ...place, operation: { method: 'tools/call', resource: 'other' } }],
  ['another method', { ...place, operation: { method: 'prompts/get', resource: 'pay' } }],
])('when a state is brought for %s, then the request is refused', (_, elsewhere) => {
  const brought = request({ name: 'pay', requestState: given() });

  expect(() => states.withServerState(brought, elsewhere)).toThrow(
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

  expect(states.withClientState(plain, place)).toBe(plain);
  expect(states.withServerState(without, place)).toBe(without);
});
