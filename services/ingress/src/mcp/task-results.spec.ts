import { afterEach, expect, test, vi } from 'vitest';
import type { TaskOutcome } from './task-answer.js';
import { TaskResults } from './task-results.js';

const ended = (text = ''): TaskOutcome => ({ status: 'completed', result: { text } });

afterEach(() => vi.useRealTimers());

test('when a task has ended, then that is known for ten minutes, and its first end stays', () => {
  vi.useFakeTimers({ now: Date.parse('2026-11-28T12:00:00Z') });
  const results = new TaskResults();

  results.keep('a', 'ada', ended('first'));
  results.keep('a', 'ada', { status: 'cancelled' });

  vi.setSystemTime(Date.now() + 10 * 60_000 - 1);
  expect(results.of('a')).toEqual(ended('first'));
  vi.setSystemTime(Date.now() + 1);
  expect(results.of('a')).toBeUndefined();
});

test('when there are more than may be, then the oldest are forgotten', () => {
  const results = new TaskResults({ maxBytes: 1_000_000, maxTasks: 2, share: 1 });

  for (const key of ['a', 'b', 'c']) results.keep(key, key, ended());

  expect(['a', 'b', 'c'].map((key) => results.of(key) !== undefined)).toEqual([false, true, true]);
});

test('when they are larger than may be, then the oldest are forgotten', () => {
  const results = new TaskResults({ maxBytes: 250, maxTasks: 100, share: 1 });

  for (const key of ['a', 'b', 'c']) results.keep(key, key, ended('x'.repeat(60)));

  expect(['a', 'b', 'c'].map((key) => results.of(key) !== undefined)).toEqual([false, true, true]);
});

test('when one caller ends many tasks, then only its own are forgotten', () => {
  const results = new TaskResults({ maxBytes: 1_000_000, maxTasks: 8, share: 4 });
  results.keep('other', 'bob', ended());

  for (const key of ['a', 'b', 'c', 'd']) results.keep(key, 'ada', ended());

  expect(['other', 'a', 'b', 'c', 'd'].map((key) => results.of(key) !== undefined)).toEqual([
    true,
    false,
    false,
    true,
    true,
  ]);
});
