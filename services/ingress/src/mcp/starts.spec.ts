import { expect, test } from 'vitest';
import { Refusal } from '../gate/refusal.js';
import { Starts } from './starts.js';

/** How long the next start has to wait. */
const pauseMs = (starts: Starts, nowMs: number): number => {
  try {
    starts.check(nowMs);
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
    return error.retryAfterMs ?? Number.NaN;
  }
};

test('when starts fail one after the other, then each pause is twice the last, to a minute', () => {
  const starts = new Starts();
  const pauses = Array.from({ length: 9 }, () => {
    starts.ended(0, 9999);
    return pauseMs(starts, 9999);
  });

  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test('when the pause is over, then the server may be started', () => {
  const starts = new Starts();
  starts.ended(0, 1000);

  expect([pauseMs(starts, 1200), pauseMs(starts, 1500)]).toEqual([300, 0]);
});

test.each([
  ['ends after ten seconds', (starts: Starts) => starts.ended(0, 10_000)],
  ['is still there after ten seconds', (starts: Starts) => starts.steady()],
])('when a start %s, then the next failure is a first one', (_, lasts) => {
  const starts = new Starts();
  for (let n = 0; n < 5; n += 1) starts.ended(0, 0);
  lasts(starts);
  starts.ended(20_000, 20_000);

  expect(pauseMs(starts, 20_000)).toBe(500);
});
