import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Json } from '#masking';
import { newSealKey, Sealer } from '#trust';
import { principal } from '../gate/house.suite.js';
import type { EventPlace } from './event-ids.js';
import { QuestionIds } from './question-ids.js';

const ids = new QuestionIds(new Sealer(newSealKey(), 'session'));
const place: EventPlace = { server: 'orders', principal, sessionId: 'session' };
const question = (id: Json) => ({ jsonrpc: '2.0', id, method: 'roots/list' });
const given = (id: Json): string =>
  z.object({ id: z.string() }).parse(ids.withClientId(question(id), place)).id;
const answer = (id: string | number) => {
  const body = { jsonrpc: '2.0', id, result: { roots: [] } };
  return { kind: 'response' as const, id, body };
};

test.each(['s-1', '', 0, 7, '7'])(
  'when a server asks under %o, then its client answers under another id, and the server reads its own',
  (id) => {
    const told = ids.withServerId(answer(given(id)), place);

    expect(given(id)).not.toBe(String(id));
    expect(told).toEqual({
      kind: 'response',
      id,
      body: { jsonrpc: '2.0', id, result: { roots: [] } },
    });
  },
);

test('when a server takes its question back, then that bears the id that the client knows', () => {
  const notice = {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 's-1' },
  };

  expect(ids.withClientId(notice, place)).toMatchObject({ params: { requestId: given('s-1') } });
});

test.each<[string, EventPlace]>([
  ['another person', { ...place, principal: { ...principal, objectId: 'other' } }],
  ['another tenant', { ...place, principal: { ...principal, tenantId: 'other' } }],
  ['another application', { ...place, principal: { ...principal, clientApp: 'other' } }],
  ['another session', { ...place, sessionId: 'other' }],
  ['no session', { ...place, sessionId: null }],
  ['another server', { ...place, server: 'other' }],
])('when %s answers, then the answer is refused', (_, elsewhere) => {
  expect(() => ids.withServerId(answer(given('s-1')), elsewhere)).toThrow(
    expect.objectContaining({ code: 'PARAMS_REFUSED' }),
  );
});

test.each(['s-1', '', 7])('when an answer comes under %o, then nobody asked it', (id) => {
  expect(() => ids.withServerId(answer(id), place)).toThrow(
    expect.objectContaining({ code: 'PARAMS_REFUSED' }),
  );
});

test.each<[Json]>([
  [{ jsonrpc: '2.0', id: 's-1', result: {} }],
  [{ jsonrpc: '2.0', method: 'notifications/progress', params: { requestId: 's-1' } }],
  [question(null)],
  ['text'],
])('when %o is said, then it is no question that can be answered, and stays as it is', (said) => {
  expect(ids.withClientId(said, place)).toEqual(said);
});
