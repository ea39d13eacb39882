import { expect, test } from 'vitest';
import { type Check, count, differencesOf } from './compare.js';

function check(override: Partial<Check> = {}): Check {
  return {
    scenario: 'ping',
    id: 'ping',
    name: 'Ping',
    status: 'SUCCESS',
    message: '',
    ...override,
  };
}

test('when every check comes out alike, then there is no difference, whatever the messages say', () => {
  const direct = [check({ status: 'FAILURE', message: 'port 1' }), check({ scenario: 'caching' })];
  const through = [check({ scenario: 'caching' }), check({ status: 'FAILURE', message: 'port 2' })];

  expect(differencesOf(direct, through)).toEqual([]);
});

test('when a check fails through the gateway, then both outcomes are told', () => {
  const direct = check();
  const through = check({ status: 'FAILURE', message: 'no answer' });

  expect(differencesOf([direct], [through])).toEqual([
    { scenario: 'ping', check: 'ping (Ping)', direct, through },
  ]);
});

test('when a check was made in one run only, then that is a difference', () => {
  const only = check({ id: 'incoming-sse-event' });

  expect(differencesOf([only, only], [only])).toEqual([
    { scenario: 'ping', check: 'incoming-sse-event (Ping)', direct: only, through: undefined },
  ]);
  expect(differencesOf([], [only])).toMatchObject([{ direct: undefined, through: only }]);
});

test('when checks share an id, then the second is compared with the second', () => {
  const passed = check();
  const failed = check({ status: 'FAILURE' });

  expect(differencesOf([passed, failed], [failed, passed])).toHaveLength(2);
  expect(count([passed, failed, failed], 'FAILURE')).toBe(2);
});
